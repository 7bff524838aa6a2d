// The server's own behaviour, through injected requests; closing and streaming need a real socket and
// are tested with one on a free loopback port.
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { afterEach, describe, expect, it } from 'vitest';
import { sendApiError, sendPlainError } from './error-answer.ts';
import { createHttpServer, listen } from './http-server.ts';
import { httpFlags, tenantFlags } from './http-settings.ts';
import { readForm } from './request-body.ts';
import { tenantOf } from './tenant.ts';

const open: { close(): Promise<unknown> }[] = [];

function createServer(overrides: object = {}) {
  const parts = { telemetry: silentTelemetry(), clock: systemClock };
  const server = createHttpServer(
    { ...defaultsOf(httpFlags), address: '127.0.0.1', port: 0, ...overrides },
    parts,
  );
  open.push(server);
  return { server, metrics: parts.telemetry.metrics };
}

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

describe('http server', () => {
  it('answers 404 for unknown paths and 405 for wrong methods, as gorilla/mux does', async () => {
    const { server } = createServer();
    server.get('/api/v1/label/:name/values', async () => 'ok');
    const missing = await server.inject('/nothing');
    expect([missing.statusCode, missing.body]).toEqual([404, '404 page not found\n']);
    const wrong = await server.inject({ method: 'POST', url: '/api/v1/label/a/values?x=1' });
    expect([wrong.statusCode, wrong.body]).toEqual([405, '']);
    expect(
      (await server.inject({ method: 'HEAD', url: '/api/v1/label/a/values' })).statusCode,
    ).toBe(405);
    expect((await server.inject('/API/v1/label/a/values')).statusCode).toBe(404);
  });

  it('matches encoded paths and decodes each parameter by itself', async () => {
    const { server } = createServer();
    server.get('/rules/:namespace/:group', async (request) => request.params);
    const answer = await server.inject('/rules/a%2Fb/c%20d');
    expect(answer.json()).toEqual({ namespace: 'a/b', group: 'c d' });
  });

  it.each([
    [
      'too slow a header',
      'GET / HTTP/1.1\r\n',
      /^HTTP\/1.1 408 .*the request has not come in time\n$/s,
    ],
    [
      'too slow a body',
      'POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\na',
      /^HTTP\/1.1 408 .*the request has not come in time\n$/s,
    ],
    ['nothing', '', /^HTTP\/1.1 408 /],
    ['no HTTP', 'what?\r\n\r\n', /^HTTP\/1.1 400 .*Parse Error/s],
    ['too much header', `GET / HTTP/1.1\r\na: ${'b'.repeat(1.2e6)}\r\n\r\n`, /^HTTP\/1.1 431 /],
  ])('answers %s in plain text, and closes', async (_, sent, expected) => {
    const settings = { ...defaultsOf(httpFlags), address: '127.0.0.1', port: 0 };
    const { server } = createServer({ readTimeoutMs: 300 });
    server.post('/body', async (request) => {
      for await (const _part of request.raw);
      return 'ok';
    });
    const port = await listen(server, settings);
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write(sent);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    await once(socket, 'close');
    expect(answer).toMatch(expected);
  });

  it('closes connections above their limit', async () => {
    const settings = { ...defaultsOf(httpFlags), address: '127.0.0.1', port: 0 };
    const { server } = createServer({ connectionsMax: 2 });
    server.get('/', async () => 'ok');
    const port = await listen(server, settings);
    const sockets = Array.from({ length: 3 }, () => connect({ port, host: '127.0.0.1' }));
    for (const socket of sockets) socket.on('error', () => {});
    await once(sockets[2]!, 'close');
    sockets[1]!.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(String((await once(sockets[1]!, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /);
    for (const socket of sockets) socket.destroy();
  });

  it('serves below a path prefix only', async () => {
    const { server } = createServer({ pathPrefix: '/weir/' });
    server.get('/ready', async () => 'ready');
    expect((await server.inject('/weir/ready?x=1')).body).toBe('ready');
    expect((await server.inject('/ready')).statusCode).toBe(404);
    expect((await server.inject('/weirready')).statusCode).toBe(404);
  });

  it('answers thrown errors as plain text in the style of Go', async () => {
    const { server } = createServer();
    server.get('/limited', async () => {
      throw new WeirError('limited', 'slow down');
    });
    server.get('/bug', async () => {
      throw new Error('oops');
    });
    const limited = await server.inject('/limited');
    expect([limited.statusCode, limited.body]).toEqual([429, 'slow down\n']);
    expect(limited.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(limited.headers['x-content-type-options']).toBe('nosniff');
    expect(limited.headers['retry-after']).toBe('5');
    expect((await server.inject('/bug')).statusCode).toBe(500);
  });

  it('maps kinds to errorType and status of the Prometheus API', async () => {
    const { server } = createServer();
    const cases = [
      [new WeirError('invalid', 'x'), 400, 'bad_data'],
      [new WeirError('invalid', 'x', { status: 422 }), 422, 'execution'],
      [new WeirError('timeout', 'x'), 503, 'timeout'],
      [new WeirError('canceled', 'x'), 499, 'canceled'],
      [new WeirError('unavailable', 'x'), 503, 'unavailable'],
      [new WeirError('limited', 'x'), 429, 'too_many_requests'],
      [new WeirError('not-found', 'x'), 404, 'not_found'],
      [new Error('x'), 500, 'internal'],
    ] as const;
    cases.forEach(([error], at) => {
      server.get(`/${at}`, async (_request, reply) => sendApiError(reply, error));
    });
    for (const [at, [, status, errorType]] of cases.entries()) {
      const answer = await server.inject(`/${at}`);
      expect(answer.statusCode).toBe(status);
      expect(answer.json()).toEqual({ status: 'error', errorType, error: 'x' });
    }
  });

  it('leaves bodies to handlers and reads forms with those of the body first', async () => {
    const { server } = createServer();
    server.post('/form', async (request, reply) => {
      try {
        return [...(await readForm(request, 20))];
      } catch (error) {
        return sendPlainError(reply, error);
      }
    });
    const post = (payload: string) =>
      server.inject({
        method: 'POST',
        url: '/form?a=2&b=%2B',
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        payload,
      });
    expect((await post('a=1+1&c=%26')).json()).toEqual([
      ['a', '1 1'],
      ['c', '&'],
      ['a', '2'],
      ['b', '+'],
    ]);
    const large = await post(`a=${'x'.repeat(30)}`);
    expect([large.statusCode, large.body]).toEqual([413, 'http: request body too large\n']);
  });

  it('compresses large answers for clients that accept gzip', async () => {
    const { server } = createServer();
    const text = 'weir '.repeat(10_000);
    server.get('/large', async () => text);
    server.get('/raw', { config: { compress: false } }, async () => text);
    const headers = { 'accept-encoding': 'deflate, gzip;q=0.5' };
    const zipped = await server.inject({ url: '/large', headers });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped.rawPayload).toString()).toBe(text);
    expect((await server.inject({ url: '/raw', headers })).body).toBe(text);
    const refused = { 'accept-encoding': 'gzip;q=0' };
    expect((await server.inject({ url: '/large', headers: refused })).body).toBe(text);
  });

  it('measures requests by route and counts none as in flight afterwards', async () => {
    const { server, metrics } = createServer();
    server.get('/api/v1/label/:name/values', async () => 'ok');
    const port = await listen(server, {
      ...defaultsOf(httpFlags),
      address: '127.0.0.1',
      port: 0,
    });
    await fetch(`http://127.0.0.1:${port}/api/v1/label/a/values`).then((answer) => answer.text());
    await server.close();
    const text = await metrics.metrics();
    expect(text).toContain(
      'cortex_request_duration_seconds_count{method="GET",route="api_v1_label_name_values",status_code="200",ws="false"} 1',
    );
    expect(text).toContain(
      'cortex_inflight_requests{method="GET",route="api_v1_label_name_values"} 0',
    );
  });

  it('finishes requests in flight while closing', async () => {
    const { server } = createServer();
    let release = (_text: string) => {};
    let arrived = () => {};
    const inHandler = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    server.get('/slow', () => {
      arrived();
      return new Promise<string>((resolve) => {
        release = resolve;
      });
    });
    const port = await listen(server, { ...defaultsOf(httpFlags), address: '127.0.0.1', port: 0 });
    const answer = new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
      get({ port, path: '/slow', host: '127.0.0.1' }, (response) => {
        response.resume();
        response.once('end', () => resolve([response.statusCode, response.headers.connection]));
      }).on('error', reject);
    });
    await inHandler;
    const closed = server.close();
    await systemClock.yield();
    release('done');
    expect(await answer).toEqual([200, 'close']);
    await closed;
  });
});

describe('tenant of a request', () => {
  const settings = defaultsOf(tenantFlags);
  const ask = (id: string | undefined, overrides = {}) =>
    tenantOf(
      { headers: id === undefined ? {} : { 'x-scope-orgid': id } },
      {
        ...settings,
        ...overrides,
      },
    );

  it('is the header, or one for all when multi-tenancy is off', () => {
    expect(ask('team-a')).toBe('team-a');
    expect(ask('team-a', { multitenancy: false })).toBe('anonymous');
    expect(ask('a|a')).toBe('a');
  });

  it('is refused with the texts of Mimir', () => {
    expect(() => ask(undefined)).toThrow('no org id');
    expect(() => ask('a/b')).toThrow("tenant ID 'a/b' contains unsupported character '/'");
    expect(() => ask('a|b')).toThrow('too many tenant IDs present. max: 1 actual: 2');
  });
});
