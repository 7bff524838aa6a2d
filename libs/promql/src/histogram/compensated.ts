// Sums of one side's buckets with their compensations (Kahan–Neumaier), added to in place: the memory of a
// total is that of one histogram, however many are added.
import { uniteIndexes } from './arithmetic.ts';
import type { Buckets } from './histogram.ts';

export class CompensatedBuckets {
  #index: Int32Array;
  #sum: Float64Array;
  #c: Float64Array;

  constructor({ index, count }: Buckets) {
    this.#index = index;
    this.#sum = count.slice();
    this.#c = new Float64Array(count.length);
  }

  add(more: Buckets): void {
    this.#makeRoom(more.index);
    const index = this.#index;
    for (let at = 0, next = 0; next < more.index.length; at++) {
      if (index[at] === more.index[next]) addTo(this.#sum, this.#c, at, more.count[next++]!);
    }
  }

  /** Whether adding these would leave the range of floats. */
  overflows({ index, count }: Buckets): boolean {
    let at = 0;
    for (let next = 0; next < index.length; next++) {
      while (at < this.#index.length && this.#index[at]! < index[next]!) at++;
      const before = this.#index[at] === index[next] ? this.#sum[at]! : 0;
      if (isInfinite(before + count[next]!)) return true;
    }
    return this.#sum.some(isInfinite);
  }

  change(each: (value: number) => number): void {
    for (let at = 0; at < this.#sum.length; at++) {
      this.#sum[at] = each(this.#sum[at]!);
      this.#c[at] = each(this.#c[at]!);
    }
  }

  sums(): Buckets {
    return { index: this.#index, count: this.#sum };
  }

  compensations(): Buckets {
    return { index: this.#index, count: this.#c };
  }

  /** Takes over both in another shape. */
  reset(sums: Buckets, compensations: Buckets): void {
    this.#index = sums.index;
    this.#sum = sums.count.slice();
    this.#c = compensations.count.slice();
  }

  #makeRoom(wanted: Int32Array): void {
    const index = uniteIndexes(this.#index, wanted);
    if (index === this.#index) return;
    const sum = new Float64Array(index.length);
    const c = new Float64Array(index.length);
    for (let at = 0, old = 0; at < index.length; at++) {
      if (this.#index[old] !== index[at]) continue;
      sum[at] = this.#sum[old]!;
      c[at] = this.#c[old++]!;
    }
    this.#index = index;
    this.#sum = sum;
    this.#c = c;
  }
}

export function isInfinite(value: number): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}

/** One step of compensated summation at a place of both columns. */
export function addTo(sums: Float64Array, cs: Float64Array, at: number, value: number): void {
  const sum = sums[at]!;
  const total = sum + value;
  if (isInfinite(total)) cs[at] = 0;
  else if (Math.abs(sum) >= Math.abs(value)) cs[at] = cs[at]! + (sum - total + value);
  else cs[at] = cs[at]! + (value - total + sum);
  sums[at] = total;
}
