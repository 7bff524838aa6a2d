// Native histograms of the promqltest format: `{{schema:1 sum:3 count:4 buckets:[1 2 1] offset:-1}}`.
import { type NativeHistogram, RESET_GAUGE, RESET_NO, RESET_UNKNOWN, RESET_YES } from '@weir/model';
import { addHistograms, fromNative, type Histogram, subtractHistograms } from '@weir/promql';

export interface HistogramPoint {
  readonly histogram: Histogram;
  /** Whether the case names the reset hint, so that it matters. */
  readonly statesHint: boolean;
}

const HINTS: Readonly<Record<string, number>> = {
  unknown: RESET_UNKNOWN,
  reset: RESET_YES,
  not_reset: RESET_NO,
  gauge: RESET_GAUGE,
};

const LITERAL = /^\{\{([^}]*)\}\}/;

/** A literal with its repetition: `{{…}}`, `{{…}}x3`, `{{…}}+{{…}}x3`. */
export function expandHistogram(text: string): HistogramPoint[] {
  const first = LITERAL.exec(text);
  if (first === null) throw new Error(`bad histogram: ${text}`);
  const start = parseHistogram(first[1]!);
  const rest = text.slice(first[0].length);
  if (rest === '') return [start];
  const repeated = /^(?:([-+])(\{\{[^}]*\}\}))?x(\d+)$/.exec(rest);
  if (repeated === null) throw new Error(`bad histogram: ${text}`);
  const [, sign, by, times] = repeated;
  const points = [start];
  const step = by === undefined ? undefined : parseHistogram(LITERAL.exec(by)![1]!).histogram;
  for (let left = Number(times); left > 0; left--) {
    const { histogram, statesHint } = points.at(-1)!;
    points.push({ histogram: moved(histogram, sign, step), statesHint });
  }
  return points;
}

function moved(from: Histogram, sign: string | undefined, step: Histogram | undefined): Histogram {
  if (step === undefined) return from;
  const combine = sign === '-' ? subtractHistograms : addHistograms;
  return { ...combine(from, step)!.histogram, resetHint: from.resetHint };
}

function parseHistogram(body: string): HistogramPoint {
  const fields = new Map<string, string>();
  for (const [, key, value] of body.matchAll(/([a-z_]+):(\[[^\]]*\]|\S+)/g))
    fields.set(key!, value!);
  const hint = fields.get('counter_reset_hint');
  return {
    histogram: fromNative(nativeOf(fields)),
    statesHint: hint !== undefined,
  };
}

function nativeOf(fields: ReadonlyMap<string, string>): NativeHistogram {
  const number = (key: string) => numberOf(fields.get(key) ?? '0');
  const list = (key: string) => Float64Array.from(listOf(fields.get(key)), numberOf);
  const span = (key: string, length: number) =>
    length === 0 ? new Int32Array(0) : Int32Array.of(number(key), length);
  const positiveBuckets = list('buckets');
  const negativeBuckets = list('n_buckets');
  return {
    isFloat: true,
    isStale: false,
    resetHint: HINTS[fields.get('counter_reset_hint') ?? 'unknown']!,
    schema: number('schema'),
    zeroThreshold: number('z_bucket_w'),
    zeroCount: number('z_bucket'),
    count: number('count'),
    sum: number('sum'),
    positiveSpans: span('offset', positiveBuckets.length),
    negativeSpans: span('n_offset', negativeBuckets.length),
    positiveBuckets,
    negativeBuckets,
    customValues: list('custom_values'),
  };
}

function listOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.slice(1, -1).split(/\s+/).filter(Boolean);
}

function numberOf(text: string): number {
  const infinite = /^([-+]?)inf$/i.exec(text);
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}
