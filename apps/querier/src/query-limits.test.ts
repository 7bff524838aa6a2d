// A tenant's limits of queries: below, at and above each, and the answer that Mimir's clients know.
import { defaultsOf } from '@weir/config';
import { limitsFlags, type TenantLimits } from '@weir/limits';
import { labelsOf } from '@weir/model';
import { type LocalReader, type ReadRequest, serveRead } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { CHUNK_XOR, encodeXorChunk } from '@weir/tsdb/chunk';
import { expect, it } from 'vitest';
import { createQuerier } from './querier.ts';
import { querierFlags } from './querier-settings.ts';

const NOW_MS = 10 * 3_600_000;
const STEP_MS = 15_000;

/** Twenty samples up to now in two chunks. */
function series(job: string) {
  const t = Float64Array.from({ length: 20 }, (_, at) => NOW_MS - (19 - at) * STEP_MS);
  const chunk = (from: number, to: number) => ({
    ...{ minT: t[from]!, maxT: t[to - 1]!, encoding: CHUNK_XOR },
    bytes: encodeXorChunk(t, new Float64Array(20).fill(7), from, to),
  });
  return { labels: labelsOf({ __name__: 'up', job }), chunks: [chunk(0, 10), chunk(10, 20)] };
}

const STORED = ['a', 'b', 'c'].map(series);
const CHUNK_BYTES = STORED.flatMap(({ chunks }) => chunks).reduce(
  (sum, { bytes }) => sum + bytes.length,
  0,
);

async function ask(
  endpoint: 'query' | 'query_range',
  params: Readonly<Record<string, string>>,
  limits: Partial<TenantLimits>,
) {
  const reader: Partial<LocalReader> = {
    async select() {
      const batches = (async function* () {
        yield STORED;
      })();
      return { heldBlocks: [], sources: [batches] };
    },
  };
  const port = {
    read: (request: ReadRequest, signal: AbortSignal) =>
      serveRead(reader as LocalReader, request, signal),
  };
  const querier = createQuerier(defaultsOf(querierFlags), {
    owners: { owners: async () => [{ port, partitions: [0] }] },
    catalog: { blocks: async () => [] },
    clock: { ...systemClock, nowMs: () => NOW_MS },
    telemetry: silentTelemetry(),
  });
  const { status, body } = await querier.handle(
    {
      ...{ tenant: 't', endpoint, params: Object.entries(params) },
      limits: { ...defaultsOf(limitsFlags), ...limits },
    },
    new AbortController().signal,
  );
  const text = Buffer.from(body as Uint8Array).toString();
  const answer = JSON.parse(text) as {
    data?: { result: { values?: [number, string][] }[] };
    errorType?: string;
    error?: string;
  };
  return { ...answer, status };
}

const TAIL =
  'Consider reducing the time range and/or number of series selected by the query. One way to reduce the number of selected series is to add more label matchers to the query. Otherwise, to adjust the related per-tenant limit, configure -querier.';
const END = ', or contact your service administrator.';
const told = (text: string, id: string, flag: string) =>
  `${text} (err-mimir-${id}). ${TAIL}${flag}${END}`;

/** What holds at the limit and one below it, and what is said one above. */
it.each([
  [
    'fetchedSeriesMax',
    3,
    told(
      'the query exceeded the maximum number of series (limit: 2 series)',
      'max-series-per-query',
      'max-fetched-series-per-query',
    ),
  ],
  [
    'fetchedChunksMax',
    6,
    told(
      'the query exceeded the maximum number of chunks (limit: 5 chunks)',
      'max-chunks-per-query',
      'max-fetched-chunks-per-query',
    ),
  ],
  [
    'fetchedChunkBytesMax',
    CHUNK_BYTES,
    told(
      `the query exceeded the aggregated chunks size limit (limit: ${CHUNK_BYTES - 1} bytes)`,
      'max-chunks-bytes-per-query',
      'max-fetched-chunk-bytes-per-query',
    ),
  ],
] as const)('%s: %i are read, one fewer is an error', async (name, needed, error) => {
  const query = 'sum(rate(up[1h]))';
  for (const limit of [0, needed, needed + 1]) {
    expect((await ask('query', { query }, { [name]: limit })).status).toBe(200);
  }
  const over = await ask('query', { query }, { [name]: needed - 1 });
  expect(over).toMatchObject({ status: 422, errorType: 'execution', error });
});

it('counts a series once and its chunks each time, where two selectors read it', async () => {
  const query = 'rate(up[1h]) + count_over_time(up[30m])';
  expect((await ask('query', { query }, { fetchedSeriesMax: 3 })).status).toBe(200);
  expect((await ask('query', { query }, { fetchedChunksMax: 12 })).status).toBe(200);
  expect((await ask('query', { query }, { fetchedChunksMax: 11 })).status).toBe(422);
});

it('ends a query that holds more memory than it may', async () => {
  const query = 'up[1h]';
  const needed = 3 * 20 * 16;
  for (const queryMemoryMaxBytes of [needed, needed + 1]) {
    expect((await ask('query', { query }, { queryMemoryMaxBytes })).status).toBe(200);
  }
  const over = await ask('query', { query }, { queryMemoryMaxBytes: needed - 1 });
  expect(over).toMatchObject({
    ...{ status: 422, errorType: 'execution' },
    error: told(
      `the query exceeded the maximum allowed estimated amount of memory consumed by a single query (limit: ${needed - 1} bytes)`,
      'max-estimated-memory-consumption-per-query',
      'max-estimated-memory-consumption-per-query',
    ),
  });
});

it('refuses long expressions, in bytes', async () => {
  const query = 'up{job="ü"}';
  expect((await ask('query', { query }, { queryExpressionMaxBytes: 12 })).status).toBe(200);
  const over = await ask('query', { query }, { queryExpressionMaxBytes: 11 });
  expect(over).toMatchObject({
    ...{ status: 400, errorType: 'bad_data' },
    error: `the raw query size in bytes exceeds the limit (query size: 12, limit: 11) (err-mimir-max-query-expression-size-bytes). To adjust the related per-tenant limit, configure -query-frontend.max-query-expression-size-bytes${END}`,
  });
});

const range = (fromMs: number, toMs: number) => ({
  ...{ query: 'up', start: String(fromMs / 1000), end: String(toMs / 1000), step: '60' },
});

it('refuses long ranges', async () => {
  const params = range(NOW_MS - 5_400_500, NOW_MS);
  expect((await ask('query_range', params, { queryLengthMaxMs: 5_400_500 })).status).toBe(200);
  const over = await ask('query_range', params, { queryLengthMaxMs: 5_400_499 });
  expect(over).toMatchObject({
    ...{ status: 400, errorType: 'bad_data' },
    error: `the total query time range exceeds the limit (query length: 1h30m0.5s, limit: 1h30m0.499s) (err-mimir-max-total-query-length). To adjust the related per-tenant limit, configure -query-frontend.max-total-query-length${END}`,
  });
});

it('leaves out what is further back than one may look, on the grid of the steps', async () => {
  const params = range(NOW_MS - 300_000, NOW_MS);
  const times = async (queryLookbackMaxMs: number) => {
    const { data } = await ask('query_range', params, { queryLookbackMaxMs });
    return data!.result[0]?.values?.map(([seconds]) => NOW_MS / 1000 - seconds) ?? [];
  };
  expect(await times(300_000)).toEqual(await times(0));
  expect(await times(120_000)).toEqual([120, 60, 0]);
  expect(await times(119_999)).toEqual([60, 0]);
  // What is too old to be seen limits no length.
  const cut = { queryLookbackMaxMs: 120_000, queryLengthMaxMs: 120_000 };
  expect((await ask('query_range', params, cut)).status).toBe(200);
  const old = range(NOW_MS - 300_000, NOW_MS - 120_001);
  const none = await ask('query_range', old, { queryLookbackMaxMs: 120_000 });
  expect(none).toMatchObject({ status: 200, data: { resultType: 'matrix', result: [] } });
  const at = (ms: number) => ({ query: 'up', time: String((NOW_MS - ms) / 1000) });
  const instant = (ms: number) => ask('query', at(ms), { queryLookbackMaxMs: 120_000 });
  expect((await instant(120_000)).data!.result).toHaveLength(3);
  expect((await instant(120_001)).data!.result).toEqual([]);
});

it('refuses what the operator has blocked, however it is written', async () => {
  const error = (reason: string) =>
    `the request has been blocked by the cluster administrator${reason} (err-mimir-query-blocked)`;
  const blockedQueries = [
    { pattern: 'sum by (job) (up)' },
    { pattern: 'rate\\(', regex: true, time_range_longer_than: '5m', reason: 'too long' },
  ];
  for (const query of ['sum by (job) (up)', 'sum(up)by(job)', ' sum  by(job,) (up)']) {
    const refused = await ask('query', { query }, { blockedQueries });
    expect(refused).toMatchObject({ status: 400, errorType: 'bad_data', error: error('') });
  }
  expect((await ask('query', { query: 'sum(up)' }, { blockedQueries })).status).toBe(200);
  const params = (ms: number) => ({ ...range(NOW_MS - ms, NOW_MS), query: 'rate(up[5m])' });
  expect((await ask('query_range', params(300_000), { blockedQueries })).status).toBe(200);
  const long = await ask('query_range', params(300_001), { blockedQueries });
  expect(long).toMatchObject({ status: 400, error: error(' too long') });
});

it('refuses what is experimental and not enabled for the tenant', async () => {
  const refused = async (query: string, limits: Partial<TenantLimits>) =>
    (await ask('query', { query }, limits)).error;
  const functions = { experimentalFunctions: ['limitk', 'fill'] };
  const not = (what: string) => `${what} is not enabled for tenant t`;
  expect(await refused('sum(limitk(1, up))', functions)).toBeUndefined();
  expect(await refused('up + fill(0) up', functions)).toBeUndefined();
  expect(await refused('sum(rate(up[5m] anchored))', functions)).toBeUndefined();
  expect(await refused('sum(mad_over_time(up[5m]))', functions)).toBe(
    not('function "mad_over_time"'),
  );
  expect(await refused('limit_ratio(0.5, up)', functions)).toBe(not('aggregation "limit_ratio"'));
  const none = { experimentalFunctions: [], extendedRangeSelectors: ['smoothed'] };
  expect(await refused('up + fill(0) up', none)).toBe(not('fill modifier "fill"'));
  expect(await refused('rate(up[5m] smoothed)', none)).toBeUndefined();
  const modifier = not('extended range selector modifier "anchored"');
  expect(await refused('rate(up[5m] anchored)', none)).toBe(modifier);
  expect(await refused('sum(up', none)).toContain('parse error');
  expect(await refused('limitk(1, up)', {})).toBeUndefined();
});

it('refuses selectors of a longer time than the tenant may read, and none that is as long', async () => {
  const limits = { readLengthMaxMs: 600_000 };
  const refused = async (query: string) => {
    const { status, error } = await ask('query', { query }, limits);
    return status === 200 ? undefined : { status, error };
  };
  // Ranges are open on the left: of ten minutes ten minutes but a millisecond are read.
  expect(await refused('sum(rate(up[10m]))')).toBeUndefined();
  expect(await refused('sum(rate(up[600001ms]))')).toBeUndefined();
  const lengths = 'query length: 10m0.001s, limit: 10m0s';
  expect(await refused('sum(rate(up[600002ms])) + sum(up)')).toEqual({
    status: 422,
    error: `the query time range exceeds the limit (${lengths}) (err-mimir-max-query-length). To adjust the related per-tenant limit, configure -querier.max-partial-query-length, or contact your service administrator.`,
  });
});
