// InfluxDB's line protocol: one pass over a body that writes each numeric field of each line as a series with
// one sample, the run that records are made of. The name is `measurement_field`, or the measurement where the
// field is `value`; tags are labels; texts are left out, as Mimir does. Unsigned integers are taken, which
// Mimir drops. A line that can't be parsed fails the whole body before anything is stored.
//
// What a line's series have in common (labels, time) is judged once a line and refused for all of them at once:
// otherwise a body of short fields behind long tags would cost a hundred times its size.
import { hashBytes, uvarintSize, writeUvarint } from '@weir/bytes';
import { ByteSink } from '../protobuf/byte-sink.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import { DraftLabels } from '../write-request/draft-labels.ts';
import { refusal } from '../write-request/refusal-texts.ts';
import { SeriesDraft } from '../write-request/series-draft.ts';
import { changesLabels, type WriteRules } from '../write-request/write-rules.ts';
import { appendRange, LineLabels } from './line-labels.ts';
import { LineReader } from './line-reader.ts';
import { appendName } from './names.ts';
import type { InfluxPrecision } from './precision.ts';

const EMPTY = new Uint8Array(0);
/** `0a 08 __name__ 12`: of the label, what stands between its size and its value's. */
const METRIC_HEAD = new Uint8Array([0x0a, 8, ...Buffer.from('__name__'), 0x12]);
const METRIC_NAME = new TextEncoder().encode('__name__');
const VALUE_FIELD = Buffer.from('value');
const INFO = Buffer.from('_info');
const UNDERSCORE = 0x5f;
const FLOAT = new Float64Array(1);
const FLOAT_HALVES = new Int32Array(FLOAT.buffer);
const FLOAT_BYTES = new Uint8Array(FLOAT.buffer);
const SAMPLE_MAX_BYTES = 32;

export interface InfluxScanStart {
  /** The hash of each series starts from it (the tenant's). */
  readonly seed: number;
  readonly rules: WriteRules;
  readonly precision: InfluxPrecision;
  /** Of samples without a time, ms. */
  readonly nowMs: number;
}

export class InfluxScan {
  at = 0;
  readonly #line = new LineReader();
  readonly #labels = new LineLabels();
  readonly #draft = new DraftLabels();
  readonly #series = new SeriesDraft();
  readonly #name = new ByteSink(256);
  #measurementSize = 0;
  #bytes: Uint8Array = EMPTY;
  #start: InfluxScanStart | undefined;
  #timeMs = 0;

  start(bytes: Uint8Array, start: InfluxScanStart): void {
    this.#bytes = bytes;
    this.#start = start;
    this.at = 0;
  }

  /** Lets go of the body. */
  release(): void {
    this.#bytes = EMPTY;
    this.#start = undefined;
    this.#line.release();
    this.#labels.release();
    this.#draft.clear();
    this.#series.clear();
  }

  /** Scans about `budgetBytes` further; true when the body is done. Malformed lines throw `invalid`. */
  run(budgetBytes: number, out: AcceptedWrite): boolean {
    const bytes = this.#bytes;
    const { precision } = this.#start!;
    const line = this.#line;
    const pause = Math.min(bytes.length, this.at + budgetBytes);
    while (this.at < pause) {
      const isLine = line.read(bytes, this.at, bytes.length, precision);
      this.at = line.at;
      if (isLine && line.fields > 0) this.#take(out);
    }
    return this.at >= bytes.length;
  }

  #take(out: AcceptedWrite): void {
    const { rules, nowMs } = this.#start!;
    const line = this.#line;
    this.#timeMs = Number.isNaN(line.timeMs) ? nowMs : line.timeMs;
    this.#labels.set(this.#bytes, line, rules);
    this.#name.clear();
    const { measurementFrom: from, measurementTo: to } = line;
    appendName(this.#name, this.#bytes, from, to, { isFirst: true, withEquals: false });
    this.#measurementSize = this.#name.size;
    const isShortened = rules.longValues !== undefined && !this.#labels.areGood;
    if (changesLabels(rules) || isShortened) {
      this.#draftFields(out);
      return;
    }
    out.samplesIn += line.fields;
    if (this.#isRefused(out)) return;
    for (let field = 0; field < line.fields; field++) this.#writeField(field, out);
  }

  /** Where labels may be changed: each series by itself. */
  #draftFields(out: AcceptedWrite): void {
    const { rules, seed } = this.#start!;
    const draft = this.#series;
    const tags = this.#labels.list(EMPTY).filter(({ value }) => value.length > 0);
    for (let field = 0; field < this.#line.fields; field++) {
      this.#nameField(field);
      draft.clear();
      draft.labels.push({ name: METRIC_NAME, value: this.#metric() });
      for (const tag of tags) draft.labels.push(tag);
      FLOAT[0] = this.#line.values[field]!;
      draft.addSample(this.#timeMs, FLOAT_HALVES[0]!, FLOAT_HALVES[1]!, 0);
      draft.finish(rules, seed, out);
    }
  }

  /** Whether all of the line's samples are refused, for the same reason. */
  #isRefused(out: AcceptedWrite): boolean {
    const { rules, seed } = this.#start!;
    const { fields } = this.#line;
    if (!this.#labels.areGood || this.#measurementSize > rules.labelValueBytesMax) {
      this.#nameField(0);
      this.#refuseLabels(rules, seed, fields, out);
      return true;
    }
    const time = this.#timeMs;
    if (time <= rules.timestampMaxMs && time >= rules.timestampMinMs) return false;
    this.#nameField(0);
    const metric = this.#metric();
    if (time > rules.timestampMaxMs) {
      out.reject('too_far_in_future', fields, () => refusal.tooFarInFuture(time, metric));
    } else {
      out.reject('too_far_in_past', fields, () => refusal.tooFarInPast(time, metric));
    }
    return true;
  }

  /** Refuses samples by the labels of the series whose name is set. */
  #refuseLabels(rules: WriteRules, seed: number, samples: number, out: AcceptedWrite): void {
    const draft = this.#draft;
    draft.clear();
    for (const label of this.#labels.list(this.#metric())) draft.push(label);
    if (draft.areGood(rules, seed, samples, out)) {
      // Only a rule that is stricter here than there gets this far.
      const labels = draft.list;
      out.reject('max_label_names_per_series', samples, () =>
        refusal.tooManyLabels(labels.length, rules.labelNamesMax, labels, false),
      );
    }
  }

  /** Puts the field behind the measurement. */
  #nameField(field: number): void {
    const bytes = this.#bytes;
    const from = this.#line.fieldKeyFrom[field]!;
    const to = this.#line.fieldKeyTo[field]!;
    const name = this.#name;
    name.size = this.#measurementSize;
    if (isValueField(bytes, from, to)) return;
    name.byte(UNDERSCORE);
    appendName(name, bytes, from, to, { isFirst: false, withEquals: true });
  }

  #metric(): Uint8Array {
    return this.#name.bytes.slice(0, this.#name.size);
  }

  #writeField(field: number, out: AcceptedWrite): void {
    const { rules, seed } = this.#start!;
    const labels = this.#labels;
    this.#nameField(field);
    const nameSize = this.#name.size;
    if (nameSize > rules.labelValueBytesMax) {
      this.#refuseLabels(rules, seed, 1, out);
      return;
    }
    if (labels.count > rules.labelNamesMax && !this.#isInfo()) {
      out.reject('max_label_names_per_series', 1, () => {
        const list = labels.list(this.#metric());
        return refusal.tooManyLabels(list.length, rules.labelNamesMax, list, false);
      });
      return;
    }
    const metricSize = METRIC_HEAD.length + uvarintSize(nameSize) + nameSize;
    const labelsSize =
      labels.head.size + 1 + uvarintSize(metricSize) + metricSize + labels.tail.size;
    const sampleSize = this.#timeMs < 0 ? 20 : 10 + uvarintSize(this.#timeMs);
    const size = labelsSize + 2 + sampleSize;
    const sink = out.rewritten;
    sink.reserve(1 + uvarintSize(size) + size + SAMPLE_MAX_BYTES);
    const start = sink.size;
    sink.bytes[start] = 0x0a;
    sink.size = writeUvarint(sink.bytes, start + 1, size);
    const labelsFrom = sink.size;
    appendRange(sink, labels.head.bytes, 0, labels.head.size);
    sink.bytes[sink.size] = 0x0a;
    sink.size = writeUvarint(sink.bytes, sink.size + 1, metricSize);
    appendRange(sink, METRIC_HEAD, 0, METRIC_HEAD.length);
    sink.size = writeUvarint(sink.bytes, sink.size, nameSize);
    appendRange(sink, this.#name.bytes, 0, nameSize);
    appendRange(sink, labels.tail.bytes, 0, labels.tail.size);
    const hash = hashBytes(sink.bytes, labelsFrom, sink.size, seed);
    this.#writeSample(sink, sampleSize, this.#line.values[field]!);
    out.push(~start, sink.size - start, hash, 1);
    out.samplesOk++;
  }

  #writeSample(sink: ByteSink, size: number, value: number): void {
    sink.byte(0x12);
    sink.byte(size);
    sink.byte(0x09);
    FLOAT[0] = value;
    appendRange(sink, FLOAT_BYTES, 0, 8);
    sink.byte(0x10);
    sink.int64(this.#timeMs);
  }

  #isInfo(): boolean {
    const { bytes, size } = this.#name;
    if (size < INFO.length) return false;
    for (let index = 0; index < INFO.length; index++) {
      if (bytes[size - INFO.length + index] !== INFO[index]) return false;
    }
    return true;
  }
}

function isValueField(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== VALUE_FIELD.length) return false;
  for (let index = 0; index < VALUE_FIELD.length; index++) {
    if (bytes[from + index] !== VALUE_FIELD[index]) return false;
  }
  return true;
}
