// One loop over label bytes that both hashes them and notices bytes above ASCII, because a second pass
// for UTF-8 would cost as much as the first. The hash is hashBytes of @weir/bytes, bit for bit (a test
// compares them), so that every part of Weir may compute it.

export class LabelScreen {
  hash = 0;
  /** True when no byte of the range is above 0x7f: then no UTF-8 check is needed. */
  ascii = true;

  /** Screens the range; `view` must span the same memory as `bytes`. */
  run(bytes: Uint8Array, view: DataView, from: number, to: number, seed: number): void {
    let hash = seed | 0;
    let seen = 0;
    let at = from;
    for (const last = to - 4; at <= last; at += 4) {
      let k = view.getInt32(at, true);
      seen |= k;
      k = Math.imul(k, 0xcc9e2d51);
      k = (k << 15) | (k >>> 17);
      hash ^= Math.imul(k, 0x1b873593);
      hash = (hash << 13) | (hash >>> 19);
      hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
    }
    const left = to - at;
    if (left > 0) {
      let tail = bytes[at]!;
      if (left >= 2) tail |= bytes[at + 1]! << 8;
      if (left >= 3) tail |= bytes[at + 2]! << 16;
      seen |= tail;
      tail = Math.imul(tail, 0xcc9e2d51);
      tail = (tail << 15) | (tail >>> 17);
      hash ^= Math.imul(tail, 0x1b873593);
    }
    hash ^= to - from;
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
    this.hash = hash >>> 0;
    this.ascii = (seen & 0x80808080) === 0;
  }
}
