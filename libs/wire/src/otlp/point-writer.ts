// From one data point to its series: a number is one, a classic histogram or a summary several, an
// exponential histogram (or one with custom buckets) a native histogram.
import { text, utf8 } from '@weir/bytes';
import { type NativeHistogram, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import { encodeHistogram } from '../histogram/encode-histogram.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import { plainDecimal } from './attribute-value.ts';
import { DataPoint } from './data-point.ts';
import { type ReadExemplar, readExemplars } from './exemplars.ts';
import type { MetricNames } from './metric-table.ts';
import { customBuckets, exponentialBuckets, type NativeBuckets } from './native-buckets.ts';
import { highOfLast, lowOf, STALE_HIGH, STALE_LOW } from './number-bits.ts';
import { EXTRA_LE, EXTRA_QUANTILE, NO_EXTRA } from './series-shape.ts';
import { parseError, type SeriesWriter } from './series-writer.ts';

/** Prometheus's resolutions. */
const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;
/** The width of the zero bucket, whatever the sender says: what Prometheus's receiver stores. */
const ZERO_THRESHOLD = 1e-128;
const RESET_UNKNOWN = 0;
const RESET_GAUGE = 3;
/** Bucket indices beyond it are no bounds that a double has, at any scale. */
const OFFSET_MAX = 2 ** 30;
const NO_BUCKETS: NativeBuckets = { spans: new Int32Array(0), counts: new Float64Array(0) };
const NO_VALUES = new Float64Array(0);
const NO_EXEMPLARS: readonly ReadExemplar[] = [];
const INFINITE = utf8('+Inf');
const DECIMALS_MAX = 4096;

export type PointForm = 'gauge' | 'sum' | 'summary' | 'classic' | 'custom' | 'exponential';

export interface PointsOfMetric {
  readonly names: MetricNames;
  readonly name: Uint8Array;
  readonly form: PointForm;
  readonly isDelta: boolean;
  /** Whether its points are written with the time since when they count. */
  readonly tellsStart: boolean;
}

export class PointWriter {
  readonly #writer: SeriesWriter;
  readonly #point = new DataPoint();
  readonly #decimals = new Map<number, Uint8Array>();
  #metric: PointsOfMetric | undefined;
  /** The sample that is being written; the writer copies it. */
  readonly #sample = { timeMs: 0, startMs: 0, low: 0, high: 0 };

  constructor(writer: SeriesWriter) {
    this.#writer = writer;
  }

  /** Of the point written last. */
  get timeMs(): number {
    return this.#point.timeMs;
  }

  begin(metric: PointsOfMetric): void {
    this.#metric = metric;
  }

  /** Of the classic histogram written last; none where the last point was none. */
  get bounds(): Float64Array {
    return this.#metric?.form === 'classic' ? this.#point.bounds : NO_VALUES;
  }

  /** A bound as its label says it. */
  boundText(bound: number): Uint8Array {
    return bound === Number.POSITIVE_INFINITY ? INFINITE : this.#decimal(bound);
  }

  /** Whether numbers of the metric are written with the time since when they count. */
  get tellsStart(): boolean {
    return this.#metric!.tellsStart;
  }

  /** Writes the series of the data point in bytes[from, to). */
  write(bytes: Uint8Array, from: number, to: number, out: AcceptedWrite): void {
    const metric = this.#metric!;
    const point = this.#point;
    const { attributes } = this.#writer;
    switch (metric.form) {
      case 'gauge':
      case 'sum':
        point.readNumber(bytes, from, to, attributes);
        this.#setTimes(metric);
        this.#writeNumber(metric, bytes, out);
        break;
      case 'summary':
        point.readSummary(bytes, from, to, attributes);
        this.#setTimes(metric);
        this.#writeSummary(metric, out);
        break;
      case 'classic':
        point.readHistogram(bytes, from, to, attributes);
        this.#setTimes(metric);
        this.#writeClassic(metric, bytes, out);
        break;
      case 'custom':
        point.readHistogram(bytes, from, to, attributes);
        this.#writeCustom(metric, bytes, out);
        break;
      case 'exponential':
        point.readExponential(bytes, from, to, attributes);
        this.#writeExponential(metric, bytes, out);
        break;
    }
  }

  #setTimes(metric: PointsOfMetric): void {
    const { timeMs, startMs } = this.#point;
    this.#sample.timeMs = timeMs;
    this.#sample.startMs = metric.tellsStart ? startMs : 0;
  }

  #writeNumber(metric: PointsOfMetric, bytes: Uint8Array, out: AcceptedWrite): void {
    const { low, high, isStale, exemplars } = this.#point;
    const sample = this.#sample;
    sample.low = isStale ? STALE_LOW : low;
    sample.high = isStale ? STALE_HIGH : high;
    if (exemplars.length === 0 || metric.form === 'gauge') {
      this.#writer.write(metric.name, NO_EXTRA, sample, out);
      return;
    }
    this.#writeWith(metric.name, NO_EXTRA, readExemplars(bytes, exemplars, out), out);
  }

  #writeSummary({ names }: PointsOfMetric, out: AcceptedWrite): void {
    const { quantiles, sum, count } = this.#point;
    this.#writeValue(names.sum, NO_EXTRA, sum, out);
    this.#writeValue(names.count, NO_EXTRA, count, out);
    for (let index = 0; index < quantiles.length; index += 2) {
      this.#writer.extraValue = this.#decimal(quantiles[index]!);
      this.#writeValue(this.#metric!.name, EXTRA_QUANTILE, quantiles[index + 1]!, out);
    }
  }

  #writeClassic({ names }: PointsOfMetric, bytes: Uint8Array, out: AcceptedWrite): void {
    const { hasSum, sum, count, bounds, bucketCounts } = this.#point;
    if (hasSum) this.#writeValue(names.sum, NO_EXTRA, sum, out);
    this.#writeValue(names.count, NO_EXTRA, count, out);
    const exemplars = this.#exemplars(bytes, out);
    const buckets = Math.min(bounds.length, bucketCounts.length);
    let cumulative = 0;
    let below = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < buckets; index++) {
      const bound = bounds[index]!;
      cumulative += bucketCounts[index]!;
      this.#writer.extraValue = this.#decimal(bound);
      this.#writeBucket(names.bucket, cumulative, within(exemplars, below, bound), out);
      below = Math.max(below, bound);
    }
    this.#writer.extraValue = INFINITE;
    const last = within(exemplars, below, Number.POSITIVE_INFINITY);
    this.#writeBucket(names.bucket, count, last, out);
  }

  #writeBucket(
    name: Uint8Array,
    value: number,
    exemplars: readonly ReadExemplar[],
    out: AcceptedWrite,
  ): void {
    if (exemplars.length === 0) {
      this.#writeValue(name, EXTRA_LE, value, out);
      return;
    }
    this.#setValue(value);
    this.#writeWith(name, EXTRA_LE, exemplars, out);
  }

  #writeValue(name: Uint8Array, extra: number, value: number, out: AcceptedWrite): void {
    this.#setValue(value);
    this.#writer.write(name, extra, this.#sample, out);
  }

  #setValue(value: number): void {
    const { isStale } = this.#point;
    this.#sample.low = isStale ? STALE_LOW : lowOf(value);
    this.#sample.high = isStale ? STALE_HIGH : highOfLast();
  }

  #writeWith(
    name: Uint8Array,
    extra: number,
    exemplars: readonly ReadExemplar[],
    out: AcceptedWrite,
  ): void {
    const { timeMs, low, high, startMs } = this.#sample;
    this.#writer.writeDraft(name, extra, out, (draft) => {
      draft.addSample(timeMs, low, high, startMs);
      draft.exemplars.push(...exemplars);
    });
  }

  #writeCustom(metric: PointsOfMetric, bytes: Uint8Array, out: AcceptedWrite): void {
    const { bounds, bucketCounts } = this.#point;
    // A last bound of +Inf says nothing: native histograms have it without saying.
    const finite = bounds.at(-1) === Number.POSITIVE_INFINITY ? bounds.slice(0, -1) : bounds;
    this.#writeNative(metric, bytes, out, {
      schema: SCHEMA_CUSTOM_BUCKETS,
      zeroThreshold: 0,
      zeroCount: 0,
      positive: customBuckets(bucketCounts),
      negative: NO_BUCKETS,
      customValues: finite,
    });
  }

  #writeExponential(metric: PointsOfMetric, bytes: Uint8Array, out: AcceptedWrite): void {
    const { scale, zeroCount, positive, negative } = this.#point;
    const farthest = Math.max(Math.abs(positive.offset), Math.abs(negative.offset));
    if (scale < SCHEMA_MIN || farthest > OFFSET_MAX) {
      out.histogramsIn++;
      out.reject('otlp_parse_error', 1, () => parseError(refusalOf(metric.name, scale)));
      return;
    }
    const scaleDown = Math.max(0, scale - SCHEMA_MAX);
    this.#writeNative(metric, bytes, out, {
      schema: scale - scaleDown,
      zeroThreshold: ZERO_THRESHOLD,
      zeroCount,
      positive: exponentialBuckets(positive.counts, positive.offset, scaleDown),
      negative: exponentialBuckets(negative.counts, negative.offset, scaleDown),
      customValues: NO_VALUES,
    });
  }

  #writeNative(
    metric: PointsOfMetric,
    bytes: Uint8Array,
    out: AcceptedWrite,
    { positive, negative, ...scale }: Scale,
  ): void {
    const { isStale, sum, hasSum, count, timeMs, startMs } = this.#point;
    // A staleness marker has no buckets.
    const [above, below] = isStale ? [NO_BUCKETS, NO_BUCKETS] : [positive, negative];
    const histogram: NativeHistogram = {
      ...scale,
      zeroCount: isStale ? 0 : scale.zeroCount,
      isFloat: false,
      resetHint: metric.isDelta ? RESET_GAUGE : RESET_UNKNOWN,
      count: isStale ? 0 : count,
      sum: hasSum ? sum : 0,
      isStale,
      positiveSpans: above.spans,
      positiveBuckets: above.counts,
      negativeSpans: below.spans,
      negativeBuckets: below.counts,
    };
    const startT = metric.tellsStart && startMs < timeMs ? startMs : 0;
    const message = encodeHistogram({ t: timeMs, startT, histogram });
    const exemplars = this.#exemplars(bytes, out);
    this.#writer.writeDraft(metric.name, NO_EXTRA, out, (draft) => {
      draft.histograms.push(message);
      draft.exemplars.push(...exemplars);
    });
  }

  #exemplars(bytes: Uint8Array, out: AcceptedWrite): readonly ReadExemplar[] {
    const { exemplars } = this.#point;
    return exemplars.length === 0 ? NO_EXEMPLARS : readExemplars(bytes, exemplars, out);
  }

  #decimal(value: number): Uint8Array {
    let found = this.#decimals.get(value);
    if (found === undefined) {
      if (this.#decimals.size >= DECIMALS_MAX) this.#decimals.clear();
      found = utf8(plainDecimal(value));
      // 0 and -0 are one key of a map.
      if (value !== 0) this.#decimals.set(value, found);
    }
    return found;
  }
}

interface Scale {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly positive: NativeBuckets;
  readonly negative: NativeBuckets;
  readonly customValues: Float64Array;
}

function within(
  exemplars: readonly ReadExemplar[],
  above: number,
  upTo: number,
): readonly ReadExemplar[] {
  if (exemplars.length === 0) return exemplars;
  return exemplars.filter(({ value }) => value <= upTo && !(value <= above));
}

function refusalOf(name: Uint8Array, scale: number): string {
  if (scale < SCHEMA_MIN) {
    return `cannot convert exponential to native histogram. Scale must be >= ${SCHEMA_MIN}, was ${scale}`;
  }
  return `the metric '${text(name)}' has an exponential histogram with a bucket offset out of range`;
}
