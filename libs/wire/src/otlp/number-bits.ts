// Numbers of OTLP messages from bytes, and as the two halves of a double that samples are written from.

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

/** A staleness marker's halves. */
export const STALE_LOW = 2;
export const STALE_HIGH = 0x7ff00000;

export function lowOf(value: number): number {
  double[0] = value;
  return halves[0]!;
}

/** Of the number that lowOf() was asked for last. */
export function highOfLast(): number {
  return halves[1]!;
}

export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

/** A fixed64 of nanoseconds as whole milliseconds, exactly: 2^32 ns are 4294 ms and 967296 ns. */
export function nanosToMs(bytes: Uint8Array, at: number): number {
  const high = uint32At(bytes, at + 4);
  return high * 4294 + Math.floor((high * 967296 + uint32At(bytes, at)) / 1e6);
}

export function fixed64At(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at + 4) * 4294967296 + uint32At(bytes, at);
}

export function sfixed64At(bytes: Uint8Array, at: number): number {
  return (uint32At(bytes, at + 4) | 0) * 4294967296 + uint32At(bytes, at);
}

export function doubleAt(bytes: Uint8Array, at: number): number {
  halves[0] = uint32At(bytes, at);
  halves[1] = uint32At(bytes, at + 4);
  return double[0]!;
}
