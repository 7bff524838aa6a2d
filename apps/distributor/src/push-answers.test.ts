// How pushes are answered: negotiation, limits of size, rate and memory, a log that fails, and the route.
import { WeirError } from '@weir/errors';
import fastify from 'fastify';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { body1, many, type Setup, setUp, VERSION_2 } from './push-fixture.ts';

describe('push, negotiation', () => {
  const cases: [string, string, string, number][] = [
    ['no content type as 1.0', '', 'snappy', 200],
    ['no encoding', 'application/x-protobuf', '', 200],
    ['1.0 by name', 'application/x-protobuf; proto=prometheus.WriteRequest', 'snappy', 200],
    ['2.0 by name', VERSION_2, 'snappy', 204],
    ['another protocol', 'application/x-protobuf;proto=other.Request', 'snappy', 415],
    ['another media type', 'application/json', 'snappy', 415],
    ['another encoding', 'application/x-protobuf', 'gzip', 415],
    ['a parameter without a value', 'application/x-protobuf;proto', 'snappy', 400],
  ];
  it.each(cases)('answers %s', async (_title, contentType, contentEncoding, status) => {
    const { push } = setUp();
    const answer = await push(compressSync(Buffer.alloc(0)), { contentType, contentEncoding });
    expect(answer.status).toBe(status);
    expect(answer.body === '').toBe(status < 300);
  });

  it('answers 400 to bytes that are no snappy, before believing their size', async () => {
    const { push } = setUp();
    for (const hex of ['', 'ff', 'ffffffff0f', '0a', '0a0061', '0400016161', '8080808001']) {
      const answer = await push(Buffer.from(hex, 'hex'));
      expect(answer.status).toBe(400);
      expect(answer.body).not.toBe('');
    }
  });

  it('refuses messages above the size limit, compressed and not', async () => {
    const { push } = setUp({ settings: { recvMessageBytesMax: 50 } });
    const compressed = await push(Buffer.alloc(51));
    expect(compressed.body).toBe(
      'the incoming push request has been rejected because its message size of 51 bytes (compressed) is larger than the allowed limit of 50 bytes (err-mimir-distributor-max-write-message-size). To adjust the related limit, configure -distributor.max-recv-msg-size, or contact your service administrator.',
    );
    const bomb = await push(compressSync(Buffer.alloc(51)));
    expect(bomb.status).toBe(400);
    expect(bomb.body).toMatch(/message size of 51 bytes \(uncompressed\)/);
  });
});

describe('push, limits and failures', () => {
  it('answers 429 with Retry-After above the rate, and lets time pass cure it', async () => {
    const { push, produced, advance, metric } = setUp({
      limits: { ingestionRate: 10, ingestionBurstSize: 20 },
    });
    expect((await push(body1(many(20)))).status).toBe(200);
    const logged = produced.length;
    const limited = await push(body1(many(10)), { retryAttempt: '2' });
    expect(limited.status).toBe(429);
    expect(limited.body).toMatch(
      /^the request has been rejected because the tenant exceeded the ingestion rate limit, set to 10 items\/s with a maximum allowed burst of 20\..*\(err-mimir-tenant-max-ingestion-rate\)\. To adjust the related per-tenant limits, configure -distributor\.ingestion-rate-limit and -distributor\.ingestion-burst-size/,
    );
    const seconds = Number(limited.headers['retry-after']);
    expect(seconds).toBeGreaterThanOrEqual(6);
    expect(seconds).toBeLessThanOrEqual(18);
    expect(produced.length).toBe(logged);
    expect(await metric('cortex_discarded_samples_total')).toMatchObject([
      { value: 10, labels: { reason: 'rate_limited' } },
    ]);
    advance(1000);
    expect((await push(body1(many(10)))).status).toBe(200);
    const over = await push(body1(many(21)));
    expect(over.status).toBe(429);
    expect(over.body).toMatch(/exceeded the ingestion burst size limit, set to 20, with 21 items/);
  });

  const failures: [ConstructorParameters<typeof WeirError>[0], number][] = [
    ['unavailable', 503],
    ['limited', 503],
    ['closed', 503],
    ['internal', 500],
  ];
  it.each(failures)('answers a log that is %s with %i and the cause', async (kind, status) => {
    const { push } = setUp({
      produce: async () => {
        throw new WeirError(kind, 'broker 3 is gone');
      },
    });
    const answer = await push(body1(many(1)));
    expect(answer.status).toBe(status);
    expect(answer.body).toBe('send data to partitions: broker 3 is gone');
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
  });

  it('answers 503 when no partition is active', async () => {
    const { push } = setUp({ active: [] });
    expect((await push(body1(many(1)))).status).toBe(503);
  });

  it('refuses pushes to a partition that is too far behind, so that they are repeated', async () => {
    const { push, produced, advance } = setUp({
      settings: { partitionDelayMaxMs: 60_000 },
      delays: new Map([[2, 600_000]]),
    });
    const answers = [];
    for (let second = 0; second < 5; second++) {
      answers.push(await push(body1(many(50))));
      advance(1000);
    }
    expect(answers.map(({ status }) => status)).toContain(503);
    const refused = answers.find(({ status }) => status === 503)!;
    expect(refused.body).toMatch(/partition 2 .*-distributor\.max-partition-delay/);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(6);
    // All of a refused push is refused.
    const records = produced.filter(({ partition }) => partition === 0);
    expect(records).toHaveLength(answers.filter(({ status }) => status === 200).length);
  });

  it('sheds pushes above the in-flight bytes, and takes them again after', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const body = body1(many(10));
    const { push } = setUp({
      settings: { inflightBytesMax: 1500 },
      produce: () => gate.then(() => []),
    });
    const first = push(body);
    const second = await push(body);
    expect(second.status).toBe(503);
    expect(second.body).toMatch(/err-mimir-distributor-max-inflight-push-requests-bytes/);
    open();
    expect((await first).status).toBe(200);
    expect((await push(body)).status).toBe(200);
  });
});

describe('POST /api/v1/push', () => {
  const serve = (setup: Setup = {}) => {
    const server = fastify();
    setUp(setup).distributor.routes(server);
    return server;
  };

  it('takes a push whatever its content type, and answers plain text', async () => {
    const server = serve();
    const url = '/api/v1/push';
    const ok = await server.inject({
      method: 'POST',
      url,
      payload: body1(many(3)),
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect([ok.statusCode, ok.body]).toEqual([200, '']);
    const bare = await server.inject({ method: 'POST', url, payload: body1(many(3)) });
    expect(bare.statusCode).toBe(200);
    const json = await server.inject({
      method: 'POST',
      url,
      payload: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(json.statusCode).toBe(415);
    const bad = await server.inject({
      method: 'POST',
      url,
      payload: 'x',
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect(bad.statusCode).toBe(400);
    expect(bad.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(bad.headers['x-content-type-options']).toBe('nosniff');
    expect(bad.body).toMatch(/^snappy: corrupt input.*\n$/);
    await server.close();
  });

  it('refuses a body that is too large before reading it', async () => {
    const server = serve({ settings: { recvMessageBytesMax: 10 } });
    const answer = await server.inject({
      method: 'POST',
      url: '/api/v1/push',
      payload: Buffer.alloc(3_000_000),
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toMatch(/message size of 3000000 bytes \(compressed\)/);
    await server.close();
  });
});
