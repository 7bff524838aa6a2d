// A tenant that keeps start timestamps: remote write 2.0 and OTLP deltas tell them, queries heed them, through a
// restart and from blocks.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const END = Math.floor(Date.now() / 1000) * 1000 - 60_000;
const SECOND = 1000;

let directory: string;
let weir: WeirProcess;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-starts-'));
  const flags = [
    '-target=all',
    `-data-dir=${directory}`,
    '-ingester.start-timestamps-enabled=true',
    '-distributor.otel-native-delta-ingestion=true',
  ];
  weir = new WeirProcess({ port: await freePort(), flags });
  await weir.start();
});
afterEach(async () => {
  await weir.kill();
  await rm(directory, { recursive: true });
});

/** A delta of 3 and one of 4, each since the one before. */
async function pushDeltas(): Promise<void> {
  const points = [
    { from: END - 100 * SECOND, to: END - 50 * SECOND, value: 3 },
    { from: END - 50 * SECOND, to: END, value: 4 },
  ];
  const dataPoints = points.map(({ from, to, value }) => ({
    startTimeUnixNano: `${from}000000`,
    timeUnixNano: `${to}000000`,
    asDouble: value,
  }));
  const sum = { aggregationTemporality: 1, isMonotonic: true, dataPoints };
  const scopeMetrics = [{ metrics: [{ name: 'deltas', sum }] }];
  const response = await fetch(`${weir.base}/otlp/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-scope-orgid': 'test' },
    body: JSON.stringify({ resourceMetrics: [{ scopeMetrics }] }),
  });
  expect(response.status).toBe(200);
}

async function answerTo(expression: string): Promise<number> {
  const { result } = await query(`${weir.base}/prometheus`, expression, END);
  return Number((result as VectorSeries[])[0]?.value[1]);
}

async function expectStarts(): Promise<void> {
  // The second sample is larger than the first, and counts since after it.
  expect(await answerTo('resets(jobs_total[5m])')).toBe(1);
  expect(await answerTo('increase(jobs_total[5m])')).toBeCloseTo(12, 9);
  expect(await answerTo('sum(increase(jobs_total[5m]))')).toBeCloseTo(12, 9);
  expect(await answerTo('irate(jobs_total[5m])')).toBeCloseTo(7 / 60, 9);
  expect(await answerTo('start_timestamp(jobs_total)')).toBe(END / SECOND - 30);
  expect(await answerTo('count_over_time(jobs_total[5m])')).toBe(2);
  expect(await answerTo('sum(count_over_time(jobs_total[5m]))')).toBe(2);
  expect(await answerTo('increase(deltas[5m])')).toBeCloseTo(7, 9);
}

it('keeps start timestamps with samples, and in blocks', async () => {
  const labels = { __name__: 'jobs_total' };
  const samples = [
    [END - 60 * SECOND, 5, END - 90 * SECOND],
    [END, 7, END - 30 * SECOND],
  ] as const;
  const { status } = await push(weir.base, [{ labels, samples }], { version: 2 });
  expect(status).toBe(204);
  await pushDeltas();
  await expectStarts();

  await weir.kill();
  await weir.start();
  await expectStarts();

  const flush = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
  expect(flush.status).toBe(204);
  await expectStarts();
});
