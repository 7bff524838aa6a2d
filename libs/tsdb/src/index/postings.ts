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
  return out.sort();
}
