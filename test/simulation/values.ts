// What a sample says, in a form that equals itself: a float is its number, a histogram a text of all that
// it says, and staleness markers of all kinds are one. Written from the model's histogram and, without
// Weir's decoder, from the message of the log; so the two ways must agree.
import { isStaleNaN, type NativeHistogram, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import {
  doubleOf,
  forEachField,
  packedDoubles,
  packedVarints,
  signed,
  unzigzag,
  viewOf,
} from './fields.ts';

export type SampleValue = number | string;

export const STALE = 'stale';

const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 0x00000002;

export function floatValue(v: number): SampleValue {
  return isStaleNaN(v) ? STALE : v;
}

/** The value in eight little-endian bytes. */
export function floatOfBytes(bytes: Uint8Array): SampleValue {
  return isStale(bytes) ? STALE : doubleOf(bytes);
}

function isStale(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  return view.getUint32(4, true) === STALE_HIGH && view.getUint32(0, true) === STALE_LOW;
}

interface HistogramParts {
  isFloat: boolean;
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  count: number;
  sum: number;
  positiveSpans: ArrayLike<number>;
  negativeSpans: ArrayLike<number>;
  positiveBuckets: ArrayLike<number>;
  negativeBuckets: ArrayLike<number>;
  customValues: ArrayLike<number>;
}

/** Buckets without observations and the reset hint say nothing: chunks add and change them. */
export function histogramValue(h: NativeHistogram): SampleValue {
  return h.isStale ? STALE : printed(h);
}

/** What a counter is when it begins, in the buckets of `h`. */
export function zeroOf(
  h: Pick<HistogramParts, 'isFloat' | 'schema' | 'zeroThreshold' | 'customValues'>,
) {
  const none = { positiveSpans: [], negativeSpans: [], positiveBuckets: [], negativeBuckets: [] };
  return printed({ ...none, ...pick(h), zeroCount: 0, count: 0, sum: 0 });
}

function pick({ isFloat, schema, zeroThreshold, customValues }: Parameters<typeof zeroOf>[0]) {
  return { isFloat, schema, zeroThreshold, customValues };
}

function printed(h: HistogramParts): SampleValue {
  const scale = `${h.isFloat ? 'float' : 'int'} schema ${h.schema} zero ${h.zeroThreshold}`;
  const counts = `${h.zeroCount} of ${h.count} sum ${h.sum}`;
  const positive = bucketsOf(h.positiveSpans, h.positiveBuckets);
  const negative = bucketsOf(h.negativeSpans, h.negativeBuckets);
  const bounds = h.customValues.length === 0 ? '' : ` <${Array.from(h.customValues).join()}`;
  return `${scale}: ${counts} +${positive} -${negative}${bounds}`;
}

function bucketsOf(spans: ArrayLike<number>, buckets: ArrayLike<number>): string {
  let text = '';
  let index = 0;
  let at = 0;
  for (let span = 0; span < spans.length; span += 2) {
    index += spans[span]!;
    for (let left = spans[span + 1]!; left > 0; left--, index++, at++) {
      if (buckets[at] !== 0) text += ` ${index}=${buckets[at]}`;
    }
  }
  return text;
}

export interface LoggedHistogram {
  readonly t: number;
  /** Since when it counts, ms; 0 where unknown. */
  readonly startT: number;
  /** Undefined where it is one that can't be stored. */
  readonly value: SampleValue | undefined;
  /** That of a synthetic zero before it. */
  readonly zero: () => SampleValue;
}

/** The Histogram message. Of what makes one unfit it knows what the simulation sends. */
export function decodeLoggedHistogram(bytes: Uint8Array): LoggedHistogram {
  const h: HistogramParts = {
    ...{ isFloat: false, schema: 0, zeroThreshold: 0, zeroCount: 0, count: 0, sum: 0 },
    ...{ positiveSpans: [], negativeSpans: [], positiveBuckets: [], negativeBuckets: [] },
    customValues: [],
  };
  const spans: Record<number, number[]> = { 8: [], 11: [] };
  let t = 0;
  let startT = 0;
  let stale = false;
  forEachField(bytes, (field, content) => {
    if (content instanceof Uint8Array) {
      if (field === 2) [h.isFloat, h.count] = [true, doubleOf(content)];
      else if (field === 3) [stale, h.sum] = [isStale(content), doubleOf(content)];
      else if (field === 5) h.zeroThreshold = doubleOf(content);
      else if (field === 7) h.zeroCount = doubleOf(content);
      else if (field === 8 || field === 11) spans[field]!.push(...spanOf(content));
      else if (field === 9) h.negativeBuckets = countsOf(content);
      else if (field === 12) h.positiveBuckets = countsOf(content);
      else if (field === 10) h.negativeBuckets = packedDoubles(content);
      else if (field === 13) h.positiveBuckets = packedDoubles(content);
      else if (field === 16) h.customValues = packedDoubles(content);
    } else if (field === 1) h.count = Number(content);
    else if (field === 4) h.schema = unzigzag(content);
    else if (field === 6) h.zeroCount = Number(content);
    else if (field === 15) t = signed(content);
    else if (field === 17) startT = signed(content);
  });
  h.negativeSpans = spans[8]!;
  h.positiveSpans = spans[11]!;
  const value = stale ? STALE : isFit(h) ? printed(h) : undefined;
  return { t, startT, value, zero: () => zeroOf(h) };
}

function spanOf(bytes: Uint8Array): [number, number] {
  let offset = 0;
  let length = 0;
  forEachField(bytes, (field, content) => {
    if (content instanceof Uint8Array) return;
    if (field === 1) offset = unzigzag(content);
    else length = Number(content);
  });
  return [offset, length];
}

/** Counts as differences from the one before. */
function countsOf(bytes: Uint8Array): number[] {
  let count = 0;
  return packedVarints(bytes).map((delta) => {
    count += unzigzag(delta);
    return count;
  });
}

function isFit(h: HistogramParts): boolean {
  if (h.schema !== SCHEMA_CUSTOM_BUCKETS && (h.schema < -4 || h.schema > 8)) return false;
  if (h.isFloat) return true;
  const all = [...Array.from(h.positiveBuckets), ...Array.from(h.negativeBuckets)];
  return all.reduce((sum, count) => sum + count, h.zeroCount) === h.count;
}
