// The framing of remote read's streamed answer (prometheus/storage/remote, ChunkedWriter): the message's length
// as a uvarint, its CRC-32C in four bytes, big endian, and the message.
import { crc32c, uvarintSize, writeUvarint } from '@weir/bytes';

const CHECKSUM_BYTES = 4;

/** One message as a frame, in a buffer of its own. */
export function chunkFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(uvarintSize(message.length) + CHECKSUM_BYTES + message.length);
  const at = writeUvarint(frame, 0, message.length);
  new DataView(frame.buffer).setUint32(at, crc32c(message));
  frame.set(message, at + CHECKSUM_BYTES);
  return frame;
}
