// Mutations of a good body: bytes flipped, set, put in, taken out, repeated, cut; pieces of other bodies; varints
// and lengths that promise too much; fields of protobuf messages doubled, moved, dropped or given another type.
import type { Random } from '@weir/runtime';

/** Bodies don't grow beyond this. */
const SIZE_MAX_BYTES = 64 << 10;
const EDITS_MAX = 4;
/** How many of the edits of protobuf messages know what a field is. */
const BY_FIELD = 0.6;
const HUGE = Buffer.from('ffffffffffffffffff01', 'hex');
const TELLING = [0, 1, 2, 10, 18, 26, 34, 42, 127, 128, 255];

export interface Mutations {
  readonly random: Random;
  /** Other bodies to take pieces from. */
  readonly others: readonly Buffer[];
  /** What may be put in anywhere. */
  readonly words: readonly Buffer[];
  readonly isProtobuf: boolean;
}

export const below = (random: Random, end: number) => Math.floor(random.next() * end);
export const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[below(random, items.length)]!;

type Edit = (body: Buffer, mutations: Mutations) => Buffer;

const join = (...parts: Uint8Array[]) => Buffer.concat(parts);

const EDITS: readonly Edit[] = [
  function flip(body, { random }) {
    const at = below(random, body.length);
    if (body.length > 0) body[at]! ^= 1 << below(random, 8);
    return body;
  },
  function set(body, { random }) {
    if (body.length > 0) body[below(random, body.length)] = pick(random, TELLING);
    return body;
  },
  function putIn(body, { random }) {
    const at = below(random, body.length + 1);
    return join(body.subarray(0, at), random.bytes(below(random, 12)), body.subarray(at));
  },
  function takeOut(body, { random }) {
    const at = below(random, body.length + 1);
    return join(body.subarray(0, at), body.subarray(at + below(random, 12)));
  },
  function repeat(body, { random }) {
    const at = below(random, body.length + 1);
    return join(body.subarray(0, at), body.subarray(below(random, at + 1)));
  },
  function cut(body, { random }) {
    return body.subarray(0, below(random, body.length + 1));
  },
  function splice(body, { random, others }) {
    const other = pick(random, others);
    const from = below(random, other.length);
    const piece = other.subarray(from, from + below(random, other.length - from + 1));
    const at = below(random, body.length + 1);
    return join(body.subarray(0, at), piece, body.subarray(at + below(random, piece.length + 1)));
  },
  function hugeVarint(body, { random }) {
    const at = below(random, body.length + 1);
    return join(body.subarray(0, at), HUGE.subarray(below(random, 9)), body.subarray(at));
  },
  function word(body, { random, words }) {
    if (words.length === 0) return body;
    const at = below(random, body.length + 1);
    return join(body.subarray(0, at), pick(random, words), body.subarray(at + below(random, 3)));
  },
];

/** A body changed in up to four places; never the one it was given. */
export function mutate(source: Buffer, mutations: Mutations): Buffer {
  let body: Buffer = Buffer.from(source);
  const { random, isProtobuf } = mutations;
  for (let times = 1 + below(random, 1 + below(random, EDITS_MAX)); times > 0; times--) {
    const byField = isProtobuf && random.next() < BY_FIELD;
    const edited = (byField ? editField : pick(random, EDITS))(body, mutations);
    if (edited.length <= SIZE_MAX_BYTES) body = Buffer.from(edited);
  }
  return body;
}

interface Field {
  readonly from: number;
  /** Behind the tag. */
  readonly at: number;
  readonly to: number;
  readonly wireType: number;
}

/** The fields of what may be a protobuf message, as far as it is one. */
function fieldsOf(body: Buffer, from: number, to: number): Field[] {
  const fields: Field[] = [];
  for (let at = from; at < to; ) {
    const start = at;
    const tag = varintAt(body, at);
    at = tag.end;
    const behindTag = at;
    const wireType = tag.value & 7;
    if (wireType === 0) at = varintAt(body, at).end;
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = varintAt(body, at);
      at = length.end + length.value;
    } else break;
    if (at > to || at <= start) break;
    fields.push({ from: start, at: behindTag, to: at, wireType });
  }
  return fields;
}

function varintAt(body: Buffer, from: number): { value: number; end: number } {
  let value = 0;
  let end = from;
  for (let factor = 1; ; factor *= 128) {
    const byte = body[end++] ?? 0;
    value += (byte & 127) * factor;
    if (byte < 128 || end - from >= 10) return { value, end };
  }
}

/** Goes down into the message some levels and changes one field, with or without the lengths around it. */
function editField(body: Buffer, mutations: Mutations): Buffer {
  return editMessage(body, mutations, below(mutations.random, 6));
}

function editMessage(body: Buffer, mutations: Mutations, depth: number): Buffer {
  const { random } = mutations;
  const fields = fieldsOf(body, 0, body.length);
  if (fields.length === 0) return body;
  const field = pick(random, fields);
  const whole = body.subarray(field.from, field.to);
  const [before, after] = [body.subarray(0, field.from), body.subarray(field.to)];
  if (depth > 0 && field.wireType === 2) {
    const { value, end } = varintAt(body, field.at);
    const inner = editMessage(body.subarray(end, end + value), mutations, depth - 1);
    // One in eight lengths stays as it was: a lie.
    const length = random.next() < 0.125 ? body.subarray(field.at, end) : varint(inner.length);
    return join(before, body.subarray(field.from, field.at), length, inner, after);
  }
  switch (below(random, 6)) {
    case 0:
      return join(before, whole, whole, after);
    case 1:
      return join(before, after);
    case 2: {
      const other = pick(random, fields);
      return join(body.subarray(other.from, other.to), before, whole, after);
    }
    case 3:
      // Another number or another type.
      return join(before, varint(below(random, 160)), body.subarray(field.at, field.to), after);
    case 4:
      return join(
        before,
        body.subarray(field.from, field.at),
        HUGE.subarray(below(random, 9)),
        after,
      );
    default: {
      const copies = Array.from({ length: 1 + below(random, 40) }, () => whole);
      return join(before, ...copies, after);
    }
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Buffer.from(bytes);
}
