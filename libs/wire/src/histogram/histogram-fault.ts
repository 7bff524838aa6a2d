// What makes a native histogram unfit to be stored, in the terms and texts that Prometheus and Mimir
// use for it, so that a client's operator finds the same error as elsewhere. Source of the rules:
// Prometheus's native histogram specification, and its validation as observed.
import { type NativeHistogram, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';

export interface HistogramFault {
  /** Mimir's error id without `err-mimir-`; undefined where Mimir has none. */
  readonly id: string | undefined;
  readonly message: string;
}

const SCHEMA_LOWEST = -4;
const SCHEMA_HIGHEST = 8;
/** Chunks hold integers up to here, which are exact. */
const COUNT_MAX = Number.MAX_SAFE_INTEGER;
/** Indexes of buckets are 32-bit integers. */
const BUCKET_INDEX_MAX = 0x7fffffff;

/** Whether the schema is one that Weir knows. */
export function isKnownSchema(schema: number): boolean {
  return schema === SCHEMA_CUSTOM_BUCKETS || (schema >= SCHEMA_LOWEST && schema <= SCHEMA_HIGHEST);
}

/** The first thing wrong with a histogram, or undefined. Its schema is checked before the rest. */
export function histogramFault(h: NativeHistogram): HistogramFault | undefined {
  if (!isKnownSchema(h.schema)) {
    return {
      id: 'invalid-native-histogram-schema',
      message: `received a native histogram sample with an invalid schema: ${h.schema}`,
    };
  }
  const fault = h.schema === SCHEMA_CUSTOM_BUCKETS ? customFault(h) : exponentialFault(h);
  if (fault !== undefined) return fault;
  return sideCountFault(h.positiveBuckets, 'positive') ?? hugeCountFault(h) ?? countFault(h);
}

function exponentialFault(h: NativeHistogram): HistogramFault | undefined {
  const fault =
    spansFault(h.positiveSpans, h.positiveBuckets.length, 'positive side', 1) ??
    spansFault(h.negativeSpans, h.negativeBuckets.length, 'negative side', 1) ??
    sideCountFault(h.negativeBuckets, 'negative');
  if (fault !== undefined) return fault;
  return h.customValues.length > 0
    ? unnamed('histogram with exponential schema must not have custom bounds')
    : undefined;
}

function customFault(h: NativeHistogram): HistogramFault | undefined {
  let previous = Number.NEGATIVE_INFINITY;
  for (const bound of h.customValues) {
    // Also for NaN, which is above nothing.
    if (!(bound > previous)) {
      return {
        id: 'native-histogram-custom-buckets-invalid',
        message: `custom buckets: previous bound is ${previous.toFixed(6)} and current is ${bound.toFixed(6)}: histogram custom bounds must be in strictly increasing order`,
      };
    }
    previous = bound;
  }
  if (previous === Number.POSITIVE_INFINITY) {
    return {
      id: 'native-histogram-custom-buckets-infinite',
      message:
        'custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite',
    };
  }
  const spans = h.positiveSpans;
  const fault = spansFault(spans, h.positiveBuckets.length, 'custom buckets', 0);
  if (fault !== undefined) return fault;
  let reach = 0;
  for (const part of spans) reach += part;
  if (reach > h.customValues.length + 1) {
    return {
      id: 'native-histogram-custom-buckets-mismatch',
      message: `custom buckets: only ${h.customValues.length} custom bounds defined which is insufficient to cover total span length of ${reach}: histogram custom bounds are too few`,
    };
  }
  if (h.zeroCount !== 0) return unnamed('custom buckets: must have zero count of 0');
  if (h.zeroThreshold !== 0) return unnamed('custom buckets: must have zero threshold of 0');
  if (h.negativeSpans.length > 0) return unnamed('custom buckets: must not have negative spans');
  if (h.negativeBuckets.length > 0) {
    return unnamed('custom buckets: must not have negative buckets');
  }
  return undefined;
}

function unnamed(message: string): HistogramFault {
  return { id: undefined, message };
}

/** The first span of exponential buckets may start below 0; all others lie behind the one before. */
function spansFault(
  spans: Int32Array,
  buckets: number,
  where: string,
  firstChecked: number,
): HistogramFault | undefined {
  let needed = 0;
  let end = 0;
  for (let index = 0; index * 2 < spans.length; index++) {
    const offset = spans[index * 2]!;
    end += offset + spans[index * 2 + 1]!;
    if (Math.abs(end) > BUCKET_INDEX_MAX || offset < -BUCKET_INDEX_MAX) {
      return unnamed(`${where}: span number ${index + 1} ends outside of any range of buckets`);
    }
    if (index >= firstChecked && offset < 0) {
      return {
        id: 'native-histogram-span-negative-offset',
        message: `${where}: span number ${index + 1} with offset ${offset}: histogram has a span whose offset is negative`,
      };
    }
    needed += spans[index * 2 + 1]!;
  }
  if (needed === buckets) return undefined;
  return {
    id: 'native-histogram-spans-buckets-mismatch',
    message: `${where}: spans need ${needed} buckets, have ${buckets} buckets: histogram spans specify different number of buckets than provided`,
  };
}

function sideCountFault(buckets: Float64Array, side: string): HistogramFault | undefined {
  for (let index = 0; index < buckets.length; index++) {
    if (!(buckets[index]! < 0)) continue;
    return {
      id: 'native-histogram-negative-bucket-count',
      message: `${side} side: bucket number ${index + 1} has observation count of ${buckets[index]}: histogram has a bucket whose observation count is negative`,
    };
  }
  return undefined;
}

function hugeCountFault(h: NativeHistogram): HistogramFault | undefined {
  if (h.isFloat) return undefined;
  let highest = Math.max(h.count, h.zeroCount);
  for (const count of h.positiveBuckets) highest = Math.max(highest, count);
  for (const count of h.negativeBuckets) highest = Math.max(highest, count);
  if (highest <= COUNT_MAX) return undefined;
  return unnamed(
    `histogram has an integer observation count of ${BigInt(highest)}: more than ${COUNT_MAX} can't be stored`,
  );
}

/** Floats aren't compared: adding them up is inexact. */
function countFault(h: NativeHistogram): HistogramFault | undefined {
  if (h.isFloat) return undefined;
  let found = h.zeroCount;
  for (const count of h.positiveBuckets) found += count;
  for (const count of h.negativeBuckets) found += count;
  const told = `${found} observations found in buckets, but the Count field is ${h.count}`;
  // Observations of NaN are counted, fall into no bucket, and make the sum NaN.
  if (Number.isNaN(h.sum)) {
    if (found <= h.count) return undefined;
    return {
      id: 'native-histogram-count-not-big-enough',
      message: `${told}: histogram's observation count should be at least the number of observations found in the buckets`,
    };
  }
  if (found === h.count) return undefined;
  return {
    id: 'native-histogram-count-mismatch',
    message: `${told}: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)`,
  };
}
