// Zstandard (RFC 8878), decompressed up to a bound, in plain code: Node.js 20 has none of its own. The
// frames are walked first, because the library takes the window that a frame claims at its word.
import { WeirError } from '@weir/errors';
import { Decompress } from 'fzstd';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** The window that every decoder should take (RFC 8878, 3.1.1.1.2), and the largest that senders choose. */
const WINDOW_MAX_BYTES = 128 << 20;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];

/** Corrupt input is `invalid`; more than `sizeMaxBytes` throws `tooLarge()`. */
export function zstdDecompress(
  bytes: Uint8Array,
  sizeMaxBytes: number,
  tooLarge: () => WeirError,
): Uint8Array {
  checkFrames(bytes, sizeMaxBytes, tooLarge);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const decompress = new Decompress((chunk) => {
    size += chunk.length;
    if (size > sizeMaxBytes) throw tooLarge();
    chunks.push(chunk);
  });
  try {
    decompress.push(bytes, true);
  } catch (error) {
    if (error instanceof WeirError) throw error;
    throw new WeirError('invalid', 'zstd: corrupt input', { cause: error });
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

/** Walks all frames and their blocks without decompressing them. */
function checkFrames(bytes: Uint8Array, sizeMaxBytes: number, tooLarge: () => WeirError): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw corrupt();
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + view.getUint32(at + 4, true);
    } else if (magic === MAGIC) {
      const { windowBytes, blocksFrom, hasSum } = headerOf(view, at + 4);
      if (windowBytes > Math.max(sizeMaxBytes, 8 << 20)) throw tooLarge();
      if (windowBytes > WINDOW_MAX_BYTES) throw corrupt();
      at = blocksEnd(bytes, blocksFrom) + (hasSum ? 4 : 0);
    } else throw corrupt();
    if (at > bytes.length) throw corrupt();
  }
}

function headerOf(view: DataView, at: number) {
  const flags = view.getUint8(at);
  const isSingle = (flags & 32) !== 0;
  const sizeBytes = flags >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (flags >> 6);
  const sizeFrom = at + 1 + (isSingle ? 0 : 1) + DICTIONARY_ID_BYTES[flags & 3]!;
  const blocksFrom = sizeFrom + sizeBytes;
  if (blocksFrom > view.byteLength) throw corrupt();
  let windowBytes = 0;
  if (isSingle) {
    if (sizeBytes === 1) windowBytes = view.getUint8(sizeFrom);
    else if (sizeBytes === 2) windowBytes = view.getUint16(sizeFrom, true) + 256;
    else if (sizeBytes === 4) windowBytes = view.getUint32(sizeFrom, true);
    else windowBytes = Number(view.getBigUint64(sizeFrom, true));
  } else {
    const descriptor = view.getUint8(at + 1);
    const base = 2 ** (10 + (descriptor >> 3));
    windowBytes = base + (base / 8) * (descriptor & 7);
  }
  return { windowBytes, blocksFrom, hasSum: (flags & 4) !== 0 };
}

function blocksEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    if (at + 3 > bytes.length) throw corrupt();
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) throw corrupt();
    at += 3 + (type === RLE_BLOCK ? 1 : header >> 3);
    if ((header & 1) === 1) return at;
  }
}

function corrupt(): WeirError {
  return new WeirError('invalid', 'zstd: corrupt input');
}
