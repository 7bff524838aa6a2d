// MurmurHash3 (x86, 32 bits; Austin Appleby, public domain) as hashBytes() of @weir/bytes has it, but over
// a DataView: one load for four bytes, which halves the time for a label set.

/** The hash of view[from, to) as a signed number. */
export function hashView(view: DataView, from: number, to: number, seed: number): number {
  let hash = seed;
  let at = from;
  for (const last = to - 4; at <= last; at += 4) {
    hash = rotate13(hash ^ mix(view.getInt32(at, true)));
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let shift = 0; at < to; at++, shift += 8) tail |= view.getUint8(at) << shift;
  hash ^= mix(tail) ^ (to - from);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mix(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

function rotate13(hash: number): number {
  return (hash << 13) | (hash >>> 19);
}
