// CRC-32C in plain JavaScript: for short ranges, and the reference that crc32c.ts is compared with.
// Slicing by eight: eight bytes a turn, read as two words, looked up in one flat table of tables.

/** From here a view is worth its making. */
const WORDS_FROM_BYTES = 32;
const TABLE = makeTable();

/** Eight tables of 256 words: the table for bytes that are `n` bytes away from the end starts at 256 n. */
function makeTable(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let index = 0; index < 256; index++) {
    let crc = index;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    table[index] = crc;
  }
  for (let index = 256; index < table.length; index++) {
    const previous = table[index - 256]!;
    table[index] = (previous >>> 8) ^ table[previous & 255]!;
  }
  return table;
}

/** The checksum of bytes[from, to) as an unsigned number; `seed` continues an earlier one. */
export function plainCrc32c(bytes: Uint8Array, from: number, to: number, seed: number): number {
  const table = TABLE;
  let crc = ~seed;
  let at = from;
  if (to - from >= WORDS_FROM_BYTES) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const last = to - 8; at <= last; at += 8) {
      const low = crc ^ view.getInt32(at, true);
      const high = view.getInt32(at + 4, true);
      crc =
        table[1792 + (low & 255)]! ^
        table[1536 + ((low >>> 8) & 255)]! ^
        table[1280 + ((low >>> 16) & 255)]! ^
        table[1024 + (low >>> 24)]! ^
        table[768 + (high & 255)]! ^
        table[512 + ((high >>> 8) & 255)]! ^
        table[256 + ((high >>> 16) & 255)]! ^
        table[high >>> 24]!;
    }
  }
  for (; at < to; at++) crc = table[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
