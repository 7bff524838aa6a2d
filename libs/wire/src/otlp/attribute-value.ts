// Attribute values as label text: what OpenTelemetry calls a value's string. Strings stay the bytes they
// came as; lists and maps become JSON as Go writes it (keys sorted, `<`, `>` and `&` escaped), because that
// is what other receivers store for the same attribute.
import { text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { FieldReader, WIRE_FIXED64, WIRE_LENGTH, WIRE_VARINT } from '../protobuf/field-reader.ts';

/** A larger list or map is no label under any limit worth setting: it is left unread, and refused as too long. */
const NESTED_MAX_BYTES = 1 << 20;
/** Lists in lists; more than anybody sends, less than the stack holds. */
const DEPTH_MAX = 32;
const EMPTY = new Uint8Array(0);

/** What JSON has a form for. */
type Plain = string | boolean | bigint | number | null | readonly Plain[] | Map<string, Plain>;

/** The text of the AnyValue in bytes[from, to); malformed bytes are an `invalid` error. */
export function valueText(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const field = new FieldReader().reset(bytes, from, to);
  let found: Uint8Array = EMPTY;
  while (field.next()) {
    if (field.field === 1) {
      field.expect(WIRE_LENGTH, 'AnyValue.string_value');
      found = field.bytes();
    } else if (field.field === 7) {
      field.expect(WIRE_LENGTH, 'AnyValue.bytes_value');
      found = utf8(Buffer.from(field.bytes()).toString('base64'));
    } else if (field.field >= 2 && field.field <= 6) {
      const isLong = field.wireType === WIRE_LENGTH && field.to - field.from > NESTED_MAX_BYTES;
      found = isLong ? field.bytes() : utf8(printed(plainOf(bytes, field, 0)));
    }
  }
  return found;
}

/** A double as strconv prints it with the fewest digits and no exponent: for `le` and `quantile`. */
export function plainDecimal(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const shown = String(value);
  const parts = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(shown);
  if (parts === null) return shown;
  const [, sign, whole = '', fraction = '', exponent] = parts;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}

function printed(value: Plain): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'object' && value !== null) return json(value);
  return String(value);
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return plainDecimal(value);
}

function json(value: Plain): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return jsonText(value);
  if (typeof value === 'number') {
    return Number.isFinite(value) ? numberText(value) : jsonText(plainDecimal(value));
  }
  if (value instanceof Map) {
    const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, each]) => `${jsonText(key)}:${json(each)}`).join(',')}}`;
  }
  if (typeof value === 'object') return `[${value.map(json).join(',')}]`;
  return String(value);
}

function jsonText(value: string): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function plainOf(bytes: Uint8Array, field: FieldReader, depth: number): Plain {
  if (depth > DEPTH_MAX) throw new WeirError('invalid', 'attribute values are nested too deeply');
  switch (field.field) {
    case 1:
      field.expect(WIRE_LENGTH, 'AnyValue.string_value');
      return text(field.bytes());
    case 2:
      field.expect(WIRE_VARINT, 'AnyValue.bool_value');
      return field.int64() !== 0;
    case 3:
      field.expect(WIRE_VARINT, 'AnyValue.int_value');
      return int64Of(bytes, field);
    case 4:
      field.expect(WIRE_FIXED64, 'AnyValue.double_value');
      return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(field.from, true);
    case 5:
      field.expect(WIRE_LENGTH, 'AnyValue.array_value');
      return listOf(bytes, field.from, field.to, depth);
    case 6:
      field.expect(WIRE_LENGTH, 'AnyValue.kvlist_value');
      return mapOf(bytes, field.from, field.to, depth);
    case 7:
      field.expect(WIRE_LENGTH, 'AnyValue.bytes_value');
      return Buffer.from(field.bytes()).toString('base64');
    default:
      return null;
  }
}

function anyOf(bytes: Uint8Array, from: number, to: number, depth: number): Plain {
  const field = new FieldReader().reset(bytes, from, to);
  let found: Plain = null;
  while (field.next()) if (field.field <= 7) found = plainOf(bytes, field, depth + 1);
  return found;
}

function listOf(bytes: Uint8Array, from: number, to: number, depth: number): Plain {
  const field = new FieldReader().reset(bytes, from, to);
  const values: Plain[] = [];
  while (field.next()) {
    if (field.field !== 1) continue;
    field.expect(WIRE_LENGTH, 'ArrayValue.values');
    values.push(anyOf(bytes, field.from, field.to, depth));
  }
  return values;
}

function mapOf(bytes: Uint8Array, from: number, to: number, depth: number): Plain {
  const field = new FieldReader().reset(bytes, from, to);
  const pair = new FieldReader();
  const values = new Map<string, Plain>();
  while (field.next()) {
    if (field.field !== 1) continue;
    field.expect(WIRE_LENGTH, 'KeyValueList.values');
    let key = '';
    let value: Plain = null;
    pair.reset(bytes, field.from, field.to);
    while (pair.next()) {
      if (pair.field > 2) continue;
      pair.expect(WIRE_LENGTH, 'KeyValue');
      if (pair.field === 1) key = text(pair.bytes());
      else value = anyOf(bytes, pair.from, pair.to, depth);
    }
    values.set(key, value);
  }
  return values;
}

function int64Of(bytes: Uint8Array, field: FieldReader): bigint {
  let value = 0n;
  for (let at = field.from, shift = 0n; at < field.to; at++, shift += 7n) {
    value |= BigInt(bytes[at]! & 127) << shift;
  }
  return BigInt.asIntN(64, value);
}
