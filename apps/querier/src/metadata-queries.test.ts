// Limits of the questions what there is: they narrow what is asked, and refuse nothing.
import { defaultsOf } from '@weir/config';
import { limitsFlags, type TenantLimits } from '@weir/limits';
import type { MetadataReader, MetadataRequest } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { expect, it } from 'vitest';
import type { EndpointContext } from './endpoint.ts';
import { answerLabels, answerSeries } from './metadata-queries.ts';
import { Parameters, TIME_MIN_MS } from './parameters.ts';

const NOW_MS = 10 * 3_600_000;
const HOUR_MS = 3_600_000;

async function asked(
  answer: typeof answerSeries | typeof answerLabels,
  params: Readonly<Record<string, string>>,
  own: Partial<TenantLimits>,
): Promise<MetadataRequest> {
  let found: MetadataRequest | undefined;
  const take = async (request: MetadataRequest) => {
    found = request;
    return { items: [], truncated: false };
  };
  const limits = { ...defaultsOf(limitsFlags), ...own };
  const context: Partial<EndpointContext> = {
    params: new Parameters(Object.entries({ 'match[]': 'up', ...params })),
    clock: { ...systemClock, nowMs: () => NOW_MS },
    request: { tenant: 't', endpoint: 'series', params: [], limits },
  };
  const reader: Partial<MetadataReader> = { series: take, labelNames: take };
  await answer(context as EndpointContext, reader as MetadataReader);
  return found!;
}

it('leaves out the beginning of long times', async () => {
  const times = { start: String(NOW_MS / 1000 - 7200), end: String(NOW_MS / 1000) };
  const minT = async (labelsLengthMaxMs: number, params = times) =>
    (await asked(answerLabels, params, { labelsLengthMaxMs })).minT;
  expect(await minT(0)).toBe(NOW_MS - 2 * HOUR_MS);
  expect(await minT(2 * HOUR_MS + 1)).toBe(NOW_MS - 2 * HOUR_MS);
  expect(await minT(2 * HOUR_MS)).toBe(NOW_MS - 2 * HOUR_MS);
  expect(await minT(2 * HOUR_MS - 1)).toBe(NOW_MS - 2 * HOUR_MS + 1);
});

it('counts a time without an end up to now', async () => {
  const ever = await asked(answerSeries, {}, {});
  expect(ever.minT).toBe(TIME_MIN_MS);
  const limited = await asked(answerSeries, {}, { labelsLengthMaxMs: HOUR_MS });
  expect(limited.minT).toBe(NOW_MS - HOUR_MS);
});

it('answers no more series than a tenant may have', async () => {
  const limit = async (seriesAnswerMax: number, params: Readonly<Record<string, string>>) =>
    (await asked(answerSeries, params, { seriesAnswerMax })).limit;
  expect(await limit(0, { limit: '7' })).toBe(7);
  expect(await limit(6, { limit: '7' })).toBe(6);
  expect(await limit(7, { limit: '7' })).toBe(7);
  expect(await limit(8, { limit: '7' })).toBe(7);
  expect(await limit(8, {})).toBe(8);
  expect((await asked(answerLabels, {}, { seriesAnswerMax: 8 })).limit).toBe(0);
});
