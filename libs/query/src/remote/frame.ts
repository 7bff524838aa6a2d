// Frames of a streamed answer, as Prometheus's streamed remote read has them: uvarint length, CRC-32C of
// the payload (four bytes, big endian), payload.
import { crc32c, readUvarint, uvarintSize, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';

/** A frame announced larger than this is damage, not data. */
export const FRAME_SIZE_MAX_BYTES = 512 * 1024 * 1024;
/** Bytes of the longest length that is allowed. */
const LENGTH_SIZE_MAX = 5;

export function encodeFrame(payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(uvarintSize(payload.length) + 4 + payload.length);
  const at = writeUvarint(out, 0, payload.length);
  new DataView(out.buffer).setUint32(at, crc32c(payload));
  out.set(payload, at + 4);
  return out;
}

/** Takes bytes as they come and gives whole payloads, each in a buffer of its own. */
export class FrameReader {
  /** Length and checksum of the frame being read, until they are whole. */
  readonly #head = new Uint8Array(LENGTH_SIZE_MAX + 4);
  #lengthSize = 0;
  #headSize = 0;
  #payload: Uint8Array | undefined;
  #filled = 0;
  #checksum = 0;

  /** Throws kind `corrupt` on a bad checksum or an impossible length. */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#payload) {
        this.#head[this.#headSize++] = bytes[at++]!;
        if (!this.#startPayload()) continue;
      }
      at += this.#fill(bytes, at);
      const whole = this.#takeWhole();
      if (whole) yield whole;
    }
  }

  /** Throws kind `unavailable` when the stream has ended inside a frame. */
  end(): void {
    if (this.#headSize > 0 || this.#payload) {
      throw new WeirError('unavailable', 'a read answer was cut off');
    }
  }

  /** Parses the head when it is whole. */
  #startPayload(): boolean {
    const last = this.#headSize - 1;
    if (this.#lengthSize === 0) {
      if (this.#head[last]! < 128) this.#lengthSize = this.#headSize;
      else if (this.#headSize === LENGTH_SIZE_MAX) {
        throw new WeirError('corrupt', 'a read answer has a frame with an impossible length');
      }
      return false;
    }
    if (this.#headSize < this.#lengthSize + 4) return false;
    const length = readUvarint(this.#head, { at: 0 }, this.#lengthSize);
    if (length > FRAME_SIZE_MAX_BYTES) {
      throw new WeirError('corrupt', `a read answer has a frame of ${length} bytes`);
    }
    this.#checksum = new DataView(this.#head.buffer).getUint32(this.#lengthSize);
    this.#payload = new Uint8Array(length);
    this.#filled = 0;
    this.#headSize = 0;
    this.#lengthSize = 0;
    return true;
  }

  #fill(bytes: Uint8Array, from: number): number {
    const payload = this.#payload!;
    const count = Math.min(payload.length - this.#filled, bytes.length - from);
    payload.set(bytes.subarray(from, from + count), this.#filled);
    this.#filled += count;
    return count;
  }

  #takeWhole(): Uint8Array | undefined {
    const payload = this.#payload!;
    if (this.#filled < payload.length) return undefined;
    if (crc32c(payload) !== this.#checksum) {
      throw new WeirError('corrupt', 'a read answer has a frame whose checksum is wrong');
    }
    this.#payload = undefined;
    return payload;
  }
}
