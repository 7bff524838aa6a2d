// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of TSDB files, log frames and remote read.
// Slicing by eight tables: about 1.5 GB/s in V8, eight bytes a turn.

const TABLES = makeTables();

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let index = 0; index < 256; index++) {
    let crc = index;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[0]![index] = crc;
  }
  for (let index = 0; index < 256; index++) {
    for (let table = 1; table < 8; table++) {
      const previous = tables[table - 1]![index]!;
      tables[table]![index] = (previous >>> 8) ^ tables[0]![previous & 255]!;
    }
  }
  return tables;
}

/** The checksum of bytes[from, to) as an unsigned number; `seed` continues an earlier one. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as unknown as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let crc = ~seed;
  let at = from;
  for (const last = to - 8; at <= last; at += 8) {
    crc =
      t7[(crc ^ bytes[at]!) & 255]! ^
      t6[((crc >>> 8) ^ bytes[at + 1]!) & 255]! ^
      t5[((crc >>> 16) ^ bytes[at + 2]!) & 255]! ^
      t4[((crc >>> 24) ^ bytes[at + 3]!) & 255]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < to; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
