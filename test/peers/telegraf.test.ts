// A real Telegraf writes known points to Weir by InfluxDB's two APIs and by remote write: queries answer each
// field at its time. Behind a proxy that fails some requests,
// what Telegraf repeats is there once.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { seriesKey } from '../support/recording.ts';
import { SenderTarget } from '../support/sender-target.ts';
import { startTelegraf, type TelegrafProcess } from '../support/telegraf-process.ts';

const PATIENCE_MS = 30_000;
const SOURCE = { __mimir_source__: 'influx' };

type Write = (base: string, tenant: string) => string;

const WAYS: Readonly<Record<string, Write>> = {
  influxdb: (base, tenant) => `
[[outputs.influxdb]]
  urls = ["${base}/api/v1/push/influx"]
  skip_database_creation = true
  influx_uint_support = true
  http_headers = { "X-Scope-OrgID" = "${tenant}" }`,
  influxdb_v2: (base, tenant) => `
[[outputs.influxdb_v2]]
  urls = ["${base}/api/v1/push/influx"]
  organization = "any"
  bucket = "any"
  token = "any"
  influx_uint_support = true
  http_headers = { "X-Scope-OrgID" = "${tenant}" }`,
  // Of several samples of a series in a batch it would keep the newest only.
  http: (base, tenant) => `
[[outputs.http]]
  url = "${base}/api/v1/push"
  data_format = "prometheusremotewrite"
  use_batch_format = false
  non_retryable_statuscodes = [400]
  [outputs.http.headers]
    Content-Type = "application/x-protobuf"
    Content-Encoding = "snappy"
    X-Prometheus-Remote-Write-Version = "0.1.0"
    X-Scope-OrgID = "${tenant}"`,
};

describe('Telegraf', () => {
  let target: SenderTarget;
  const stops: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    target = await SenderTarget.start(['-distributor.retry-after-header.min-backoff=2s'], {
      'slow-influxdb_v2': { request_rate: 0.5, request_burst_size: 1 },
      'slow-http': { request_rate: 0.5, request_burst_size: 1 },
      'few-influxdb': { max_label_names_per_series: 3 },
      'few-influxdb_v2': { max_label_names_per_series: 3 },
      'few-http': { max_label_names_per_series: 2 },
    });
  });

  afterAll(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    await target.stop();
  });

  async function start(way: string, base: string, tenant: string): Promise<TelegrafProcess> {
    const telegraf = await startTelegraf(WAYS[way]!(base, tenant));
    stops.push(() => telegraf.stop());
    return telegraf;
  }

  async function samples(tenant: string): Promise<Record<string, [number, number][]>> {
    const all = await target.samples(tenant);
    return Object.fromEntries(
      all.map(({ metric: { __name__, ...labels }, values }) => {
        const others = Object.entries(labels).filter(([name]) => !(name in SOURCE));
        const key = seriesKey(__name__!, Object.fromEntries(others));
        return [key, values.map(([t, value]) => [Math.round(t * 1000), Number(value)])];
      }),
    );
  }

  it.each(Object.keys(WAYS))('writes known points by outputs.%s', async (way) => {
    const tenant = `known-${way}`;
    const telegraf = await start(way, target.base, tenant);
    const first = Date.now() - 5000;
    const second = first + 1000;
    await telegraf.add([
      `cpu,host=a,my-tag=x\\ y usage_idle=99.5,usage\\ user=-0.25,n=3i,up=true,note="text" ${first}000001`,
      `cpu,host=b value=1e300 ${first}000000`,
      `mem,host=wörk used=18446744073709551615u ${first}999999`,
      `cpu,host=a,my-tag=x\\ y usage_idle=98.5,n=-4i,up=false ${second}000000`,
    ]);
    const labels = { host: 'a', my_tag: 'x y' };
    const expected = {
      [seriesKey('cpu_usage_idle', labels)]: [
        [first, 99.5],
        [second, 98.5],
      ],
      [seriesKey('cpu_usage_user', labels)]: [[first, -0.25]],
      [seriesKey('cpu_n', labels)]: [
        [first, 3],
        [second, -4],
      ],
      [seriesKey('cpu_up', labels)]: [
        [first, 1],
        [second, 0],
      ],
      // Its remote write keeps the name of a field called value.
      [seriesKey(way === 'http' ? 'cpu_value' : 'cpu', { host: 'b' })]: [[first, 1e300]],
      [seriesKey('mem_used', { host: 'wörk' })]: [[first, 2 ** 64]],
    };
    await expect.poll(() => samples(tenant), { timeout: PATIENCE_MS }).toEqual(expected);
    const isMarked = (await target.samples(tenant)).map(({ metric }) => metric.__mimir_source__);
    expect(new Set(isMarked)).toEqual(new Set([way === 'http' ? undefined : 'influx']));
    await telegraf.stop();
  });

  /** Each line is written before the next is added. */
  async function writeLines(
    telegraf: TelegrafProcess,
    proxy: FaultProxy,
    answers: readonly (readonly unknown[])[],
  ): Promise<number> {
    const start = Date.now() - 60_000;
    let requests = 0;
    for (const [line, attempts] of answers.entries()) {
      await telegraf.add([`m,host=a line=${line} ${start + line}000000`]);
      requests += attempts.length;
      await expect
        .poll(() => proxy.seen.length, { timeout: PATIENCE_MS })
        .toBeGreaterThanOrEqual(requests);
    }
    // Nothing comes that isn't wanted.
    await sleep(1000);
    return start;
  }

  const slow: Fault = { status: 429, headers: { 'retry-after': '2' } };
  const down: Fault = { status: 503 };
  const lost: Fault = { status: 503, isPassed: true };
  const bad: Fault = { status: 400, text: '{"code":"invalid","error":"bad","message":"bad"}' };

  it.each([
    { way: 'influxdb', repeated: [down, lost], dropped: [bad, slow] },
    { way: 'influxdb_v2', repeated: [slow, down, lost], dropped: [bad] },
    { way: 'http', repeated: [slow, down, lost], dropped: [bad] },
  ])('repeats by outputs.$way what it was told to, once', async ({ way, repeated, dropped }) => {
    const tenant = `repeats-${way}`;
    // A line that passes, one that does so the second time, and so on; what is dropped; one that passes.
    const answers = [
      ...repeated.flatMap((fault) => [[undefined], [fault, undefined]]),
      ...dropped.map((fault) => [fault]),
      [undefined],
    ];
    const plan = answers.flat();
    const proxy = await startFaultProxy(target.base, (number) => plan[number]);
    stops.push(() => proxy.stop());
    const telegraf = await start(way, proxy.base, tenant);
    const first = await writeLines(telegraf, proxy, answers);
    await telegraf.stop();
    expect(proxy.seen.map(({ fault }) => fault)).toEqual(plan);
    const kept = answers.flatMap((each, line) => (each.at(-1) === undefined ? [line] : []));
    expect(Object.values(await samples(tenant))).toEqual([
      kept.map((line) => [first + line, line]),
    ]);
    if (way === 'influxdb_v2') {
      const at = plan.indexOf(slow);
      const waitedMs = proxy.seen[at + 1]!.atMs - proxy.seen[at]!.answeredMs;
      expect(waitedMs).toBeGreaterThanOrEqual(2000);
    }
  });

  async function startWatched(way: string, tenant: string) {
    const proxy = await startFaultProxy(target.base, () => undefined);
    stops.push(() => proxy.stop());
    const telegraf = await start(way, proxy.base, tenant);
    const statuses = () => proxy.seen.map(({ answer }) => answer.status);
    return { proxy, telegraf, statuses };
  }

  it.each(['influxdb_v2', 'http'])('waits by outputs.%s for a rate of requests', async (way) => {
    const { proxy, telegraf, statuses } = await startWatched(way, `slow-${way}`);
    const first = Date.now() - 60_000;
    for (const line of [0, 1]) {
      await telegraf.add([`m v=${line} ${first + line}000000`]);
      await expect.poll(statuses, { timeout: PATIENCE_MS }).toHaveLength(line + 1);
    }
    const expected = {
      [seriesKey('m_v', {})]: [
        [first, 0],
        [first + 1, 1],
      ],
    };
    await expect.poll(() => samples(`slow-${way}`), { timeout: PATIENCE_MS }).toEqual(expected);
    expect(statuses().at(1)).toBe(429);
    const [, refused, next] = proxy.seen;
    expect(refused!.answer.headers['retry-after']).toMatch(/^[23]$/);
    if (way === 'influxdb_v2') {
      // The other comes back as often as it likes.
      expect(statuses()).toEqual([204, 429, 204]);
      expect(next!.atMs - refused!.answeredMs).toBeGreaterThanOrEqual(2000);
    }
    await telegraf.stop();
  });

  it.each(Object.keys(WAYS))('goes on by outputs.%s past a limit of labels', async (way) => {
    const { proxy, telegraf, statuses } = await startWatched(way, `few-${way}`);
    const first = Date.now() - 60_000;
    await telegraf.add([`m,host=a v=0 ${first}000000`, `m,host=a,more=b v=1 ${first}000000`]);
    await expect.poll(statuses, { timeout: PATIENCE_MS }).toContain(400);
    const [refused] = proxy.seen.filter(({ answer }) => answer.status === 400);
    expect(refused!.answer.body.toString()).toContain('err-mimir-max-label-names-per-series');
    await telegraf.add([`m,host=a v=2 ${first + 1}000000`]);
    const expected = {
      [seriesKey('m_v', { host: 'a' })]: [
        [first, 0],
        [first + 1, 2],
      ],
    };
    await expect.poll(() => samples(`few-${way}`), { timeout: PATIENCE_MS }).toEqual(expected);
    expect(statuses().filter((status) => status === 400).length).toBe(1);
    await telegraf.stop();
  });
});
