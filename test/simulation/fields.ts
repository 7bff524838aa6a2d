// Reads protobuf messages field by field, without Weir's own readers, so that a bug there can't hide.

/** A varint is a number where it is one exactly, else a bigint; everything else is bytes. */
export type FieldContent = number | bigint | Uint8Array;

/** `from` and `to` are where the field lies, tag included. */
export type Visit = (field: number, content: FieldContent, from: number, to: number) => void;

/** Numbers of seven bytes of varint at most are below 2^49. */
const EXACT_BYTES = 7;

/** Throws on bytes that are no message. */
export function forEachField(bytes: Uint8Array, visit: Visit): void {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const from = cursor.at;
    const tag = Number(readVarint(bytes, cursor));
    const kind = tag & 7;
    if (kind === 0) visit(tag >>> 3, readVarint(bytes, cursor), from, cursor.at);
    else {
      const size =
        kind === 2 ? Number(readVarint(bytes, cursor)) : kind === 1 ? 8 : kind === 5 ? 4 : -1;
      const { at } = cursor;
      if (size < 0 || at + size > bytes.length) throw new Error('field');
      cursor.at += size;
      visit(tag >>> 3, bytes.subarray(at, at + size), from, cursor.at);
    }
  }
}

/** The varints of a packed field, each as it stands. */
export function packedVarints(bytes: Uint8Array): (number | bigint)[] {
  const cursor = { at: 0 };
  const values: (number | bigint)[] = [];
  while (cursor.at < bytes.length) values.push(readVarint(bytes, cursor));
  return values;
}

export function packedDoubles(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 8 }, (_, at) => doubleOf(bytes, 8 * at));
}

export function doubleOf(bytes: Uint8Array, at = 0): number {
  return viewOf(bytes).getFloat64(at, true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Of an int64: negative ones are large varints. */
export function signed(value: number | bigint): number {
  return typeof value === 'number' ? value : Number(BigInt.asIntN(64, value));
}

export function unzigzag(value: number | bigint): number {
  const big = BigInt(value);
  return Number((big >> 1n) ^ -(big & 1n));
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): number | bigint {
  let value = 0;
  let factor = 1;
  for (let index = 0; index < EXACT_BYTES; index++) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new Error('varint');
    value += (byte & 127) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
  let big = BigInt(value);
  for (let index = EXACT_BYTES; index < 10; index++) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new Error('varint');
    big |= BigInt(byte & 127) << BigInt(7 * index);
    if (byte < 128) return big;
  }
  throw new Error('varint');
}
