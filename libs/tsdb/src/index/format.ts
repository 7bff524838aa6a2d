// Constants and the table of contents of the index file, format version 2 (Prometheus:
// tsdb/docs/format/index.md). All fixed-width integers are big endian; checksums are CRC-32C.
import { crc32c } from '@weir/bytes';
import { WeirError } from '@weir/errors';

export const INDEX_FILE = 'index';
export const INDEX_MAGIC = 0xbaaad700;
export const INDEX_VERSION = 2;
export const INDEX_HEADER_SIZE = 5;
export const CRC_SIZE = 4;
export const TOC_SIZE = 6 * 8 + CRC_SIZE;
/** A series reference is its offset divided by this, so that 32 bits address 64 GiB. */
export const SERIES_ALIGN = 16;

/** Offsets of the sections within the index file; the label index of old versions is not read. */
export interface Toc {
  readonly symbols: number;
  readonly series: number;
  /** End of the series section as well: what follows it. */
  readonly labelIndices: number;
  readonly labelIndexTable: number;
  readonly postings: number;
  readonly postingsTable: number;
}

export function encodeToc(toc: Toc): Uint8Array {
  const bytes = new Uint8Array(TOC_SIZE);
  const view = new DataView(bytes.buffer);
  const offsets = [
    toc.symbols,
    toc.series,
    toc.labelIndices,
    toc.labelIndexTable,
    toc.postings,
    toc.postingsTable,
  ];
  offsets.forEach((offset, index) => {
    view.setBigUint64(index * 8, BigInt(offset));
  });
  view.setUint32(TOC_SIZE - CRC_SIZE, crc32c(bytes, 0, TOC_SIZE - CRC_SIZE));
  return bytes;
}

/** Decodes the last TOC_SIZE bytes of an index file of `fileSize` bytes. */
export function decodeToc(bytes: Uint8Array, fileSize: number): Toc {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tocAt = fileSize - TOC_SIZE;
  if (view.getUint32(TOC_SIZE - CRC_SIZE) !== crc32c(bytes, 0, TOC_SIZE - CRC_SIZE)) {
    throw corruptAt(INDEX_FILE, tocAt, 'checksum of the table of contents differs');
  }
  const offset = (index: number) => {
    const value = Number(view.getBigUint64(index * 8));
    if (value > tocAt) throw corruptAt(INDEX_FILE, tocAt, 'a section lies past the end');
    return value;
  };
  const toc: Toc = {
    symbols: offset(0),
    series: offset(1),
    labelIndices: offset(2),
    labelIndexTable: offset(3),
    postings: offset(4),
    postingsTable: offset(5),
  };
  if (toc.symbols < INDEX_HEADER_SIZE || toc.series < toc.symbols || toc.postings < toc.series) {
    throw corruptAt(INDEX_FILE, tocAt, 'sections of the table of contents are out of order');
  }
  return toc;
}

/** A `corrupt` error that names where: what an operator needs to look at the damage. */
export function corruptAt(file: string, offset: number, what: string): WeirError {
  return new WeirError('corrupt', `${file} at byte ${offset}: ${what}`);
}
