// Writes in line protocol over a recording log: both APIs' paths, compression, precision, limits and errors,
// and the slices in which bodies are read.
import { gzipSync } from 'node:zlib';
import { WeirError } from '@weir/errors';
import { fastify } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { decode, NOW, type Setup, setUp } from '../push-fixture.ts';

const V1 = '/api/v1/push/influx/write';
const V2 = '/api/v1/push/influx/api/v2/write';
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function server(setup: Setup = {}) {
  const made = setUp({ ...setup, settings: { influxEnabled: true, ...setup.settings } });
  const http = fastify();
  closing.push(() => http.close());
  made.distributor.routes(http);
  const post = (payload: Buffer | string, url = V1, headers: Record<string, string> = {}) =>
    http.inject({
      method: 'POST',
      url,
      payload,
      headers: { 'content-type': 'text/plain', ...headers },
    });
  return { ...made, post };
}

function stored(produced: Parameters<typeof decode>[0]) {
  return decode(produced).map(({ labels, samples }) => [
    labels.map(({ name, value }) => `${Buffer.from(name)}=${Buffer.from(value)}`).join(),
    samples[0]!.value,
    samples[0]!.timestamp,
  ]);
}

describe('line protocol', () => {
  it.each([V1, `${V1}?db=telegraf&rp=autogen&u=x&p=y`, V2, `${V2}?org=o&bucket=b`])(
    'is taken at %s',
    async (url) => {
      const { post, produced, metric } = await server();
      const answer = await post(`cpu,host=a idle=2i ${NOW}000000`, url);
      expect([answer.statusCode, answer.body]).toEqual([204, '']);
      expect(stored(produced)).toEqual([
        ['__mimir_source__=influx,__name__=cpu_idle,host=a', 2, NOW],
      ]);
      expect(await metric('cortex_distributor_influx_requests_total')).toMatchObject([
        { value: 1 },
      ]);
      expect(await metric('cortex_distributor_requests_in_total')).toMatchObject([
        { labels: { version: 'influx' }, value: 1 },
      ]);
    },
  );

  it('is not taken unless it is enabled', async () => {
    const { post } = await server({ settings: { influxEnabled: false } });
    expect((await post('m v=1')).statusCode).toBe(404);
  });

  it.each(['gzip', 'x-gzip', 'GZIP'])('is unpacked: %s', async (encoding) => {
    const { post, produced } = await server();
    const answer = await post(gzipSync('m v=1'), V1, { 'content-encoding': encoding });
    expect(answer.statusCode).toBe(204);
    expect(stored(produced)).toEqual([['__mimir_source__=influx,__name__=m_v', 1, NOW]]);
  });

  it('has times in the precision asked for', async () => {
    const { post, produced } = await server();
    await post(`m v=1 ${NOW / 1000}`, `${V2}?precision=s`);
    expect(stored(produced)).toEqual([['__mimir_source__=influx,__name__=m_v', 1, NOW]]);
  });

  it('is read in slices', async () => {
    const { post, produced } = await server();
    const lines = Array.from(
      { length: 30_000 },
      (_, index) => `m,index=${index} some_value=1.5,n="${'x'.repeat(20)}"`,
    );
    expect((await post(lines.join('\n'))).statusCode).toBe(204);
    expect(decode(produced)).toHaveLength(30_000);
  });

  it('answers nothing to store with 204', async () => {
    const { post, produced } = await server();
    for (const body of ['', '\n# only\n', 'm text="x"'])
      expect((await post(body)).statusCode).toBe(204);
    expect(produced).toEqual([]);
  });

  it('is refused whole for a line that is none, in the shape of each API', async () => {
    const { post, produced } = await server();
    const message = "can't parse points: unable to parse 'm v': invalid field format";
    const first = await post('m v=1\nm v');
    expect([first.statusCode, first.json()]).toEqual([400, { error: message }]);
    const second = await post('m v=1\nm v', V2);
    expect([second.statusCode, second.json()]).toEqual([400, { code: 'invalid', message }]);
    expect(produced).toEqual([]);
  });

  it('refuses what it can not read', async () => {
    const { post } = await server();
    const statusOf = async (...request: Parameters<typeof post>) => {
      const answer = await post(...request);
      return [answer.statusCode, answer.json().error ?? answer.json().message];
    };
    expect(await statusOf('m v=1', `${V1}?precision=d`)).toEqual([
      400,
      'precision supplied is not valid: d',
    ]);
    expect(await statusOf('m v=1', V1, { 'content-encoding': 'gzip' })).toEqual([
      400,
      'gzip: corrupt input',
    ]);
    expect((await statusOf('m v=1', V1, { 'content-encoding': 'br' }))[0]).toBe(415);
  });

  it('stores what is good, and says partial write', async () => {
    const { post, produced } = await server({ limits: { labelNamesMax: 3 } });
    const answer = await post('m,a=1,b=2 v=1\nm,a=1 v=2');
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatch(
      /^partial write: .*\(err-mimir-max-label-names-per-series\)/,
    );
    expect(stored(produced)).toMatchObject([['__mimir_source__=influx,__name__=m_v,a=1', 2, NOW]]);
  });

  it.each([
    [9, 204],
    [10, 204],
    [11, 413],
  ])('bounds the size: %d bytes', async (size, status) => {
    const { post } = await server({ settings: { influxRequestBytesMax: 10 } });
    const body = `m v=1${' '.repeat(size - 5)}`;
    expect((await post(body)).statusCode).toBe(status);
    const bomb = await server({ settings: { influxRequestBytesMax: 1000 } });
    const large = gzipSync(`m v=1${' '.repeat(990 + size - 5)}`);
    const answer = await bomb.post(large, V1, { 'content-encoding': 'gzip' });
    expect(answer.statusCode).toBe(status);
    if (status === 413)
      expect(answer.json().error).toContain('(err-mimir-distributor-max-influx-request-size)');
  });

  it('is limited in its rate, with a time to come back', async () => {
    const { post } = await server({ limits: { ingestionRate: 1, ingestionBurstSize: 2 } });
    expect((await post('m a=1')).statusCode).toBe(204);
    expect((await post('m a=1')).statusCode).toBe(204);
    const answer = await post('m a=1', V2);
    expect(answer.statusCode).toBe(429);
    expect(answer.json().code).toBe('too many requests');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('asks to come back when the log fails', async () => {
    const { post } = await server({
      produce: async () => {
        throw new WeirError('internal', 'broken');
      },
    });
    const answer = await post('m a=1', V2);
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable']);
  });
});
