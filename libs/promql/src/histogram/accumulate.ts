// Sums and means of many histograms, compensated in every field (Kahan–Neumaier) as sums of floats are.
import { RESET_NO, RESET_YES } from '@weir/model';
import { divideHistogram, mergeHints } from './arithmetic.ts';
import { addTo, CompensatedBuckets, isInfinite } from './compensated.ts';
import { type Buckets, type Histogram, withoutEmpty } from './histogram.ts';
import { commonShape, reshape, type Shape, sameBounds } from './shape.ts';

const SAID_YES = 1;
const SAID_NO = 2;

/** Places of the fields that aren't buckets. */
const ZERO_COUNT = 0;
const COUNT = 1;
const SUM = 2;

/** What has been added so far; sum() or mean() at the end, after the add… of the same name. */
export class HistogramTotal {
  /** Exponential and custom buckets met: there is no result. */
  incompatible = false;
  reconciled = false;
  /** Shape and reset hint; its counts are those of the first histogram. */
  #like: Histogram;
  readonly #fields: Float64Array;
  readonly #compensations = new Float64Array(3);
  readonly #positive: CompensatedBuckets;
  readonly #negative: CompensatedBuckets;
  #hints = 0;
  #count = 1;
  #isMean = false;

  constructor(first: Histogram) {
    this.#like = first;
    this.#fields = Float64Array.of(first.zeroCount, first.count, first.sum);
    this.#positive = new CompensatedBuckets(first.positive);
    this.#negative = new CompensatedBuckets(first.negative);
    this.#noteHint(first);
  }

  /** Some samples said that they were counter resets, others that they were none. */
  get collision(): boolean {
    return this.#hints === (SAID_YES | SAID_NO);
  }

  addToSum(h: Histogram): void {
    const more = this.#matched(h);
    if (more !== undefined) this.#add(more);
  }

  /** A running sum while it stays finite; once it overflows, a running mean. */
  addToMean(h: Histogram): void {
    const more = this.#matched(h);
    if (more === undefined) return;
    const before = this.#count++;
    if (!this.#isMean) {
      if (!this.#overflows(more)) {
        this.#add(more);
        return;
      }
      this.#isMean = true;
      this.#change((value) => value / before);
    }
    const share = before / this.#count;
    this.#change((value) => value * share);
    this.#add(divideHistogram(more, this.#count));
  }

  sum(): Histogram {
    return this.#total(
      (name, at) => this.#fields[name]! + at,
      (sum, c) => sum + c,
    );
  }

  mean(): Histogram {
    if (this.#isMean) return this.sum();
    const count = this.#count;
    return this.#total(
      (name, c) => this.#fields[name]! / count + c / count,
      (sum, c) => sum / count + c / count,
    );
  }

  /** Takes notes, and brings both what there is and `h` to the shape they share. */
  #matched(h: Histogram): Histogram | undefined {
    if (this.incompatible) return undefined;
    const like = this.#like;
    if (!sameBounds(like.customValues, h.customValues)) this.reconciled = true;
    const sums = { ...like, positive: this.#positive.sums(), negative: this.#negative.sums() };
    const shape = commonShape(sums, h);
    if (shape === undefined) {
      this.incompatible = true;
      return undefined;
    }
    this.#noteHint(h);
    if (shape !== sums) this.#reshape(shape);
    const resetHint = mergeHints(like.resetHint, h.resetHint);
    if (resetHint !== this.#like.resetHint) this.#like = { ...this.#like, resetHint };
    return reshape(h, this.#like);
  }

  #noteHint({ resetHint }: Histogram): void {
    if (resetHint === RESET_YES) this.#hints |= SAID_YES;
    if (resetHint === RESET_NO) this.#hints |= SAID_NO;
  }

  /** Sums and compensations alike: buckets move as the shape tells, whatever they hold. */
  #reshape(shape: Shape): void {
    const part = (zeroCount: number, positive: Buckets, negative: Buckets) =>
      reshape({ ...this.#like, zeroCount, positive, negative }, shape);
    const positive = this.#positive;
    const negative = this.#negative;
    const sums = part(this.#fields[ZERO_COUNT]!, positive.sums(), negative.sums());
    const cs = part(
      this.#compensations[ZERO_COUNT]!,
      positive.compensations(),
      negative.compensations(),
    );
    this.#fields[ZERO_COUNT] = sums.zeroCount;
    this.#compensations[ZERO_COUNT] = cs.zeroCount;
    positive.reset(sums.positive, cs.positive);
    negative.reset(sums.negative, cs.negative);
    const { schema, zeroThreshold, customValues } = sums;
    this.#like = { ...this.#like, schema, zeroThreshold, customValues };
  }

  #add(more: Histogram): void {
    addTo(this.#fields, this.#compensations, ZERO_COUNT, more.zeroCount);
    addTo(this.#fields, this.#compensations, COUNT, more.count);
    addTo(this.#fields, this.#compensations, SUM, more.sum);
    this.#positive.add(more.positive);
    this.#negative.add(more.negative);
  }

  #overflows(more: Histogram): boolean {
    const fields = this.#fields;
    return (
      isInfinite(fields[ZERO_COUNT]! + more.zeroCount) ||
      isInfinite(fields[COUNT]! + more.count) ||
      isInfinite(fields[SUM]! + more.sum) ||
      this.#positive.overflows(more.positive) ||
      this.#negative.overflows(more.negative)
    );
  }

  #change(each: (value: number) => number): void {
    for (let at = 0; at < this.#fields.length; at++) {
      this.#fields[at] = each(this.#fields[at]!);
      this.#compensations[at] = each(this.#compensations[at]!);
    }
    this.#positive.change(each);
    this.#negative.change(each);
  }

  #total(
    field: (name: number, c: number) => number,
    bucket: (sum: number, c: number) => number,
  ): Histogram {
    const buckets = (side: CompensatedBuckets): Buckets => {
      const { index, count } = side.sums();
      const cs = side.compensations().count;
      return withoutEmpty({ index, count: count.map((sum, at) => bucket(sum, cs[at]!)) });
    };
    const of = (name: number) => field(name, this.#compensations[name]!);
    return {
      ...this.#like,
      zeroCount: of(ZERO_COUNT),
      count: of(COUNT),
      sum: of(SUM),
      positive: buckets(this.#positive),
      negative: buckets(this.#negative),
    };
  }
}
