// The samples of one series of an answer or of a block, floats and histograms, from its chunks. Series of
// floats take the way that queries take; others are merged as chunks, as blocks are. What chunks say of
// counter resets is checked on the way: no reset is hidden.
import { type NativeHistogram, RESET_GAUGE, RESET_NO, SampleColumns } from '@weir/model';
import { CHUNK_XOR, type Chunk, decodeXorChunk, readHistogramChunk } from '@weir/tsdb/chunk';
import { mergeChunks, mergeSamples } from '@weir/tsdb/merge';
import { floatValue, histogramValue, type SampleValue } from './values.ts';
import { Violation } from './violation.ts';

export interface AnswerSeries {
  /** Ascending, if all is well. */
  readonly times: readonly number[];
  readonly values: readonly SampleValue[];
}

const columns = new SampleColumns();

/** Samples in [minT, maxT], both inclusive, of chunks in the order of their precedence. */
export function readSeries(chunks: readonly Chunk[], minT: number, maxT: number): AnswerSeries {
  const times: number[] = [];
  const values: SampleValue[] = [];
  const add = (t: number, value: SampleValue) => {
    times.push(t);
    values.push(value);
  };
  if (chunks.every(({ encoding }) => encoding === CHUNK_XOR)) {
    columns.clear();
    mergeSamples(chunks, columns, minT, maxT);
    addFloats(add);
    return { times, values };
  }
  let before: NativeHistogram | undefined;
  for (const { encoding, bytes } of mergeChunks(chunks)) {
    if (encoding === CHUNK_XOR) {
      before = undefined;
      columns.clear();
      decodeXorChunk(bytes, columns, minT, maxT);
      addFloats(add);
      continue;
    }
    readHistogramChunk(encoding, bytes, minT, maxT, (t, histogram) => {
      checkHint(t, before, histogram);
      before = histogram.isStale ? undefined : histogram;
      add(t, histogramValue(histogram));
    });
  }
  return { times, values };
}

function addFloats(add: (t: number, value: SampleValue) => void): void {
  for (let at = 0; at < columns.count; at++) add(columns.t[at]!, floatValue(columns.v[at]!));
}

/** Where a chunk says that a counter went on, it did. */
function checkHint(t: number, before: NativeHistogram | undefined, h: NativeHistogram): void {
  if (before === undefined || h.isStale || h.resetHint !== RESET_NO) return;
  if (before.resetHint === RESET_GAUGE || h.count >= before.count) return;
  const counts = `${before.count} before, ${h.count} now`;
  throw new Violation(7, 'counter reset', `a histogram at ${t} is said to go on: ${counts}`);
}
