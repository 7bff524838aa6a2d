// A repeated uint32, packed or not, as label references are.
import { WeirError } from '@weir/errors';
import { type FieldReader, WIRE_LENGTH, WIRE_VARINT } from './field-reader.ts';

/** Appends the field's numbers; malformed bytes are an `invalid` error. */
export function readUint32s(
  bytes: Uint8Array,
  field: FieldReader,
  name: string,
  numbers: number[],
): void {
  if (field.wireType !== WIRE_VARINT) field.expect(WIRE_LENGTH, name);
  let value = 0;
  let shift = 0;
  for (let at = field.from; at < field.to; at++) {
    const byte = bytes[at]!;
    if (shift < 32) value |= (byte & 127) << shift;
    shift += 7;
    if (byte < 128) {
      numbers.push(value >>> 0);
      value = 0;
      shift = 0;
    } else if (shift > 63) throw new WeirError('invalid', 'varint is longer than ten bytes');
  }
  if (shift !== 0) throw new WeirError('invalid', `proto: ${name}: truncated varint`);
}
