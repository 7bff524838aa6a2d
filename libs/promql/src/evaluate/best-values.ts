// The rank of values in topk, bottomk and sort(), and the k first ones of each step as they come: what doesn't
// get among them at any step needs not be kept.
import { ABSENT, type Row } from './rows.ts';

/** Up to this k values are inserted where they belong; beyond it everything is kept and sorted. */
export const INSERTED_MAX = 64;

/** Ascending for sign 1, descending for -1; NaN last either way. */
export function compareNaNLast(a: number, b: number, sign: number): number {
  if (a < b) return -sign;
  if (a > b) return sign;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** Of equal values the one that came first ranks first. */
export class BestValues {
  readonly #k: number;
  readonly #sign: number;
  /** Of each step k places, of which `sizes` says how many are taken. */
  readonly #values: Float64Array;
  readonly #sizes: Int32Array;

  constructor(k: number, sign: number, steps: number) {
    this.#k = k;
    this.#sign = sign;
    this.#values = new Float64Array(steps * k);
    this.#sizes = new Int32Array(steps);
  }

  /** Notes the row's values; true where one of them is among the first of its step so far. */
  admit({ v, p }: Pick<Row, 'v' | 'p'>): boolean {
    let any = false;
    for (let step = 0; step < p.length; step++) {
      if (p[step] !== ABSENT && this.#insert(v[step]!, step)) any = true;
    }
    return any;
  }

  #insert(value: number, step: number): boolean {
    const values = this.#values;
    const from = step * this.#k;
    const size = this.#sizes[step]!;
    let at = from + size;
    if (size < this.#k) this.#sizes[step] = size + 1;
    else if (compareNaNLast(value, values[--at]!, this.#sign) >= 0) return false;
    for (; at > from && compareNaNLast(value, values[at - 1]!, this.#sign) < 0; at--) {
      values[at] = values[at - 1]!;
    }
    values[at] = value;
    return true;
  }
}
