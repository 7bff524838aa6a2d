// Zstandard (RFC 8878), decompressed up to a bound, in code of our own: Node.js 20 has none, and the decoders on
// npm take what a body claims at its word. Nineteen bytes kept one of them busy for minutes.
//
// Frames without dictionary. Checksums are skipped: TCP has its own, and what is inside is parsed with care
// anyhow. The output itself is what matches point back to, so a claimed window costs nothing.
import { WeirError } from '@weir/errors';
import { BoundedOutput, type Decompressing, type OutputBound } from './bounded-output.ts';
import { BLOCK_MAX_BYTES, ZstdBlocks } from './zstd-block.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const RAW_BLOCK = 0;
const RLE_BLOCK = 1;
const COMPRESSED_BLOCK = 2;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
/** Each may have tables of its own, which take longer than the few bytes that say so. */
const COMPRESSED_BLOCKS_MAX = 65_536;

/** Corrupt input is `invalid`; more than the bound throws its `tooLarge()`. */
export function* zstdDecompress(bytes: Uint8Array, bound: OutputBound): Decompressing {
  const out = new BoundedOutput(bytes.length * 4, bound);
  const blocks = new ZstdBlocks(out);
  const work = { blocksLeft: COMPRESSED_BLOCKS_MAX };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw corrupt();
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + view.getUint32(at + 4, true);
    } else if (magic === MAGIC) {
      const { contentBytes, blocksFrom, hasSum } = headerOf(view, at + 4);
      if (out.size + contentBytes > bound.sizeMaxBytes) throw bound.tooLarge();
      blocks.startFrame();
      at = (yield* readBlocks(bytes, blocksFrom, { out, blocks, work })) + (hasSum ? 4 : 0);
    } else throw corrupt();
    if (at > bytes.length) throw corrupt();
  }
  return out.taken();
}

/** A claimed window isn't looked at: nothing is allocated for it. */
function headerOf(view: DataView, at: number) {
  const flags = view.getUint8(at);
  const isSingle = (flags & 32) !== 0;
  const sizeBytes = flags >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (flags >> 6);
  const dictionaryBytes = DICTIONARY_ID_BYTES[flags & 3]!;
  const sizeFrom = at + 1 + (isSingle ? 0 : 1) + dictionaryBytes;
  const blocksFrom = sizeFrom + sizeBytes;
  if (blocksFrom > view.byteLength || (flags & 8) !== 0) throw corrupt();
  for (let index = 1; index <= dictionaryBytes; index++) {
    if (view.getUint8(sizeFrom - index) === 0) continue;
    throw new WeirError('invalid', 'zstd: frames with a dictionary are not taken');
  }
  let contentBytes = 0;
  if (sizeBytes === 1) contentBytes = view.getUint8(sizeFrom);
  else if (sizeBytes === 2) contentBytes = view.getUint16(sizeFrom, true) + 256;
  else if (sizeBytes === 4) contentBytes = view.getUint32(sizeFrom, true);
  else if (sizeBytes === 8) contentBytes = Number(view.getBigUint64(sizeFrom, true));
  return { contentBytes, blocksFrom, hasSum: (flags & 4) !== 0 };
}

interface BlockTarget {
  readonly out: BoundedOutput;
  readonly blocks: ZstdBlocks;
  readonly work: { blocksLeft: number };
}

function* readBlocks(
  bytes: Uint8Array,
  from: number,
  { out, blocks, work }: BlockTarget,
): Generator<void, number, void> {
  let at = from;
  for (;;) {
    if (at + 3 > bytes.length) throw corrupt();
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    at += 3;
    const end = at + (type === RLE_BLOCK ? 1 : size);
    if (size > BLOCK_MAX_BYTES || end > bytes.length) throw corrupt();
    if (type === RAW_BLOCK) out.append(bytes, at, end);
    else if (type === RLE_BLOCK) out.fill(bytes[at]!, size);
    else if (type === COMPRESSED_BLOCK && work.blocksLeft-- > 0) blocks.decode(bytes, at, end);
    else throw corrupt();
    at = end;
    if ((header & 1) === 1) return at;
    if (out.pauses) yield;
  }
}

function corrupt(): WeirError {
  return new WeirError('invalid', 'zstd: corrupt input');
}
