// The powers of ten that printing of doubles multiplies with (kernel/decimal.as), 128 bits of each. They are computed when
// a thread begins to print, in less than a millisecond: the source need not hold ten kilobytes of digits.

/** From that of the largest doubles to that of the smallest. */
const EXPONENT_MIN = -292;
const EXPONENT_MAX = 324;
const LEADING_BIT = 127;
const WORD_BITS = 64n;

export const POWERS_OF_TEN_BYTES = (EXPONENT_MAX - EXPONENT_MIN + 1) * 16;

/** Fills words: of each power the low half, then the high one; rounded up, its highest bit set. */
export function writePowersOfTen(words: BigUint64Array): void {
  let power = 1n;
  for (let exponent = 0; exponent <= EXPONENT_MAX; exponent++) {
    const shift = LEADING_BIT - floorLog2(exponent);
    const shifted = shift < 0 ? -(-power >> BigInt(-shift)) : power << BigInt(shift);
    put(words, exponent, shifted);
    if (exponent > 0 && -exponent >= EXPONENT_MIN) {
      const one = 1n << BigInt(LEADING_BIT - floorLog2(-exponent));
      put(words, -exponent, one / power + 1n);
    }
    power *= 10n;
  }
}

function put(words: BigUint64Array, exponent: number, bits: bigint): void {
  const at = (exponent - EXPONENT_MIN) * 2;
  words[at] = bits;
  words[at + 1] = bits >> WORD_BITS;
}

/** Of a power of ten; exact where it is used. */
function floorLog2(exponent: number): number {
  return (exponent * 1741647) >> 19;
}
