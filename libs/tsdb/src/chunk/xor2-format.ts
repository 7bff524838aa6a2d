// What the writer and the reader of XOR2 chunks agree on; the reader's loop (kernel/xor2-chunk.as) has it too.

/** Two bytes of sample count, one that tells which samples have start timestamps. */
export const XOR2_HEADER_SIZE = 3;

const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 2;

/** Of the staleness marker, bit by bit: other NaNs are values. */
export function isStaleBits(high: number, low: number): boolean {
  return low === STALE_LOW && high === STALE_HIGH;
}
