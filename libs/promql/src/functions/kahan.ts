// Compensated (Kahan–Neumaier) summation as Prometheus uses it for sums and averages, so that results
// agree to the last digits. The pair of sum and compensation is handed back through `kahan`.

export class Kahan {
  sum = 0;
  c = 0;

  reset(sum: number, c: number): void {
    this.sum = sum;
    this.c = c;
  }

  add(value: number): void {
    const { sum } = this;
    const total = sum + value;
    if (total === Number.POSITIVE_INFINITY || total === Number.NEGATIVE_INFINITY) this.c = 0;
    else if (Math.abs(sum) >= Math.abs(value)) this.c += sum - total + value;
    else this.c += value - total + sum;
    this.sum = total;
  }

  get total(): number {
    return Number.isFinite(this.sum) ? this.sum + this.c : this.sum;
  }
}

/** Mean of v[from, to) without overflow: switches to an incremental mean when the sum overflows. */
export function meanOf(v: Float64Array, from: number, to: number, kahan: Kahan): number {
  kahan.reset(v[from]!, 0);
  for (let at = from + 1; at < to; at++) {
    const { sum, c } = kahan;
    kahan.add(v[at]!);
    if (Math.abs(kahan.sum) !== Number.POSITIVE_INFINITY) continue;
    return incrementalMean(v, at, to, { sum, c, count: at - from }, kahan);
  }
  const count = to - from;
  return kahan.sum / count + kahan.c / count;
}

function incrementalMean(
  v: Float64Array,
  from: number,
  to: number,
  before: { sum: number; c: number; count: number },
  kahan: Kahan,
): number {
  let { count } = before;
  kahan.reset(before.sum / count, before.c / count);
  for (let at = from; at < to; at++) {
    count++;
    const share = (count - 1) / count;
    kahan.reset(share * kahan.sum, share * kahan.c);
    kahan.add(v[at]! / count);
  }
  return kahan.total;
}
