// Line protocol into one running Weir over plain HTTP, as Telegraf's outputs send it; then queried back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

describe('line protocol', () => {
  let directory: string;
  let weir: WeirProcess;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-influx-'));
    weir = new WeirProcess({
      port: await freePort(),
      flags: [
        '-target=all',
        `-data-dir=${directory}`,
        '-log.level=warn',
        '-distributor.influx-endpoint-enabled=true',
      ],
    });
    await weir.start();
  });

  afterAll(async () => {
    await weir.stop();
    await rm(directory, { recursive: true });
  });

  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${weir.base}/api/v1/push/influx${path}`, {
      method: 'POST',
      headers: { 'X-Scope-OrgID': 'test', ...headers },
      body: headers['content-encoding'] ? gzipSync(body) : body,
    });

  const values = async (expression: string) => {
    const { result } = await query(`${weir.base}/prometheus`, expression, Date.now());
    return Object.fromEntries(
      (result as VectorSeries[]).map(({ metric, value }) => [
        `${metric.__name__} ${metric.host} ${metric.__mimir_source__}`,
        value[1],
      ]),
    );
  };

  it('is stored by both APIs and read back', async () => {
    const now = Date.now();
    const first = await post(
      '/write?db=telegraf&precision=ms',
      `# two hosts\ncpu,host=a usage\\ idle=1.5,n=3i,up=true,text="no" ${now}\ncpu,host=b value=18446744073709551615u\n`,
    );
    expect([first.status, await first.text()]).toEqual([204, '']);
    const second = await post(
      '/api/v2/write?bucket=b&org=o&precision=ns',
      `mem,host=a free=7 ${now}000000`,
      { 'content-encoding': 'gzip' },
    );
    expect(second.status).toBe(204);
    expect(await values('{__name__=~"cpu.*|mem.*"}')).toEqual({
      'cpu_usage_idle a influx': '1.5',
      'cpu_n a influx': '3',
      'cpu_up a influx': '1',
      'cpu b influx': '18446744073709552000',
      'mem_free a influx': '7',
    });
  });

  it('refuses in the shape of each API', async () => {
    const first = await post('/write', 'm v=1\nm');
    const message = "can't parse points: unable to parse 'm': missing fields";
    expect([first.status, await first.json()]).toEqual([400, { error: message }]);
    const second = await post('/api/v2/write', 'm');
    expect([second.status, await second.json()]).toEqual([400, { code: 'invalid', message }]);
    expect(await values('m_v')).toEqual({});
  });
});
