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
    target = await SenderTarget.start();
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
    answers: readonly (readonly number[])[],
  ): Promise<number> {
    const start = Date.now() - 60_000;
    let requests = 0;
    for (const [line, statuses] of answers.entries()) {
      await telegraf.add([`m,host=a line=${line} ${start + line}000000`]);
      requests += statuses.length;
      await expect
        .poll(() => proxy.seen.length, { timeout: PATIENCE_MS })
        .toBeGreaterThanOrEqual(requests);
    }
    // Nothing comes that isn't wanted.
    await sleep(1000);
    return start;
  }

  const again = { 429: { status: 429, headers: { 'retry-after': '2' } }, 503: { status: 503 } };
  const bad: Fault = { status: 400, text: '{"code":"invalid","error":"bad","message":"bad"}' };
  const lost: Fault = { status: 503, isPassed: true };

  it.each([
    // The first API's output drops whatever is answered with 4xx, 429 too.
    { way: 'influxdb', faults: [again[503], lost, bad] },
    { way: 'influxdb_v2', faults: [again[429], again[503], lost, bad] },
    { way: 'http', faults: [again[429], again[503], lost, bad] },
  ])('repeats by outputs.$way what it was told to, once', async ({ way, faults }) => {
    const tenant = `repeats-${way}`;
    // Before each fault a line that passes; after a fault that is repeated its line passes.
    const answers = faults.flatMap(({ status }) => [[204], status === 400 ? [400] : [status, 204]]);
    answers.push([204]);
    const flat = answers.flat();
    let next = 0;
    const proxy = await startFaultProxy(target.base, (number) =>
      flat[number] === 204 ? undefined : faults[next++],
    );
    stops.push(() => proxy.stop());
    const telegraf = await start(way, proxy.base, tenant);
    const start_ = await writeLines(telegraf, proxy, answers);
    await telegraf.stop();
    const success = way === 'http' ? 200 : 204;
    const expectedStatuses = flat.map((status) => (status === 204 ? success : status));
    expect(proxy.seen.map(({ answer }) => answer.status)).toEqual(expectedStatuses);
    const kept = answers.flatMap((statuses, line) => (statuses[0] === 400 ? [] : [line]));
    expect(Object.values(await samples(tenant))).toEqual([
      kept.map((line) => [start_ + line, line]),
    ]);
    if (way === 'influxdb_v2') {
      const at = proxy.seen.findIndex(({ answer }) => answer.status === 429);
      const waitedMs = proxy.seen[at + 1]!.atMs - proxy.seen[at]!.answeredMs;
      expect(waitedMs).toBeGreaterThanOrEqual(2000);
    }
  });
});
