// Protobuf fields as positions in a buffer (Protocol Buffers encoding guide). One reader is reused for
// many messages; nothing is allocated per field. It knows no schema: callers switch on `field` and
// check `wireType`. Groups (wire types 3 and 4) are refused.
import { type Cursor, readUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_LENGTH = 2;
export const WIRE_FIXED32 = 5;

const WIRE_NAMES = ['varint', '64-bit', 'length-delimited', 'group', 'group', '32-bit'];

export class FieldReader implements Cursor {
  at = 0;
  field = 0;
  wireType = 0;
  /** Where the field's tag starts. */
  tagFrom = 0;
  /** The payload: bytes[from, to). */
  from = 0;
  to = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;

  reset(bytes: Uint8Array, from: number, to: number): this {
    this.#bytes = bytes;
    this.at = from;
    this.#end = to;
    return this;
  }

  /** Advances to the next field; false at the end. Throws `invalid` on bytes that are no fields. */
  next(): boolean {
    if (this.at >= this.#end) return false;
    this.tagFrom = this.at;
    const tag = this.#small();
    this.field = tag < 0x80000000 ? tag >>> 3 : Math.floor(tag / 8);
    this.wireType = tag & 7;
    if (this.field < 1 || this.field > 0x1fffffff) {
      throw new WeirError('invalid', `proto: illegal field number ${this.field}`);
    }
    let size = 0;
    if (this.wireType === WIRE_LENGTH) size = this.#small();
    else if (this.wireType === WIRE_FIXED64) size = 8;
    else if (this.wireType === WIRE_FIXED32) size = 4;
    this.from = this.at;
    if (this.wireType === WIRE_VARINT) readUvarint(this.#bytes, this, this.#end);
    else if (this.wireType === 3 || this.wireType === 4 || this.wireType > 5) {
      throw new WeirError('invalid', `proto: wire type ${this.wireType} is not supported`);
    } else this.at += size;
    if (this.at > this.#end) {
      throw new WeirError(
        'invalid',
        `proto: field ${this.field} reaches past the end of its message`,
      );
    }
    this.to = this.at;
    return true;
  }

  /** A varint that mostly is one byte. */
  #small(): number {
    const { at } = this;
    const byte = at < this.#end ? this.#bytes[at]! : 128;
    if (byte >= 128) return readUvarint(this.#bytes, this, this.#end);
    this.at = at + 1;
    return byte;
  }

  /** Throws unless the field has this wire type: a known field with another one is malformed. */
  expect(wireType: number, name: string): void {
    if (this.wireType !== wireType) {
      throw new WeirError(
        'invalid',
        `proto: wrong wire type for ${name}: ${WIRE_NAMES[this.wireType]}, expected ${WIRE_NAMES[wireType]}`,
      );
    }
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(this.from, this.to);
  }

  /** A varint field as an int64; beyond ±2^53 rounded. */
  int64(): number {
    return int64At(this.#bytes, this.from, this.to);
  }

  /** A varint field as the low 32 bits, as protobuf's uint32 and enums read it. */
  uint32(): number {
    let value = 0;
    for (let at = this.from, shift = 0; at < this.to && shift < 32; at++, shift += 7) {
      value |= (this.#bytes[at]! & 127) << shift;
    }
    return value >>> 0;
  }
}

/** Two's complement int64 from a varint that lies in bytes[from, to). */
export function int64At(bytes: Uint8Array, from: number, to: number): number {
  let low = 0;
  let high = 0;
  for (let at = from, shift = 0; at < to; at++, shift += 7) {
    const bits = bytes[at]! & 127;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high |= bits >>> 4;
    } else if (shift < 64) high |= bits << (shift - 32);
  }
  return high * 4294967296 + (low >>> 0);
}

/** Four little-endian bytes, as a signed number. */
export function int32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
