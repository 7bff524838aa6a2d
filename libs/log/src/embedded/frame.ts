// One record in a segment file: a frame of 48 header bytes, the key and the stored value (FORMAT.md has
// the diagram). The header's checksum covers offset and key and is computed when the offset is known, at
// the write; the value's checksum is computed before, outside of the write loop. Pure bytes, no I/O.
import { crc32c } from '@weir/bytes';
import lz4 from 'lz4-napi';

export const FRAME_HEADER_BYTES = 48;
export const KEY_SIZE_MAX_BYTES = 0xffff;
/** Larger stored values are not believed when reading. */
const STORED_SIZE_MAX_BYTES = 1 << 28;
/** Bytes of "WREC": where a reader finds its feet again behind a damaged stretch. */
export const FRAME_MARK = Uint8Array.of(0x57, 0x52, 0x45, 0x43);
const MARK = 0x43455257;
const CODEC_RAW = 0;
const CODEC_LZ4 = 1;
/** Smaller values cost more in the call than they save on disk. */
const COMPRESS_FROM_BYTES = 1024;
const TWO_32 = 2 ** 32;

export interface FrameHeader {
  partition: number;
  offset: number;
  timestampMs: number;
  version: number;
  keySize: number;
  storedSize: number;
  rawSize: number;
  valueCrc: number;
  lz4: boolean;
}

export function newFrameHeader(): FrameHeader {
  return {
    partition: 0,
    offset: 0,
    timestampMs: 0,
    version: 0,
    keySize: 0,
    storedSize: 0,
    rawSize: 0,
    valueCrc: 0,
    lz4: false,
  };
}

export function frameSize(header: FrameHeader): number {
  return FRAME_HEADER_BYTES + header.keySize + header.storedSize;
}

export interface StoredValue {
  readonly bytes: Uint8Array;
  readonly lz4: boolean;
}

/** The value as it is stored: LZ4 where that saves at least an eighth, else the bytes themselves. */
export function storeValue(value: Uint8Array): StoredValue {
  if (value.length < COMPRESS_FROM_BYTES) return { bytes: value, lz4: false };
  const packed = lz4.compressSync(asBuffer(value));
  const pays = packed.length <= value.length - (value.length >>> 3);
  return pays ? { bytes: packed, lz4: true } : { bytes: value, lz4: false };
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function frameSizeOf(key: Uint8Array, stored: StoredValue): number {
  return FRAME_HEADER_BYTES + key.length + stored.bytes.length;
}

/** Writes everything but the offset and the header's checksum. */
export function writeFrameHeader(view: DataView, at: number, header: Omit<FrameHeader, 'offset'>) {
  view.setUint32(at, MARK, true);
  view.setUint32(at + 8, header.storedSize, true);
  view.setUint32(at + 12, header.rawSize, true);
  view.setUint32(at + 16, header.valueCrc, true);
  view.setUint32(at + 20, header.partition, true);
  writeUint64(view, at + 32, header.timestampMs);
  view.setUint32(at + 40, header.version, true);
  view.setUint16(at + 44, header.keySize, true);
  view.setUint8(at + 46, header.lz4 ? CODEC_LZ4 : CODEC_RAW);
  view.setUint8(at + 47, 0);
}

/** Completes a header whose key already stands behind it. */
export function sealFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  keySize: number,
  offset: number,
) {
  writeUint64(view, at + 24, offset);
  view.setUint32(at + 4, crc32c(bytes, at + 8, at + FRAME_HEADER_BYTES + keySize), true);
}

/**
 * Reads the header at `at` into `header`. `short`: more bytes are needed to tell; `bad`: not a frame.
 * The value's checksum is checked by `valueIsSound`, by those who want the value.
 */
export function readFrameHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  header: FrameHeader,
): 'ok' | 'short' | 'bad' {
  if (end - at < FRAME_HEADER_BYTES) return 'short';
  if (view.getUint32(at, true) !== MARK) return 'bad';
  const keySize = view.getUint16(at + 44, true);
  if (end - at < FRAME_HEADER_BYTES + keySize) return 'short';
  const crc = crc32c(bytes, at + 8, at + FRAME_HEADER_BYTES + keySize);
  if (crc !== view.getUint32(at + 4, true)) return 'bad';
  const codec = view.getUint8(at + 46);
  header.storedSize = view.getUint32(at + 8, true);
  header.rawSize = view.getUint32(at + 12, true);
  header.valueCrc = view.getUint32(at + 16, true);
  header.partition = view.getUint32(at + 20, true);
  header.offset = readUint64(view, at + 24);
  header.timestampMs = readUint64(view, at + 32);
  header.version = view.getUint32(at + 40, true);
  header.keySize = keySize;
  header.lz4 = codec === CODEC_LZ4;
  return codec > CODEC_LZ4 || header.storedSize > STORED_SIZE_MAX_BYTES ? 'bad' : 'ok';
}

export function valueIsSound(bytes: Uint8Array, at: number, header: FrameHeader): boolean {
  const from = at + FRAME_HEADER_BYTES + header.keySize;
  return crc32c(bytes, from, from + header.storedSize) === header.valueCrc;
}

/** The record's value in memory of its own (the read buffer is used again). */
export function loadValue(bytes: Uint8Array, at: number, header: FrameHeader): Uint8Array {
  const from = at + FRAME_HEADER_BYTES + header.keySize;
  const stored = bytes.subarray(from, from + header.storedSize);
  return header.lz4 ? lz4.uncompressSync(stored) : stored.slice();
}

export function writeUint64(view: DataView, at: number, value: number) {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

export function readUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_32;
}
