// The exemplars of one series of a push. A bad one is dropped and counted, whatever is wrong with it: an
// exemplar never fails a push. Rules as Mimir's; that old ones go is judged by the samples of the
// series itself, where Mimir takes the whole request: a scan doesn't wait for the request's end.
import { isUtf8 } from 'node:buffer';
import { compareBytes, uvarintSize } from '@weir/bytes';
import { labelSize, writeLabel } from '@weir/model';
import type { ByteSink } from '../protobuf/byte-sink.ts';
import { type FieldReader, int32At, WIRE_FIXED64, WIRE_VARINT } from '../protobuf/field-reader.ts';
import type { AcceptedWrite } from './accepted-write.ts';
import type { NamedLabel } from './refusal-texts.ts';
import type { WriteRules } from './write-rules.ts';

/** OpenMetrics' bound: characters of all names and values. */
const RUNES_MAX = 128;
const OLDER_MAX_MS = 300_000;

export interface ExemplarDraft {
  labels: NamedLabel[];
  timestamp: number;
  valueLow: number;
  valueHigh: number;
}

/** Which exemplars stay, ascending by time; `samplesFrom` is the series' earliest sample, or Infinity. */
export function goodExemplars(
  drafts: readonly ExemplarDraft[],
  samplesFrom: number,
  rules: WriteRules,
  out: AcceptedWrite,
): readonly ExemplarDraft[] {
  if (drafts.length === 0) return drafts;
  const earliest =
    samplesFrom === Number.POSITIVE_INFINITY
      ? rules.timestampMinMs
      : Math.max(samplesFrom - OLDER_MAX_MS, rules.timestampMinMs);
  const kept: ExemplarDraft[] = [];
  const most = rules.exemplarsPerSeriesMax || drafts.length;
  out.discardExemplars('too_many_exemplars_per_series_per_request', drafts.length - most);
  for (const draft of drafts.slice(0, most)) {
    const reason = fault(draft, earliest, rules);
    if (reason !== undefined) out.discardExemplars(reason, 1);
    else kept.push(draft);
  }
  return kept.sort((a, b) => a.timestamp - b.timestamp);
}

/** Mimir's reason, without a text: nobody is told. Brings the labels into canonical form. */
function fault(draft: ExemplarDraft, earliest: number, rules: WriteRules): string | undefined {
  if (!rules.exemplarsEnabled) return 'exemplars_disabled';
  if (draft.labels.length === 0) return 'exemplar_labels_missing';
  if (draft.timestamp === 0) return 'exemplar_timestamp_invalid';
  if (runesOf(draft.labels) > RUNES_MAX) return 'exemplar_labels_too_long';
  draft.labels = draft.labels.filter(({ name, value }) => name.length > 0 && value.length > 0);
  if (draft.labels.length === 0) return 'exemplar_labels_blank';
  draft.labels.sort((a, b) => compareBytes(a.name, b.name));
  if (!labelsAreText(draft.labels)) return 'exemplar_labels_invalid';
  if (draft.timestamp < earliest || !Number.isSafeInteger(draft.timestamp)) {
    return 'exemplar_too_old';
  }
  if (draft.timestamp > rules.timestampMaxMs) return 'exemplar_too_far_in_future';
  return undefined;
}

function runesOf(labels: readonly NamedLabel[]): number {
  let runes = 0;
  for (const { name, value } of labels) {
    for (const byte of name) if ((byte & 0xc0) !== 0x80) runes++;
    for (const byte of value) if ((byte & 0xc0) !== 0x80) runes++;
    if (runes > RUNES_MAX) return runes;
  }
  return runes;
}

/** Sorted labels: UTF-8, and no name twice. */
function labelsAreText(labels: readonly NamedLabel[]): boolean {
  for (const [index, { name, value }] of labels.entries()) {
    if (!isUtf8(name) || !isUtf8(value)) return false;
    if (index > 0 && compareBytes(labels[index - 1]!.name, name) === 0) return false;
  }
  return true;
}

/** Reads value or time, which both protocols have alike; unknown fields are skipped. */
export function readExemplarField(
  bytes: Uint8Array,
  field: FieldReader,
  draft: ExemplarDraft,
): void {
  if (field.field === 2) {
    field.expect(WIRE_FIXED64, 'Exemplar.value');
    draft.valueLow = int32At(bytes, field.from);
    draft.valueHigh = int32At(bytes, field.from + 4);
  } else if (field.field === 3) {
    field.expect(WIRE_VARINT, 'Exemplar.timestamp');
    draft.timestamp = field.int64();
  }
}

/** Bytes of the Exemplar message. */
export function exemplarSize({ labels, timestamp }: ExemplarDraft): number {
  let size = 10 + (timestamp < 0 ? 10 : uvarintSize(timestamp));
  for (const { name, value } of labels) size += labelSize(name.length, value.length);
  return size;
}

/** Appends `1a len Exemplar`. */
export function writeExemplar(sink: ByteSink, draft: ExemplarDraft): void {
  const size = exemplarSize(draft);
  sink.byte(0x1a);
  sink.uvarint(size);
  sink.reserve(size);
  for (const { name, value } of draft.labels) {
    sink.size = writeLabel(sink.bytes, sink.size, name, value);
  }
  sink.byte(0x11);
  sink.fixed64(draft.valueLow, draft.valueHigh);
  sink.byte(0x18);
  sink.int64(draft.timestamp);
}
