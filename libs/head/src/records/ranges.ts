// Order of two ranges of one buffer.

/** Unsigned lexicographic order of bytes[fromA, toA) and bytes[fromB, toB). */
export function compareRange(
  bytes: Uint8Array,
  fromA: number,
  toA: number,
  fromB: number,
  toB: number,
): number {
  const shared = Math.min(toA - fromA, toB - fromB);
  for (let at = 0; at < shared; at++) {
    const difference = bytes[fromA + at] - bytes[fromB + at];
    if (difference !== 0) return difference;
  }
  return toA - fromA - (toB - fromB);
}
