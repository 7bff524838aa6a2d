// Field values of the line protocol that a sample can hold: floats, integers (`1i`), unsigned (`1u`) and
// booleans. The common ones, of 15 digits at most without exponent, are made from their digits: quotient of two
// exact numbers, and so correctly rounded. All others go through the language's own parser.
const POWERS = Float64Array.from({ length: 16 }, (_, power) => 10 ** power);
const DIGITS_EXACT = 15;
const INT_MAX = 2n ** 63n - 1n;
const INT_MIN = -(2n ** 63n);
const UINT_MAX = 2n ** 64n - 1n;

const TRUE = ['t', 'T', 'true', 'True', 'TRUE'];
const FALSE = ['f', 'F', 'false', 'False', 'FALSE'];
const WORD_MAX = 5;

export class NumberReader {
  value = 0;
  /** What was wrong, where read() returned -1. */
  fault = '';

  /** The position behind the value at `from`, or -1. */
  read(bytes: Uint8Array, from: number, end: number): number {
    const first = bytes[from]!;
    // tTfF
    if (first === 0x74 || first === 0x54 || first === 0x66 || first === 0x46) {
      return this.#readBoolean(bytes, from, end);
    }
    this.fault = 'invalid number';
    let at = from;
    const isNegative = first === 0x2d;
    if (isNegative || first === 0x2b) at++;
    let digits = 0;
    let fraction = -1;
    let mantissa = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        digits++;
        if (fraction >= 0) fraction++;
      } else if (bytes[at] === 0x2e && fraction < 0) fraction = 0;
      else break;
    }
    if (digits === 0) return -1;
    const byte = at < end ? bytes[at]! : 0;
    if (byte === 0x69 || byte === 0x75) {
      if (fraction >= 0) return -1;
      const isUnsigned = byte === 0x75;
      const isExact = digits <= DIGITS_EXACT && !(isUnsigned && isNegative);
      if (!isExact && !isWithin(bytes, from, at, isUnsigned)) return -1;
      this.value = isNegative ? 0 - mantissa : mantissa;
      if (!isExact) this.value = Number(wordOf(bytes, from, at));
      return at + 1;
    }
    if (byte === 0x65 || byte === 0x45) return this.#readExponent(bytes, from, at + 1, end);
    if (digits > DIGITS_EXACT) return this.#readAny(bytes, from, at);
    const value = fraction > 0 ? mantissa / POWERS[fraction]! : mantissa;
    this.value = isNegative ? -value : value;
    return at;
  }

  #readExponent(bytes: Uint8Array, from: number, behind: number, end: number): number {
    let at = behind;
    if (at < end && (bytes[at] === 0x2d || bytes[at] === 0x2b)) at++;
    const digitsFrom = at;
    while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
    return at === digitsFrom ? -1 : this.#readAny(bytes, from, at);
  }

  #readAny(bytes: Uint8Array, from: number, to: number): number {
    this.value = Number(wordOf(bytes, from, to));
    return Number.isFinite(this.value) ? to : -1;
  }

  #readBoolean(bytes: Uint8Array, from: number, end: number): number {
    this.fault = 'invalid boolean';
    let at = from;
    while (at < end && at - from <= WORD_MAX && isLetter(bytes[at]!)) at++;
    const word = wordOf(bytes, from, at);
    if (!TRUE.includes(word) && !FALSE.includes(word)) return -1;
    this.value = TRUE.includes(word) ? 1 : 0;
    return at;
  }
}

function isWithin(bytes: Uint8Array, from: number, to: number, isUnsigned: boolean): boolean {
  const word = wordOf(bytes, from, to);
  // Leading zeros aside, nothing longer fits; parsing it would take long.
  const digits = word.replace(/^[+-]?0*/, '');
  if (digits.length > 20) return false;
  const value = BigInt(digits || '0') * (word.startsWith('-') ? -1n : 1n);
  if (isUnsigned) return value <= UINT_MAX && !word.startsWith('-');
  return value >= INT_MIN && value <= INT_MAX;
}

function wordOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}

function isLetter(byte: number): boolean {
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
}
