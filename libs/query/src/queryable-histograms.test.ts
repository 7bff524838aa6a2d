// Native histograms through the queryable: beside floats, from chunks that overlap and that don't.
import {
  createMatcher,
  HistogramColumns,
  labelsOf,
  type NativeHistogram,
  SampleColumns,
} from '@weir/model';
import type { SelectRequest } from '@weir/promql';
import { CHUNK_XOR, type Chunk, encodeXorChunk, HistogramChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import type { BlockCatalog } from './block-catalog.ts';
import { createQueryable } from './queryable.ts';

const ALL = { matchers: [createMatcher({ name: 'a', op: '!=', value: '' })], minT: 0, maxT: 1000 };

function floats(...samples: [number, number][]): Chunk {
  const t = Float64Array.from(samples, ([time]) => time);
  const v = Float64Array.from(samples, ([, value]) => value);
  const bytes = encodeXorChunk(t, v, 0, t.length);
  return { minT: t[0]!, maxT: t[t.length - 1]!, encoding: CHUNK_XOR, bytes };
}

const NO_OBSERVATIONS: NativeHistogram = {
  isFloat: true,
  isStale: false,
  resetHint: 0,
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 0,
  sum: 0,
  positiveSpans: new Int32Array(0),
  negativeSpans: new Int32Array(0),
  positiveBuckets: new Float64Array(0),
  negativeBuckets: new Float64Array(0),
  customValues: new Float64Array(0),
};

/** A chunk of histograms without buckets, by time and count. */
function histograms(...samples: [number, number][]): Chunk {
  const open = HistogramChunk.start(true);
  for (const [t, count] of samples) open.tryAppend(t, { ...NO_OBSERVATIONS, count });
  const { minT, maxT, encoding } = open;
  return { minT, maxT, encoding, bytes: open.bytes() };
}

/** One series, its chunks in one block after the other. */
function catalogOf(...blocks: Chunk[][]): BlockCatalog {
  return {
    blocks: async () =>
      blocks.map((chunks, at) => ({
        meta: { ulid: `0${at}`, minTime: 0, maxTime: 1000 },
        open: async () => ({
          async *select() {
            yield [{ labels: labelsOf({ a: 'x' }), chunks }];
          },
          labelNames: async () => [],
          labelValues: async () => [],
        }),
      })),
  };
}

/** The floats, and times and counts of the histograms. */
async function read(catalog: BlockCatalog, request: Partial<SelectRequest> = {}) {
  const parts = { owners: { owners: async () => [] }, catalog };
  const never = new AbortController().signal;
  const queryable = createQueryable({ tenant: 't' }, parts);
  const stream = await queryable.select({ ...ALL, ...request }, never);
  await stream.next();
  const samples = new SampleColumns();
  const natives = new HistogramColumns();
  stream.samples(samples);
  stream.histograms?.(natives);
  stream.close();
  return {
    floats: Array.from({ length: samples.count }, (_, at) => [samples.t[at], samples.v[at]]),
    histograms: natives.t.map((t, at) => [t, natives.h[at]!.count]),
  };
}

describe('queryable: native histograms', () => {
  it('stand beside the floats, and of a timestamp the earlier source wins, whatever its kind', async () => {
    const catalog = catalogOf(
      [floats([5, 1], [6, 2]), histograms([10, 3], [20, 4])],
      [histograms([6, 9], [30, 10]), floats([40, 7])],
    );
    expect(await read(catalog)).toEqual({
      floats: [
        [5, 1],
        [6, 2],
        [40, 7],
      ],
      histograms: [
        [10, 3],
        [20, 4],
        [30, 10],
      ],
    });
    expect((await read(catalog, { maxT: 6 })).histograms).toEqual([]);
    const newest = await read(catalog, { maxT: 35, newestOnly: true });
    expect(newest.histograms.at(-1)).toEqual([30, 10]);
  });

  it('are not decoded outside the asked range', async () => {
    const damaged = { minT: 8, maxT: 30, encoding: 3, bytes: new Uint8Array(2) };
    const catalog = catalogOf([floats([5, 1]), damaged]);
    expect(await read(catalog, { maxT: 7 })).toEqual({ floats: [[5, 1]], histograms: [] });
    await expect(read(catalog, { maxT: 8 })).rejects.toThrow('histogram chunk');
  });
});
