// Layout of the journal's files: see FORMAT.md. Everything is little endian and lies at multiples of eight bytes,
// so that columns are copied as they are.
import { crc32 } from 'node:zlib';

/** `WJ` and the format's number, 1. */
export const FILE_MAGIC = 0x01004a57;
export const FRAME_MAGIC = 0x01014a57;
export const FILE_HEADER_BYTES = 40;
export const FRAME_HEADER_BYTES = 32;
/** A frame that claims more is no frame. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

export const KIND = { plain: 1, raw: 2, settings: 3, move: 4 } as const;
/** Where a file begins. */
export interface FileHeader {
  /** Of the checkpoint that had begun last. */
  readonly epoch: number;
  /** It begins at the state that this checkpoint has; else where the file before it ended. */
  readonly isFirst: boolean;
  /** The file that this one goes on from; 0: none. */
  readonly previous: number;
  /** How long that one was. */
  readonly previousBytes: number;
  readonly from: number;
}

export interface FrameHeader {
  /** Of the frame, this header included. */
  readonly length: number;
  readonly crc: number;
  readonly from: number;
  readonly to: number;
}

/** Memory seen as bytes, and as numbers. */
export class Words {
  readonly bytes: Uint8Array;
  readonly ints: Int32Array;
  readonly floats: Float64Array;

  constructor(sizeBytes: number) {
    const memory = new ArrayBuffer(padded(sizeBytes));
    this.bytes = new Uint8Array(memory);
    this.ints = new Int32Array(memory);
    this.floats = new Float64Array(memory);
  }
}

export function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 8) * 8;
}

export function writeFileHeader({ bytes, ints, floats }: Words, header: FileHeader): void {
  ints[0] = FILE_MAGIC;
  ints[2] = header.epoch;
  ints[3] = header.previous;
  floats[2] = header.previousBytes;
  floats[3] = header.from;
  ints[8] = header.isFirst ? 1 : 0;
  ints[9] = 0;
  ints[1] = crc32(bytes.subarray(8, FILE_HEADER_BYTES)) | 0;
}

/** Undefined where it is damaged. */
export function readFileHeader({ bytes, ints, floats }: Words): FileHeader | undefined {
  if (ints[0] !== FILE_MAGIC) return undefined;
  if (ints[1] !== (crc32(bytes.subarray(8, FILE_HEADER_BYTES)) | 0)) return undefined;
  const [epoch, previous] = [ints[2], ints[3]];
  return { epoch, isFirst: ints[8] === 1, previous, previousBytes: floats[2], from: floats[3] };
}

/** Of the frame in bytes [at, at + length). */
export function writeFrameHeader(
  { bytes, ints, floats }: Words,
  at: number,
  { length, from, to }: Omit<FrameHeader, 'crc'>,
): void {
  const word = at / 4;
  ints[word] = FRAME_MAGIC;
  ints[word + 1] = length;
  ints[word + 3] = 0;
  floats[at / 8 + 2] = from;
  floats[at / 8 + 3] = to;
  ints[word + 2] = crc32(bytes.subarray(at + 12, at + length)) | 0;
}

/** What a header claims; undefined where it can't be one. */
export function readFrameHeader({ ints, floats }: Words): FrameHeader | undefined {
  const length = ints[1];
  if (ints[0] !== FRAME_MAGIC || length % 8 !== 0) return undefined;
  if (length < FRAME_HEADER_BYTES || length > FRAME_BYTES_MAX) return undefined;
  return { length, crc: ints[2], from: floats[2], to: floats[3] };
}

export function isSound({ bytes }: Words, { length, crc }: FrameHeader): boolean {
  return crc === (crc32(bytes.subarray(12, length)) | 0);
}
