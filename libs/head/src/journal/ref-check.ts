// What a plain entry says about whose samples it has: a hash over the label hashes of its series, in their
// order. Where a ref is another series' than it was, or nobody's, the hash differs.
import { R, RECORD_BITS, type SeriesStore, SLAB_BITS, SLAB_MASK } from '../series/series-store.ts';

/** Undefined where one of the first `count` refs is not in use. */
export function refCheck(
  { records, refs: end }: SeriesStore,
  refs: Int32Array,
  count: number,
): number | undefined {
  let sum = count;
  for (let index = 0; index < count; index++) {
    const ref = refs[index];
    if (ref < 0 || ref >= end) return undefined;
    const record = records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    if (record[at + R.labelsLength] === 0) return undefined;
    sum = Math.imul(sum ^ record[at + R.hash], 0x9e3779b1);
    sum ^= sum >>> 15;
  }
  return sum;
}
