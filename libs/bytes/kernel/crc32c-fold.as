// The hot loop of crc32c() as WebAssembly: shortens bytes to their last UNITS units of 16 bytes (and what
// is left of one) without changing their checksum. This is AssemblyScript, made into
// src/crc32c-fold-code.ts by apps/weir/scripts/build-kernels.mjs. What memory holds where is the caller's.
//
// Why it works: a CRC is a remainder of a division of polynomials over GF(2), and with P the polynomial
// of CRC-32C (0x1edc6f41) and y = x^128, one unit, P divides
//   y^79 + y^75 + y^71 + y^58 + y^18 + y^12 + y + 1
// So a unit can be taken away where it is added (XOR) 4, 8, 21, 61, 67, 78 and 79 units further on. No
// shorter sum of eight or fewer powers exists (found by trying them all); one of six spans 209 units,
// which is faster over long ranges and slower over blocks of 16 KiB.

const UNIT_BYTES: usize = 16;

/** Takes away the units of [from, end): 79 units of zeros must stand before `from`, 79 to keep from `end`. */
export function fold(from: usize, end: usize): void {
  for (let at = from; at < end; at += UNIT_BYTES) {
    const near = v128.xor(v128.xor(v128.load(at), before(at, 4)), v128.xor(before(at, 8), before(at, 21)));
    const far = v128.xor(v128.xor(before(at, 61), before(at, 67)), v128.xor(before(at, 78), before(at, 79)));
    v128.store(at, v128.xor(near, far));
  }
  foldBehind(end, 4);
  foldBehind(end, 8);
  foldBehind(end, 21);
  foldBehind(end, 61);
  foldBehind(end, 67);
  foldBehind(end, 78);
  foldBehind(end, 79);
}

/** Into what is kept, only units that were taken away are added. */
function foldBehind(end: usize, units: usize): void {
  const last = end + units * UNIT_BYTES;
  for (let at = end; at < last; at += UNIT_BYTES) {
    v128.store(at, v128.xor(v128.load(at), before(at, units)));
  }
}

// @ts-ignore: decorator
@inline
function before(at: usize, units: usize): v128 {
  return v128.load(at - units * UNIT_BYTES);
}
