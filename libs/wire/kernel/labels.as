// What the kernels share: sizes of messages, the writing of labels, and the screening of them. AssemblyScript,
// compiled into each kernel that imports it.

// A payload behind its size.
export let payloadFrom: usize = 0;
export let payloadTo: usize = 0;

/** A size of at most four bytes, and the payload within `end`. */
export function readSize(start: usize, end: usize): bool {
  let at = start;
  let size: usize = 0;
  let shift: usize = 0;
  let last: usize = 0x80;
  while (last >= 128) {
    if (at >= end || shift > 21) return false;
    last = <usize>load<u8>(at++);
    size |= (last & 127) << shift;
    shift += 7;
  }
  if (size > end - at) return false;
  payloadFrom = at;
  payloadTo = at + size;
  return true;
}

export function writeSize(at: usize, size: usize): usize {
  if (size < 128) {
    store<u8>(at, <u8>size);
    return at + 1;
  }
  store<u8>(at, <u8>(size & 127 | 128));
  store<u8>(at + 1, <u8>(size >>> 7));
  return at + 2;
}

/** Copies; may write up to seven bytes more. */
export function copy(to: usize, from: usize, size: usize): usize {
  for (let at: usize = 0; at < size; at += 8) store<u64>(to + at, load<u64>(from + at));
  return to + size;
}

// Of the labels screened last.
export let hash: u32 = 0;

/** Whether the texts of labels are ASCII; sizes of 128 and more are not. */
function hasAsciiTexts(from: usize, to: usize): bool {
  let at = from;
  while (at < to) {
    const sizeAt = at + 1;
    at = sizeAt + 1 + <usize>(load<u8>(sizeAt) >= 128);
    const nameSize = <usize>load<u8>(at + 1);
    if (!isAscii(at + 2, nameSize)) return false;
    at += 2 + nameSize + 1;
    let valueSize = <usize>load<u8>(at++);
    if (valueSize >= 128) valueSize = (valueSize & 127) | (<usize>load<u8>(at++) << 7);
    if (!isAscii(at, valueSize)) return false;
    at += valueSize;
  }
  return true;
}

function isAscii(from: usize, size: usize): bool {
  let seen: u8 = 0;
  for (let at: usize = 0; at < size; at++) seen |= load<u8>(from + at);
  return seen < 128;
}

/** Hashes labels; false when not all of their texts are ASCII. */
export function screen(from: usize, to: usize, seed: i32): bool {
  return (digest(from, to, seed) & 0x80808080) == 0 || hasAsciiTexts(from, to);
}

/** MurmurHash3 x86_32 (public domain, Austin Appleby) of any bytes; returns the bits that some byte of four has. */
export function digest(from: usize, to: usize, seed: i32): u32 {
  let h = <u32>seed;
  let seen: u32 = 0;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const word = load<u32>(at);
    seen |= word;
    h ^= rotl<u32>(word * 0xcc9e2d51, 15) * 0x1b873593;
    h = rotl<u32>(h, 13) * 5 + 0xe6546b64;
  }
  const left = <u32>(to - at);
  if (left > 0) {
    const tail = load<u32>(at) & ((<u32>1 << (8 * left)) - 1);
    seen |= tail;
    h ^= rotl<u32>(tail * 0xcc9e2d51, 15) * 0x1b873593;
  }
  h ^= <u32>(to - from);
  h ^= h >>> 16;
  h *= 0x85ebca6b;
  h ^= h >>> 13;
  h *= 0xc2b2ae35;
  h ^= h >>> 16;
  hash = h;
  return seen;
}
