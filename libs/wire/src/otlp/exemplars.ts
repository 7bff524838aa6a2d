// Exemplars of data points: trace and span as labels, and the attributes that the SDK filtered out of the
// series, where all of them together are short enough. One without a value is dropped.
import { utf8 } from '@weir/bytes';
import { FieldReader, int32At, WIRE_FIXED64, WIRE_LENGTH } from '../protobuf/field-reader.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { ExemplarDraft } from '../write-request/exemplar-draft.ts';
import type { NamedLabel } from '../write-request/refusal-texts.ts';
import { valueText } from './attribute-value.ts';
import { doubleAt, highOfLast, lowOf, nanosToMs, sfixed64At } from './number-bits.ts';

/** OpenMetrics' bound: characters of all names and values. */
const RUNES_MAX = 128;
const TRACE_ID = utf8('trace_id');
const SPAN_ID = utf8('span_id');
const EMPTY = new Uint8Array(0);

export interface ReadExemplar extends ExemplarDraft {
  readonly value: number;
}

/** The exemplars at the given positions, from and to in turn. */
export function readExemplars(
  bytes: Uint8Array,
  positions: readonly number[],
  out: AcceptedWrite,
): ReadExemplar[] {
  const found: ReadExemplar[] = [];
  for (let index = 0; index < positions.length; index += 2) {
    const exemplar = readExemplar(bytes, positions[index]!, positions[index + 1]!);
    if (exemplar !== undefined) found.push(exemplar);
    else {
      out.exemplarsIn++;
      out.discardExemplars('otlp_parse_error', 1);
    }
  }
  return found;
}

function readExemplar(bytes: Uint8Array, from: number, to: number): ReadExemplar | undefined {
  const labels: NamedLabel[] = [];
  const filtered: NamedLabel[] = [];
  let timestamp = 0;
  let value: number | undefined;
  let valueLow = 0;
  let valueHigh = 0;
  const field = new FieldReader().reset(bytes, from, to);
  while (field.next()) {
    switch (field.field) {
      case 2:
        field.expect(WIRE_FIXED64, 'Exemplar.time_unix_nano');
        timestamp = nanosToMs(bytes, field.from);
        break;
      case 3:
        field.expect(WIRE_FIXED64, 'Exemplar.as_double');
        value = doubleAt(bytes, field.from);
        valueLow = int32At(bytes, field.from);
        valueHigh = int32At(bytes, field.from + 4);
        break;
      case 4:
      case 5:
        field.expect(WIRE_LENGTH, 'Exemplar ids');
        addId(labels, field.field === 4 ? SPAN_ID : TRACE_ID, field.bytes());
        break;
      case 6:
        field.expect(WIRE_FIXED64, 'Exemplar.as_int');
        value = sfixed64At(bytes, field.from);
        valueLow = lowOf(value);
        valueHigh = highOfLast();
        break;
      case 7:
        field.expect(WIRE_LENGTH, 'Exemplar.filtered_attributes');
        filtered.push(attributeOf(bytes, field.from, field.to));
        break;
    }
  }
  if (value === undefined) return undefined;
  if (runesOf(labels) + runesOf(filtered) <= RUNES_MAX) labels.push(...filtered);
  return { labels, timestamp, value, valueLow, valueHigh };
}

function addId(labels: NamedLabel[], name: Uint8Array, id: Uint8Array): void {
  if (id.every((byte) => byte === 0)) return;
  labels.push({ name, value: utf8(Buffer.from(id).toString('hex')) });
}

function attributeOf(bytes: Uint8Array, from: number, to: number): NamedLabel {
  let name: Uint8Array = EMPTY;
  let value: Uint8Array = EMPTY;
  const pair = new FieldReader().reset(bytes, from, to);
  while (pair.next()) {
    if (pair.field > 2) continue;
    pair.expect(WIRE_LENGTH, 'KeyValue');
    if (pair.field === 1) name = pair.bytes();
    else value = valueText(bytes, pair.from, pair.to);
  }
  return { name, value };
}

function runesOf(labels: readonly NamedLabel[]): number {
  let runes = 0;
  for (const { name, value } of labels) {
    for (const byte of name) if ((byte & 0xc0) !== 0x80) runes++;
    for (const byte of value) if ((byte & 0xc0) !== 0x80) runes++;
  }
  return runes;
}
