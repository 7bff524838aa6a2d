// Decimal text of doubles and integers. A double gets the fewest digits that read back as the same double, of those the
// nearest to it, in the form of Go's strconv: 'f' in [1e-6, 1e21), 'e' with two or three digits of exponent outside. The
// digits are found as in Raffaello Giulietti, "The Schubfach way to render doubles" (2020); names in comments are his.
// Stores may pass the end of a text by 24 bytes: the caller leaves room, and writes on from the end.

const FRACTION: u64 = 0x000fffffffffffff;
const HIDDEN_BIT: u64 = 0x0010000000000000;
/** Up to here every integer is a double, and its digits are the shortest text. */
const WHOLE_MAX: f64 = 9007199254740992;

/** Of the table of powers: 128 bits each, the low half first. */
const POWER_MIN: i32 = -292;
const POWER_SHIFT: u32 = 4;

const ZEROS: u64 = 0x3030303030303030;
const ZERO_POINT_ZEROS: u64 = 0x3030303030302e30; // "0.000000"
const POINT: u64 = 0x2e;
const MINUS: u8 = 0x2d;
const PLUS: u8 = 0x2b;
const E: u8 = 0x65;
const NAN: u32 = 0x4e614e; // "NaN"
const INF: u32 = 0x666e49; // "Inf"

const TEN_TO_8: u64 = 100000000;
const TEN_TO_16: u64 = 10000000000000000;
/** Digits that are written of a double before zeros at their end are left out. */
const DIGITS: i32 = 17;

/** Writes a double; `powers` is where the table lies. Returns the end. */
export function writeFloat(start: usize, value: f64, powers: usize): usize {
  const bits = reinterpret<u64>(value);
  const exponent = <i32>(bits >> 52) & 0x7ff;
  if (exponent == 0x7ff) return writeSpecial(start, bits);
  store<u8>(start, MINUS);
  const at = start + <usize>(bits >> 63);
  const size = abs(value);
  if (size < WHOLE_MAX) {
    const whole = <i64>size;
    if (<f64>whole == size) return writeWhole(at, <u64>whole);
  }
  const fraction = bits & FRACTION;
  // The double is c·2^q.
  const isNormal = exponent != 0;
  const c = isNormal ? fraction | HIDDEN_BIT : fraction;
  const q = isNormal ? exponent - 1075 : -1074;
  // At a power of two the next smaller double is half as far away as the next larger one.
  const isUneven = fraction == 0 && exponent > 1;
  // k: of the largest power of ten that is no more than the width of what rounds to the double; logarithms of 2 and 3/4.
  const k = (q * 1262611 - (isUneven ? 524031 : 0)) >> 22;
  let digits = shortest(c, q, k, isUneven, powers);
  const isShort = u64(digits < TEN_TO_16);
  digits += digits * 9 * isShort;
  let point = DIGITS + k - <i32>isShort;
  while (digits < TEN_TO_16) {
    digits *= 10;
    point--;
  }
  return writeDigits(at, digits, point);
}

/** Integers below 10^16. */
export function writeWhole(at: usize, value: u64): usize {
  if (value < TEN_TO_8) return writeLeading(at, <u32>value);
  const high = value / TEN_TO_8;
  const next = writeLeading(at, <u32>high);
  store<u64>(next, ZEROS | eightDigits(<u32>(value - high * TEN_TO_8)));
  return next + 8;
}

/** An integer below 10^8, without zeros before it. */
// @ts-ignore: decorator
@inline
function writeLeading(at: usize, value: u32): usize {
  const digits = eightDigits(value);
  const skipped = ctz(digits | 0x0100000000000000) & 56;
  store<u64>(at, (digits | ZEROS) >> skipped);
  return at + 8 - <usize>(skipped >> 3);
}

/** The digits of an integer below 10^8 in a byte each, the first in the lowest: all halves, quarters and eighths at once. */
// @ts-ignore: decorator
@inline
function eightDigits(value: u32): u64 {
  const high = value / 10000;
  const fours = <u64>high | (<u64>(value - high * 10000) << 32);
  const hundreds = ((fours * 5243) >> 19) & 0x0000007f0000007f;
  const twos = hundreds | ((fours - hundreds * 100) << 16);
  const tens = ((twos * 103) >> 10) & 0x000f000f000f000f;
  return tens | ((twos - tens * 10) << 8);
}

function writeSpecial(start: usize, bits: u64): usize {
  if ((bits & FRACTION) != 0) {
    store<u32>(start, NAN);
    return start + 3;
  }
  store<u8>(start, bits >> 63 != 0 ? MINUS : PLUS);
  store<u32>(start, INF, 1);
  return start + 4;
}

/**
 * The shortest decimal, times 10^-k. With v = c·2^q and g the power in the table (10^-k, rounded up to 128 bits), the products
 * of 4v and of its bounds, 2 more and 2 (or 1) less, with 10^-k are kept as integers whose lowest bit says whether anything was
 * cut off. There is at most one shorter candidate in the bounds; else the nearer of two is taken, or the even one.
 */
// @ts-ignore: decorator
@inline
function shortest(c: u64, q: i32, k: i32, isUneven: bool, powers: usize): u64 {
  const entry = powers + (<usize>(-k - POWER_MIN) << POWER_SHIFT);
  const low = load<u64>(entry);
  const high = load<u64>(entry, 8);
  // 1 to 4: the product of 2^h, the table's power and 2^-128 is the wanted power of ten times 2^q.
  const h = q + ((-k * 1741647) >> 19) + 1;

  // 4v, of three words; bounds lie g·2^(h+1) off, which saves two products.
  const factor = c << (h + 2);
  const v0 = low * factor;
  const part = high * factor;
  const v1 = part + highWord(low, factor);
  const v2 = highWord(high, factor) + u64(v1 < part);

  const up = h + 1;
  const up0 = v0 + (low << up);
  const upPart = v1 + ((high << up) | (low >> (64 - up)));
  const up1 = upPart + u64(up0 < v0);
  const up2 = v2 + (high >> (64 - up)) + u64(upPart < v1) + u64(up1 < upPart);

  const down = up - i32(isUneven);
  const down0 = low << down;
  const downPart = (high << down) | (low >> (64 - down));
  const lowPart = v1 - downPart;
  const low1 = lowPart - u64(v0 < down0);
  const low2 = v2 - (high >> (64 - down)) - u64(v1 < downPart) - u64(lowPart < low1);

  // The bounds themselves round to c where it is even.
  const isOdd = c & 1;
  const lower = (low2 | u64(low1 > 1)) + isOdd;
  const upper = (up2 | u64(up1 > 1)) - isOdd;
  const v = v2 | u64(v1 > 1);

  const s = v >> 2;
  const tens = s / 10;
  const isBelowIn = lower <= tens * 40;
  const isAboveIn = tens * 40 + 40 <= upper;
  const isShorter = u64(isBelowIn != isAboveIn) & u64(s >= 10);
  const near = isUneven ? nearestInside(v, lower, upper) : nearest(v);
  // Without a branch: which it is can't be foreseen.
  return near ^ ((near ^ ((tens + u64(isAboveIn)) * 10)) & (0 - isShorter));
}

/** A quarter, rounded, half to even. */
// @ts-ignore: decorator
@inline
function nearest(v: u64): u64 {
  const s = v >> 2;
  return s + ((((v & 3) + (s & 1)) + 1) >> 2);
}

function nearestInside(v: u64, lower: u64, upper: u64): u64 {
  const s = v >> 2;
  const isBelowIn = lower <= s << 2;
  const isAboveIn = (s << 2) + 4 <= upper;
  return isBelowIn != isAboveIn ? s + u64(isAboveIn) : nearest(v);
}

/** The upper half of a product of two words. */
// @ts-ignore: decorator
@inline
function highWord(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  const other = aLow * bHigh + (middle & 0xffffffff);
  return aHigh * bHigh + (middle >> 32) + (other >> 32);
}

/** 17 digits of which `point` stand before the point, without zeros at the end. */
// @ts-ignore: decorator
@inline
function writeDigits(at: usize, digits: u64, point: i32): usize {
  const upper = digits / TEN_TO_8;
  const first = <u32>upper / <u32>TEN_TO_8;
  const middle = eightDigits(<u32>upper - first * <u32>TEN_TO_8);
  const last = eightDigits(<u32>(digits - upper * TEN_TO_8));
  const zeros = last != 0 ? clz(last) : 64 + clz(middle);
  // 1 to 17.
  const count = <i32>(DIGITS - (zeros >> 3));
  const text0 = ZEROS | first | (middle << 8);
  const text1 = ZEROS | (middle >> 56) | (last << 8);
  const text2 = ZEROS | (last >> 56);

  if (point <= 0) {
    if (point < -5) return writeScientific(at, text0, text1, text2, count, point - 1);
    store<u64>(at, ZERO_POINT_ZEROS);
    const next = at + <usize>(2 - point);
    store<u64>(next, text0);
    store<u64>(next, text1, 8);
    store<u8>(next, text2, 16);
    return next + <usize>count;
  }
  if (point >= count) {
    if (point > 21) return writeScientific(at, text0, text1, text2, count, point - 1);
    store<u64>(at, text0);
    store<u64>(at, text1, 8);
    store<u64>(at, text2, 16);
    return at + <usize>point;
  }
  // All digits one byte further on; then those before the point, and the point, over them.
  store<u64>(at, text0, 1);
  store<u64>(at, text1, 9);
  store<u8>(at, text2, 17);
  if (point < 8) {
    store<u64>(at, withPoint(text0, 0, point));
  } else {
    store<u64>(at, text0);
    if (point < 16) {
      store<u64>(at, withPoint(text1, text0 >> 56, point - 8), 8);
    } else {
      store<u64>(at, text1, 8);
      store<u8>(at, POINT, 16);
    }
  }
  return at + <usize>count + 1;
}

/** `point` digits of a word, the point, and the other digits; `before` is the digit before the word. */
// @ts-ignore: decorator
@inline
function withPoint(text: u64, before: u64, point: i32): u64 {
  const shift = point << 3;
  const others = <u64>-1 << shift;
  return (text & ~others) | (POINT << shift) | (((text << 8) | before) & (others << 8));
}

function writeScientific(
  at: usize,
  text0: u64,
  text1: u64,
  text2: u64,
  count: i32,
  exponent: i32,
): usize {
  store<u64>(at, text0, 1);
  store<u64>(at, text1, 9);
  store<u8>(at, text2, 17);
  store<u8>(at, text0);
  store<u8>(at, POINT, 1);
  const next = at + (count > 1 ? <usize>count + 1 : 1);
  store<u8>(next, E);
  store<u8>(next, exponent < 0 ? MINUS : PLUS, 1);
  const size = <u32>abs(exponent);
  if (size >= 10) return writeLeading(next + 2, size);
  store<u8>(next, 0x30, 2);
  return writeLeading(next + 3, size);
}
