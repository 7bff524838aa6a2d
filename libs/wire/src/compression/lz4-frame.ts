// LZ4 frames (LZ4 Frame Format 1.6.x), decompressed up to a bound: a small body can't claim much memory.
// Plain code, because it is rare on pushes, and the native library has no bound. Checksums of blocks and
// content are skipped: TCP has its own, and what is inside is parsed with care anyhow.
import { WeirError } from '@weir/errors';
import { BoundedOutput, type Decompressing, type OutputBound } from './bounded-output.ts';

const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;
const BLOCK_MAX_BYTES = [0, 0, 0, 0, 64 << 10, 256 << 10, 1 << 20, 4 << 20];

/** Whole frames, one behind the other. Corrupt ones are `invalid`; over the bound throws its `tooLarge()`. */
export function* lz4Decompress(bytes: Uint8Array, bound: OutputBound): Decompressing {
  const out = new BoundedOutput(bytes.length * 4, bound);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw corrupt();
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + view.getUint32(at + 4, true);
      if (at > bytes.length) throw corrupt();
    } else if (magic === MAGIC) at = yield* readFrame(bytes, view, at + 4, out);
    else throw corrupt();
  }
  return out.taken();
}

function* readFrame(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  out: BoundedOutput,
): Generator<void, number, void> {
  const flags = bytes[start]!;
  const blockMax = BLOCK_MAX_BYTES[(bytes[start + 1]! >> 4) & 7]!;
  if (flags >> 6 !== 1 || blockMax === 0) throw corrupt();
  const [hasBlockSums, hasSize, hasSum, hasDictionary] = [16, 8, 4, 1].map(
    (bit) => (flags & bit) !== 0,
  );
  if (hasDictionary) throw new WeirError('invalid', 'lz4: frames with a dictionary are not taken');
  // Blocks may point back to earlier ones of the frame.
  const frameFrom = out.size;
  let at = start + 2 + (hasSize ? 8 : 0) + 1;
  for (;;) {
    if (at + 4 > bytes.length) throw corrupt();
    const header = view.getUint32(at, true);
    at += 4;
    if (header === 0) break;
    const size = header & 0x7fffffff;
    if (size > blockMax || at + size > bytes.length) throw corrupt();
    if (header >>> 31 === 1) out.append(bytes, at, at + size);
    else readBlock(bytes, at, at + size, { out, frameFrom, sizeMax: blockMax });
    at += size + (hasBlockSums ? 4 : 0);
    if (out.pauses) yield;
  }
  at += hasSum ? 4 : 0;
  if (at > bytes.length) throw corrupt();
  return at;
}

interface BlockTarget {
  readonly out: BoundedOutput;
  readonly frameFrom: number;
  readonly sizeMax: number;
}

function readBlock(bytes: Uint8Array, from: number, to: number, target: BlockTarget): void {
  const { out, frameFrom, sizeMax } = target;
  const end = out.size + sizeMax;
  let at = from;
  const longer = (length: number): number => {
    let total = length;
    if (length !== 15) return total;
    for (;;) {
      if (at >= to) throw corrupt();
      const byte = bytes[at++]!;
      total += byte;
      if (byte !== 255) return total;
    }
  };
  while (at < to) {
    const token = bytes[at++]!;
    const literals = longer(token >> 4);
    if (at + literals > to || out.size + literals > end) throw corrupt();
    out.append(bytes, at, at + literals);
    at += literals;
    if (at === to) return;
    if (at + 2 > to) throw corrupt();
    const back = bytes[at]! | (bytes[at + 1]! << 8);
    at += 2;
    const length = longer(token & 15) + 4;
    if (back === 0 || out.size - back < frameFrom || out.size + length > end) throw corrupt();
    out.repeat(back, length);
  }
}

function corrupt(): WeirError {
  return new WeirError('invalid', 'lz4: corrupt input');
}
