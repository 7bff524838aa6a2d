// OTLP/JSON (OTLP specification, "JSON Protobuf Encoding") turned into the protobuf form that is scanned:
// lowerCamelCase keys, 64-bit integers as strings or numbers, enums as numbers (or names), trace and span
// ids in hexadecimal, unknown keys skipped. JSON is what scripts and browsers send: simple before fast.
import { WeirError } from '@weir/errors';
import { ByteSink } from '../protobuf/byte-sink.ts';

type Scalar =
  | 'string'
  | 'bool'
  | 'double'
  | 'fixed64'
  | 'int64'
  | 'sint32'
  | 'uint32'
  | 'temporality'
  | 'base64'
  | 'hex'
  | 'fixed64s'
  | 'doubles'
  | 'uint64s';

interface JsonField {
  readonly number: number;
  readonly scalar?: Scalar;
  readonly message?: () => JsonMessage;
  readonly isRepeated?: boolean;
}

type JsonMessage = Readonly<Record<string, JsonField>>;

const DEPTH_MAX = 100;
const WIRE_FIXED64 = 1;
const WIRE_LENGTH = 2;
const TEMPORALITIES = new Map([
  ['AGGREGATION_TEMPORALITY_UNSPECIFIED', 0],
  ['AGGREGATION_TEMPORALITY_DELTA', 1],
  ['AGGREGATION_TEMPORALITY_CUMULATIVE', 2],
]);

const one = (number: number, message: () => JsonMessage): JsonField => ({ number, message });
const many = (number: number, message: () => JsonMessage): JsonField => ({
  ...{ number, message },
  isRepeated: true,
});
const plain = (number: number, scalar: Scalar): JsonField => ({ number, scalar });

const ANY_VALUE: JsonMessage = {
  stringValue: plain(1, 'string'),
  boolValue: plain(2, 'bool'),
  intValue: plain(3, 'int64'),
  doubleValue: plain(4, 'double'),
  arrayValue: one(5, () => ({ values: many(1, () => ANY_VALUE) })),
  kvlistValue: one(6, () => ({ values: many(1, () => KEY_VALUE) })),
  bytesValue: plain(7, 'base64'),
};
const KEY_VALUE: JsonMessage = { key: plain(1, 'string'), value: one(2, () => ANY_VALUE) };
const EXEMPLAR: JsonMessage = {
  timeUnixNano: plain(2, 'fixed64'),
  asDouble: plain(3, 'double'),
  spanId: plain(4, 'hex'),
  traceId: plain(5, 'hex'),
  asInt: plain(6, 'fixed64'),
  filteredAttributes: many(7, () => KEY_VALUE),
};
const TIMES: JsonMessage = {
  startTimeUnixNano: plain(2, 'fixed64'),
  timeUnixNano: plain(3, 'fixed64'),
};
const NUMBER_POINT: JsonMessage = {
  ...TIMES,
  asDouble: plain(4, 'double'),
  exemplars: many(5, () => EXEMPLAR),
  asInt: plain(6, 'fixed64'),
  attributes: many(7, () => KEY_VALUE),
  flags: plain(8, 'uint32'),
};
const HISTOGRAM_POINT: JsonMessage = {
  ...TIMES,
  count: plain(4, 'fixed64'),
  sum: plain(5, 'double'),
  bucketCounts: plain(6, 'fixed64s'),
  explicitBounds: plain(7, 'doubles'),
  exemplars: many(8, () => EXEMPLAR),
  attributes: many(9, () => KEY_VALUE),
  flags: plain(10, 'uint32'),
};
const BUCKETS: JsonMessage = { offset: plain(1, 'sint32'), bucketCounts: plain(2, 'uint64s') };
const EXPONENTIAL_POINT: JsonMessage = {
  ...TIMES,
  attributes: many(1, () => KEY_VALUE),
  count: plain(4, 'fixed64'),
  sum: plain(5, 'double'),
  scale: plain(6, 'sint32'),
  zeroCount: plain(7, 'fixed64'),
  positive: one(8, () => BUCKETS),
  negative: one(9, () => BUCKETS),
  flags: plain(10, 'uint32'),
  exemplars: many(11, () => EXEMPLAR),
};
const SUMMARY_POINT: JsonMessage = {
  ...TIMES,
  count: plain(4, 'fixed64'),
  sum: plain(5, 'double'),
  quantileValues: many(6, () => ({ quantile: plain(1, 'double'), value: plain(2, 'double') })),
  attributes: many(7, () => KEY_VALUE),
  flags: plain(8, 'uint32'),
};
const pointsOf = (point: JsonMessage): JsonMessage => ({
  dataPoints: many(1, () => point),
  aggregationTemporality: plain(2, 'temporality'),
  isMonotonic: plain(3, 'bool'),
});
const METRIC: JsonMessage = {
  name: plain(1, 'string'),
  description: plain(2, 'string'),
  unit: plain(3, 'string'),
  gauge: one(5, () => ({ dataPoints: many(1, () => NUMBER_POINT) })),
  sum: one(7, () => pointsOf(NUMBER_POINT)),
  histogram: one(9, () => pointsOf(HISTOGRAM_POINT)),
  exponentialHistogram: one(10, () => pointsOf(EXPONENTIAL_POINT)),
  summary: one(11, () => ({ dataPoints: many(1, () => SUMMARY_POINT) })),
};
const SCOPE: JsonMessage = {
  name: plain(1, 'string'),
  version: plain(2, 'string'),
  attributes: many(3, () => KEY_VALUE),
};
const SCOPE_METRICS: JsonMessage = {
  scope: one(1, () => SCOPE),
  metrics: many(2, () => METRIC),
  schemaUrl: plain(3, 'string'),
};
const RESOURCE_METRICS: JsonMessage = {
  resource: one(1, () => ({ attributes: many(1, () => KEY_VALUE) })),
  scopeMetrics: many(2, () => SCOPE_METRICS),
  schemaUrl: plain(3, 'string'),
};
const REQUEST: JsonMessage = { resourceMetrics: many(1, () => RESOURCE_METRICS) };

const number64 = new DataView(new ArrayBuffer(8));

/** The request as protobuf; text that is no OTLP/JSON is an `invalid` error. */
export function otlpJsonToProtobuf(json: string): Uint8Array {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new WeirError('invalid', `JSON: ${(error as Error).message}`, { cause: error });
  }
  return encodeMessage(REQUEST, value, 0);
}

function encodeMessage(message: JsonMessage, value: unknown, depth: number): Uint8Array {
  if (depth > DEPTH_MAX) throw malformed('the request is nested too deeply');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('an object is expected');
  }
  const sink = new ByteSink(64);
  for (const [key, each] of Object.entries(value)) {
    const field = Object.hasOwn(message, key) ? message[key] : undefined;
    if (field === undefined || each === null) continue;
    if (field.message === undefined) encodeScalar(sink, field, key, each);
    else {
      if (field.isRepeated && !Array.isArray(each)) throw malformed(`${key} is no list`);
      for (const item of field.isRepeated ? (each as unknown[]) : [each]) {
        sink.field(field.number * 8 + WIRE_LENGTH, encodeMessage(field.message(), item, depth + 1));
      }
    }
  }
  return sink.copy();
}

function encodeScalar(sink: ByteSink, { number, scalar }: JsonField, key: string, value: unknown) {
  const bytes = (encoded: Uint8Array) => sink.field(number * 8 + WIRE_LENGTH, encoded);
  const varint = (encoded: bigint) => {
    sink.uvarint(number * 8);
    writeBig(sink, encoded);
  };
  switch (scalar) {
    case 'string':
    case 'hex':
    case 'base64':
      if (typeof value !== 'string') throw malformed(`${key} is no string`);
      return bytes(Buffer.from(value, scalar === 'string' ? 'utf8' : scalar));
    case 'bool':
      if (typeof value !== 'boolean') throw malformed(`${key} is neither true nor false`);
      return varint(value ? 1n : 0n);
    case 'double':
      sink.uvarint(number * 8 + WIRE_FIXED64);
      return writeDouble(sink, doubleOf(key, value));
    case 'fixed64':
      sink.uvarint(number * 8 + WIRE_FIXED64);
      return writeFixed(sink, integerOf(key, value));
    case 'int64':
    case 'uint32':
      return varint(BigInt.asUintN(64, integerOf(key, value)));
    case 'sint32':
      return varint(zigzag(integerOf(key, value)));
    case 'temporality':
      return varint(BigInt(TEMPORALITIES.get(String(value)) ?? Number(integerOf(key, value))));
    default:
      return bytes(encodeRow(scalar, key, value));
  }
}

function encodeRow(scalar: Scalar | undefined, key: string, values: unknown): Uint8Array {
  if (!Array.isArray(values)) throw malformed(`${key} is no list`);
  const row = new ByteSink(values.length * 8);
  for (const value of values) {
    if (scalar === 'doubles') writeDouble(row, doubleOf(key, value));
    else if (scalar === 'fixed64s') writeFixed(row, integerOf(key, value));
    else writeBig(row, BigInt.asUintN(64, integerOf(key, value)));
  }
  return row.copy();
}

function doubleOf(key: string, value: unknown): number {
  if (typeof value === 'number') return value;
  const known = new Map([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
  ]);
  if (typeof value !== 'string' || value.trim() === '') throw malformed(`${key} is no number`);
  const found = known.get(value) ?? Number(value);
  if (Number.isNaN(found) && value !== 'NaN') throw malformed(`${key} is no number`);
  return found;
}

function integerOf(key: string, value: unknown): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw malformed(`${key} is no integer`);
}

function zigzag(value: bigint): bigint {
  const narrow = BigInt.asIntN(32, value);
  return narrow >= 0n ? narrow * 2n : narrow * -2n - 1n;
}

function writeBig(sink: ByteSink, value: bigint): void {
  let rest = value;
  while (rest >= 128n) {
    sink.byte(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  sink.byte(Number(rest));
}

function writeFixed(sink: ByteSink, value: bigint): void {
  number64.setBigUint64(0, BigInt.asUintN(64, value), true);
  sink.fixed64(number64.getUint32(0, true), number64.getUint32(4, true));
}

function writeDouble(sink: ByteSink, value: number): void {
  number64.setFloat64(0, value, true);
  sink.fixed64(number64.getUint32(0, true), number64.getUint32(4, true));
}

function malformed(message: string): WeirError {
  return new WeirError('invalid', `JSON: ${message}`);
}
