// Native histograms from chunks of an owner to the JSON that a client of the query API gets.
import { defaultsOf } from '@weir/config';
import { labelsOf, type NativeHistogram } from '@weir/model';
import { type LocalReader, type ReadPort, type SeriesChunks, serveRead } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { CHUNK_XOR, encodeXorChunk, HistogramChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import { createQuerier } from './querier.ts';
import { querierFlags } from './querier-settings.ts';

const NONE = new Float64Array(0);
const EMPTY: NativeHistogram = {
  ...{ isFloat: false, isStale: false, resetHint: 0, schema: 0 },
  ...{ zeroThreshold: 0.5, zeroCount: 0, count: 0, sum: 0 },
  ...{ positiveSpans: new Int32Array(0), negativeSpans: new Int32Array(0) },
  ...{ positiveBuckets: NONE, negativeBuckets: NONE, customValues: NONE },
};
const counted = (count: number): NativeHistogram => ({
  ...EMPTY,
  ...{ count, sum: count * 1.5, positiveSpans: Int32Array.of(1, 1) },
  positiveBuckets: Float64Array.of(count),
});

/** A float at 10 s, histograms at 20 s and 30 s, then a marker of staleness at 40 s. */
function mixed(): SeriesChunks {
  const t = Float64Array.of(10_000);
  const float = { minT: 10_000, maxT: 10_000, encoding: CHUNK_XOR };
  const open = HistogramChunk.start(false);
  open.tryAppend(20_000, counted(2));
  open.tryAppend(30_000, counted(4));
  open.tryAppend(40_000, { ...EMPTY, isStale: true });
  const { minT, maxT, encoding } = open;
  return {
    labels: labelsOf({ __name__: 'h_total' }),
    chunks: [
      { ...float, bytes: encodeXorChunk(t, Float64Array.of(7), 0, 1) },
      { minT, maxT, encoding, bytes: open.bytes() },
    ],
  };
}

async function answer(
  endpoint: 'query' | 'query_range',
  params: Readonly<Record<string, string>>,
): Promise<unknown> {
  const reader: Partial<LocalReader> = {
    async select() {
      const batches = (async function* () {
        yield [mixed()];
      })();
      return { heldBlocks: [], sources: [batches] };
    },
  };
  const port = {
    read: (request, signal) => serveRead(reader as LocalReader, request, signal),
  } satisfies ReadPort;
  const querier = createQuerier(defaultsOf(querierFlags), {
    owners: { owners: async () => [{ port, partitions: [0] }] },
    catalog: { blocks: async () => [] },
    clock: systemClock,
    telemetry: silentTelemetry(),
  });
  const request = { tenant: 't', endpoint, params: Object.entries(params) };
  const { body } = await querier.handle(request, new AbortController().signal);
  const chunks: Uint8Array[] = [];
  if (body instanceof Uint8Array) chunks.push(body);
  else for await (const chunk of body) chunks.push(chunk);
  const { data, ...rest } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  expect(rest).toEqual({ status: 'success' });
  return data.result;
}

const metric = { __name__: 'h_total' };
const json = (count: number) => ({
  count: String(count),
  sum: String(count * 1.5),
  buckets: [[0, '1', '2', String(count)]],
});

describe('native histograms of the query API', () => {
  it('are told at an instant', async () => {
    expect(await answer('query', { query: 'h_total', time: '25' })).toEqual([
      { metric, histogram: [25, json(2)] },
    ]);
    expect(await answer('query', { query: 'h_total', time: '10' })).toEqual([
      { metric, value: [10, '7'] },
    ]);
    expect(await answer('query', { query: 'h_total', time: '45' })).toEqual([]);
  });

  it('are told in a range, behind the values', async () => {
    const range = { start: '0', end: '60', step: '10' };
    const result = await answer('query_range', { query: 'h_total', ...range });
    expect(result).toEqual([
      {
        metric,
        values: [[10, '7']],
        histograms: [
          [20, json(2)],
          [30, json(4)],
        ],
      },
    ]);
    const alone = await answer('query_range', { query: 'h_total', ...range, start: '20' });
    expect(alone).toEqual([
      {
        metric,
        histograms: [
          [20, json(2)],
          [30, json(4)],
        ],
      },
    ]);
  });

  it('are told raw, without markers of staleness', async () => {
    expect(await answer('query', { query: 'h_total[15s]', time: '40' })).toEqual([
      { metric, histograms: [[30, json(4)]] },
    ]);
    expect(await answer('query', { query: 'h_total[5s]', time: '40' })).toEqual([]);
  });

  it('are told of functions, with fractions', async () => {
    expect(await answer('query', { query: 'rate(h_total[20s])', time: '35' })).toMatchObject([
      { metric: {}, histogram: [35, { buckets: [[0, '1', '2', expect.any(String)]] }] },
    ]);
    expect(await answer('query', { query: '-h_total', time: '30' })).toEqual([
      {
        metric: {},
        histogram: [30, { count: '-4', sum: '-6', buckets: [[0, '1', '2', '-4']] }],
      },
    ]);
  });
});
