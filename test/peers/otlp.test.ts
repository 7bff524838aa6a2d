// The same OTLP requests to Prometheus 3's own receiver and to Weir, under each of the four strategies: the same
// series, values and native histograms come out.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import type { ApiHistogram } from '../support/printed-histogram.ts';
import { query } from '../support/prometheus-api.ts';
import { receiveOtlp } from '../support/prometheus-process.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
];
const REQUESTS = 200;
const PROMOTED = ['host', 'b.c'];
const KEYS = ['a', 'b.c', 'b_c', 'Zone', 'http.route', '_x', '__y', '1z', 'é.f', 'a..b', '__r.s__'];
const UNITS = ['', 's', '1', 'By/s', '{x}', 'foo bar', '%', 'ms/m', 's/#', 'KiBy'];
const NAMES = ['m', 'm.n', 'x_total', 'größe', 'a.seconds', '3d', 'a__b', 'a:b', 'r_ratio'];
const BOUNDS = [0.005, 1, 10, 1e7, 1e21];

const schema = protobuf.loadSync(new URL('../../proto/otlp.proto', import.meta.url).pathname);
const Request = schema.lookupType('weir.otlp.ExportMetricsServiceRequest');

/** Random requests of a seed; no two points share their labels, nor their times. */
function generator(nowMs: number) {
  let state = 7;
  let points = 0;
  const below = (limit: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % limit;
  };
  const one = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  const value = (): object =>
    one([
      { stringValue: `v${below(3)}` },
      { intValue: String(below(1000) - 500) },
      { doubleValue: below(100) / 8 },
      { boolValue: below(2) === 0 },
      { doubleValue: 1e21 },
      { arrayValue: { values: [{ stringValue: '<x>' }, { intValue: '3' }] } },
      { kvlistValue: { values: [{ key: 'z', value: { doubleValue: 1e-7 } }, { key: 'b' }] } },
      { bytesValue: 'AQID' },
    ]);
  const attributes = () =>
    KEYS.filter(() => below(3) === 0).map((key) => ({ key, value: value() }));
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const dataPoints = (fields: () => object) =>
    Array.from({ length: 1 + below(3) }, () => ({
      attributes: [...attributes(), text('n', String(points++))],
      timeUnixNano: `${nowMs - below(3000)}000000`,
      ...fields(),
    }));
  const counts = () => Array.from({ length: BOUNDS.length + 1 }, () => below(3));
  const total = (buckets: readonly number[]) => buckets.reduce((sum, each) => sum + each, 0);
  const kinds = [
    () => ({ gauge: { dataPoints: dataPoints(() => ({ asDouble: below(1000) / 7 })) } }),
    () => {
      const isMonotonic = below(2) === 0;
      const points = dataPoints(() => ({ asInt: String(below(1000)) }));
      return { sum: { aggregationTemporality: 2, isMonotonic, dataPoints: points } };
    },
    () => {
      const fields = () => {
        const bucketCounts = counts();
        const sum = below(2) === 0 ? {} : { sum: 2.5 };
        return { count: total(bucketCounts), ...sum, bucketCounts, explicitBounds: BOUNDS };
      };
      return { histogram: { aggregationTemporality: 2, dataPoints: dataPoints(fields) } };
    },
    () => {
      const fields = () => {
        const bucketCounts = counts();
        const positive = { offset: below(40) - 20, bucketCounts };
        return { count: total(bucketCounts) + 2, zeroCount: 2, scale: below(14) - 4, positive };
      };
      return {
        exponentialHistogram: { aggregationTemporality: 2, dataPoints: dataPoints(fields) },
      };
    },
    () => {
      const quantileValues = [0.5, 0.99].map((quantile) => ({ quantile, value: quantile * 2 }));
      const fields = () => ({ count: 3, sum: 2.5, quantileValues });
      return { summary: { dataPoints: dataPoints(fields) } };
    },
  ];
  return (request: number): Uint8Array<ArrayBuffer> => {
    const identity = [
      text('service.name', 'svc'),
      text('service.namespace', 'ns'),
      text('service.instance.id', `i${request}`),
      text('host', 'h'),
    ];
    const metrics = Array.from({ length: 4 }, () => ({
      ...{ name: one(NAMES), unit: one(UNITS) },
      ...one(kinds)(),
    }));
    const resource = { attributes: [...identity, ...attributes()] };
    const message = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
    return Uint8Array.from(Request.encode(Request.fromObject(message)).finish());
  };
}

interface AnySeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly histogram?: readonly [number, ApiHistogram];
}

async function post(url: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const headers = { 'Content-Type': 'application/x-protobuf', 'X-Scope-OrgID': 'test' };
  const answer = await fetch(url, { method: 'POST', headers, body });
  expect([answer.status, await answer.text()]).toEqual([200, '']);
}

/** Values of all float series, by their labels; and the native histograms of the others, as they are told. */
async function everything(base: string, timeMs: number) {
  const { result } = await query(base, '{__name__!=""}', timeMs);
  const all = result as AnySeries[];
  const key = ({ metric }: AnySeries) => JSON.stringify(Object.entries(metric).sort());
  const floats: Record<string, number> = {};
  const histograms: Record<string, ApiHistogram> = {};
  for (const series of all) {
    const { value, histogram } = series;
    if (value !== undefined) floats[key(series)] = Number(value[1]);
    if (histogram !== undefined) histograms[key(series)] = histogram[1];
  }
  return { floats, histograms };
}

describe('OTLP beside Prometheus', () => {
  it.each(STRATEGIES)('gives the same series and values: %s', async (strategy) => {
    const directory = await mkdtemp(join(tmpdir(), 'weir-otlp-peer-'));
    const weir = new WeirProcess({
      port: await freePort(),
      flags: [
        '-target=all',
        `-data-dir=${directory}`,
        '-log.level=warn',
        '-validation.max-label-names-per-series=100',
        `-distributor.otel-translation-strategy=${strategy}`,
        `-distributor.otel-promote-resource-attributes=${PROMOTED.join(',')}`,
      ],
    });
    await weir.start();
    const prometheus = await receiveOtlp(strategy, PROMOTED);
    try {
      const nowMs = Date.now() - 1000;
      const next = generator(nowMs);
      for (let request = 0; request < REQUESTS; request++) {
        const body = next(request);
        await post(`${weir.base}/otlp/v1/metrics`, body);
        await post(`${prometheus.base}/api/v1/otlp/v1/metrics`, body);
      }
      const expected = await everything(prometheus.base, nowMs + 1);
      const found = await everything(`${weir.base}/prometheus`, nowMs + 1);
      expect(found.floats).toEqual(expected.floats);
      expect(Object.keys(found.floats).length).toBeGreaterThan(500);
      expect(found.histograms).toEqual(expected.histograms);
      const histograms = Object.keys(expected.histograms).length;
      expect(histograms).toBeGreaterThan(10);
      const text = await (await fetch(`${weir.base}/metrics`)).text();
      const logged = 'cortex_distributor_received_native_histogram_samples_total';
      expect(text).toMatch(new RegExp(`^${logged}\\{user="test"\\} ${histograms}$`, 'm'));
    } finally {
      await prometheus.stop();
      await weir.stop();
      await rm(directory, { recursive: true });
    }
  });
});
