// Set operations on postings: ascending lists of series references without duplicates.

export function intersect(a: Uint32Array, b: Uint32Array): Uint32Array {
  const out = new Uint32Array(Math.min(a.length, b.length));
  let count = 0;
  let right = 0;
  for (let left = 0; left < a.length && right < b.length; left++) {
    const wanted = a[left]!;
    while (right < b.length && b[right]! < wanted) right++;
    if (b[right] === wanted) out[count++] = wanted;
  }
  return out.subarray(0, count);
}

/** What is in `a` and not in `b`. */
export function subtract(a: Uint32Array, b: Uint32Array): Uint32Array {
  const out = new Uint32Array(a.length);
  let count = 0;
  let right = 0;
  for (let left = 0; left < a.length; left++) {
    const candidate = a[left]!;
    while (right < b.length && b[right]! < candidate) right++;
    if (b[right] !== candidate) out[count++] = candidate;
  }
  return out.subarray(0, count);
}

/** A series has one value per name, so lists of one name share nothing: sorting is all there is. */
export function unite(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1) return lists[0]!;
  let size = 0;
  for (const list of lists) size += list.length;
  const out = new Uint32Array(size);
  let at = 0;
  for (const list of lists) {
    out.set(list, at);
    at += list.length;
  }
  return sorted(out);
}

/** So few are sorted by comparing. */
const COMPARED_MAX = 4096;
/** Room of the bitmap, by reference: beyond it most of it would be empty. */
const SPREAD_MAX = 256;

/** In place. Many references that lie close are put in order by a bitmap, which takes a tenth of the time. */
function sorted(refs: Uint32Array): Uint32Array {
  let max = 0;
  for (let at = 0; at < refs.length; at++) if (refs[at]! > max) max = refs[at]!;
  if (refs.length < COMPARED_MAX || max > refs.length * SPREAD_MAX) return refs.sort();
  const bits = new Uint32Array((max >>> 5) + 1);
  for (let at = 0; at < refs.length; at++) {
    bits[refs[at]! >>> 5] = bits[refs[at]! >>> 5]! | (1 << (refs[at]! & 31));
  }
  let count = 0;
  for (let word = 0; word < bits.length; word++) {
    for (let left = bits[word]!; left !== 0; left &= left - 1) {
      refs[count++] = word * 32 + 31 - Math.clz32(left & -left);
    }
  }
  return refs.subarray(0, count);
}
