// Remote read's request (prompb/remote.proto, ReadRequest; proto/remote.proto here) as data. Bytes come from
// outside: whatever they are, the answer is a request or an `invalid` error. Matchers are not compiled here.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { MatcherOp, MatcherSpec } from '@weir/model';
import { FieldReader, WIRE_LENGTH, WIRE_VARINT } from '../protobuf/field-reader.ts';

/** ReadRequest.ResponseType. */
export const RESPONSE_SAMPLES = 0;
export const RESPONSE_STREAMED_CHUNKS = 1;

const RESPONSE_NAMES = ['SAMPLES', 'STREAMED_XOR_CHUNKS'];
const MATCHER_OPS: readonly MatcherOp[] = ['=', '!=', '=~', '!~'];

export interface ReadQuery {
  /** Inclusive, ms. */
  readonly startMs: number;
  readonly endMs: number;
  readonly matchers: readonly MatcherSpec[];
  readonly hints?: ReadHints | undefined;
}

/** What the reader will do with the series; only what a server can make use of. */
export interface ReadHints {
  /** The part of the query's range that is needed, inclusive, ms. */
  readonly startMs: number;
  readonly endMs: number;
  /** `series` where no samples are needed. */
  readonly func: string;
}

export interface RemoteReadRequest {
  readonly queries: readonly ReadQuery[];
  /** RESPONSE_SAMPLES or RESPONSE_STREAMED_CHUNKS: the first acceptable one that is known. */
  readonly responseType: number;
}

/** Throws `invalid` on bytes that are no ReadRequest, and where no response type is known. */
export function parseReadRequest(bytes: Uint8Array): RemoteReadRequest {
  const field = new FieldReader().reset(bytes, 0, bytes.length);
  const queries: ReadQuery[] = [];
  const accepted: number[] = [];
  while (field.next()) {
    if (field.field === 1) {
      field.expect(WIRE_LENGTH, 'Queries');
      queries.push(parseQuery(bytes, field.from, field.to));
    } else if (field.field === 2) readEnums(bytes, field, accepted);
  }
  return { queries, responseType: negotiate(accepted) };
}

/** The first that is known, in the order of the reader's wishes. */
function negotiate(accepted: readonly number[]): number {
  if (accepted.length === 0) return RESPONSE_SAMPLES;
  const known = accepted.find((type) => RESPONSE_NAMES[type] !== undefined);
  if (known !== undefined) return known;
  const supported = `map[${RESPONSE_NAMES.map((name) => `${name}:{}`).join(' ')}]`;
  throw new WeirError(
    'invalid',
    `server does not support any of the requested response types: [${accepted.join(' ')}]; supported: ${supported}`,
  );
}

/** A repeated enum, packed or not. */
function readEnums(bytes: Uint8Array, field: FieldReader, out: number[]): void {
  if (field.wireType === WIRE_VARINT) {
    out.push(field.uint32() | 0);
    return;
  }
  field.expect(WIRE_LENGTH, 'AcceptedResponseTypes');
  let value = 0;
  let shift = 0;
  for (let at = field.from; at < field.to; at++) {
    const byte = bytes[at]!;
    if (shift < 32) value |= (byte & 127) << shift;
    shift += 7;
    if (shift > 70) throw new WeirError('invalid', 'varint is longer than ten bytes');
    if (byte >= 128) continue;
    out.push(value);
    value = 0;
    shift = 0;
  }
  if (shift !== 0) {
    throw new WeirError('invalid', 'proto: AcceptedResponseTypes: truncated varint');
  }
}

function parseQuery(bytes: Uint8Array, from: number, to: number): ReadQuery {
  const field = new FieldReader().reset(bytes, from, to);
  const matchers: MatcherSpec[] = [];
  let [startMs, endMs] = [0, 0];
  let hints: ReadHints | undefined;
  while (field.next()) {
    if (field.field === 1) startMs = integer(field, 'StartTimestampMs');
    else if (field.field === 2) endMs = integer(field, 'EndTimestampMs');
    else if (field.field === 3) {
      field.expect(WIRE_LENGTH, 'Matchers');
      matchers.push(parseMatcher(bytes, field.from, field.to));
    } else if (field.field === 4) {
      field.expect(WIRE_LENGTH, 'Hints');
      hints = parseHints(bytes, field.from, field.to, hints);
    }
  }
  return { startMs, endMs, matchers, hints };
}

function parseMatcher(bytes: Uint8Array, from: number, to: number): MatcherSpec {
  const field = new FieldReader().reset(bytes, from, to);
  let type = 0;
  let [name, value] = ['', ''];
  while (field.next()) {
    if (field.field === 1) {
      field.expect(WIRE_VARINT, 'Type');
      type = field.uint32();
    } else if (field.field === 2) name = string(field, 'Name');
    else if (field.field === 3) value = string(field, 'Value');
  }
  const op = MATCHER_OPS[type];
  if (op === undefined) throw new WeirError('invalid', 'invalid matcher type');
  return { name, op, value };
}

/** A message that comes twice is one, of which the later fields count. */
function parseHints(
  bytes: Uint8Array,
  from: number,
  to: number,
  earlier: ReadHints | undefined,
): ReadHints {
  const field = new FieldReader().reset(bytes, from, to);
  let { startMs, endMs, func } = earlier ?? { startMs: 0, endMs: 0, func: '' };
  while (field.next()) {
    if (field.field === 2) func = string(field, 'Func');
    else if (field.field === 3) startMs = integer(field, 'StartMs');
    else if (field.field === 4) endMs = integer(field, 'EndMs');
  }
  return { startMs, endMs, func };
}

function integer(field: FieldReader, name: string): number {
  field.expect(WIRE_VARINT, name);
  return field.int64();
}

function string(field: FieldReader, name: string): string {
  field.expect(WIRE_LENGTH, name);
  return text(field.bytes());
}
