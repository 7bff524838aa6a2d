// Mimir's record version 2 (remote write 2.0's symbols): re-expanded into a version 1 WriteRequest,
// which the one scanner then reads. Slower than version 1; Weir's own distributor writes version 1.
// References below 64 mean a table that is baked into Mimir; the others index the record's symbols.
import { type Cursor, readUvarint, text, utf8, uvarintSize, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { encodeLabels, type Label } from '@weir/model';

const COMMON_SIZE = 64;
const COMMON = [
  '',
  '__name__',
  '__aggregation__',
  '<aggregated>',
  'le',
  'component',
  'cortex_request_duration_seconds_bucket',
  'storage_operation_duration_seconds_bucket',
  'grafana',
  'asserts_env',
  'asserts_request_context',
  'asserts_source',
  'asserts_entity_type',
  'asserts_request_type',
  'name',
  'image',
  'cluster',
  'namespace',
  'pod',
  'job',
  'instance',
  'container',
  'replicaset',
  'interface',
  'status_code',
  'resource',
  'operation',
  'method',
  'kube-system',
  'kube-system/cadvisor',
  'node-exporter',
  'node-exporter/node-exporter',
  'kube-system/kubelet',
  'kube-system/node-local-dns',
  'kube-state-metrics/kube-state-metrics',
  'default/kubernetes',
];

interface Field {
  readonly number: number;
  readonly wire: number;
  /** For wire type 0: the value; else 0. */
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

/** Throws `invalid` on bytes that are no record of version 2. */
export function expandRecordV2(bytes: Uint8Array): Uint8Array {
  const symbols: string[] = [];
  const series: Field[] = [];
  for (const field of fields(bytes, 0, bytes.length)) {
    if (field.number === 4) symbols.push(text(bytes.subarray(field.from, field.to)));
    else if (field.number === 5) series.push(field);
  }
  const symbol = (ref: number): string => {
    const found = ref < COMMON_SIZE ? COMMON[ref] : symbols[ref - COMMON_SIZE];
    if (found === undefined) throw new WeirError('invalid', `unknown symbol reference ${ref}`);
    return found;
  };
  const parts = series.flatMap((field) => expandSeries(bytes, field, symbol));
  return concat(parts);
}

function expandSeries(
  bytes: Uint8Array,
  series: Field,
  symbol: (ref: number) => string,
): Uint8Array[] {
  const refs: number[] = [];
  const rest: Uint8Array[] = [];
  let metadata: Field | undefined;
  let samples = 0;
  for (const field of fields(bytes, series.from, series.to)) {
    if (field.number === 1 && field.wire === 0) refs.push(field.value);
    else if (field.number === 1) refs.push(...packed(bytes, field));
    else if (field.number === 2 || field.number === 3) {
      samples++;
      rest.push(message(field.number === 2 ? 0x12 : 0x22, bytes.subarray(field.from, field.to)));
    } else if (field.number === 5) metadata = field;
  }
  if (refs.length % 2 !== 0) throw new WeirError('invalid', 'odd number of label references');
  const labels: Label[] = [];
  for (let at = 0; at < refs.length; at += 2) {
    labels.push({ name: symbol(refs[at]), value: symbol(refs[at + 1]) });
  }
  const out: Uint8Array[] = [];
  if (samples > 0) out.push(message(0x0a, concat([encodeLabels(labels), ...rest])));
  const name = labels.find((label) => label.name === '__name__')?.value;
  if (metadata && name) out.push(message(0x1a, expandMetadata(bytes, metadata, name, symbol)));
  return out;
}

function expandMetadata(
  bytes: Uint8Array,
  metadata: Field,
  name: string,
  symbol: (ref: number) => string,
): Uint8Array {
  const out = [message(0x12, utf8(name))];
  for (const field of fields(bytes, metadata.from, metadata.to)) {
    if (field.number === 1) out.push(Uint8Array.of(0x08, field.value & 127));
    else if (field.number === 3) out.push(message(0x22, utf8(symbol(field.value))));
    else if (field.number === 4) out.push(message(0x2a, utf8(symbol(field.value))));
  }
  return concat(out);
}

function packed(bytes: Uint8Array, field: Field): number[] {
  const cursor = { at: field.from };
  const values: number[] = [];
  while (cursor.at < field.to) values.push(readUvarint(bytes, cursor, field.to));
  return values;
}

function* fields(bytes: Uint8Array, from: number, to: number): Generator<Field> {
  const cursor: Cursor = { at: from };
  while (cursor.at < to) {
    const tag = readUvarint(bytes, cursor, to);
    const number = Math.floor(tag / 8);
    const wire = tag & 7;
    let value = 0;
    let start = cursor.at;
    if (wire === 0) {
      value = readUvarint(bytes, cursor, to);
    } else {
      const size = wire === 2 ? readUvarint(bytes, cursor, to) : wire === 1 ? 8 : 4;
      if (wire !== 1 && wire !== 2 && wire !== 5) {
        throw new WeirError('invalid', `wire type ${wire}`);
      }
      start = cursor.at;
      cursor.at += size;
    }
    if (cursor.at > to) throw new WeirError('invalid', 'field reaches past the end of its message');
    yield { number, wire, value, from: start, to: cursor.at };
  }
}

function message(tag: number, content: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + uvarintSize(content.length) + content.length);
  out[0] = tag;
  out.set(content, writeUvarint(out, 1, content.length));
  return out;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
