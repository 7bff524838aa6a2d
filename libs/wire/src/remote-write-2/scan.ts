// Remote write 2.0: the same result as the 1.0 scanner, so that everything behind it knows one form.
// Each series is written out as a version-1 TimeSeries; label text is copied from the symbols: by the kernel
// where the body lies there, and else here, to the same bytes. Unusual series take the same slow path as 1.0's. A start timestamp, which 2.0 has with each sample, becomes the
// created timestamp of the version-1 TimeSeries.
import { hashBytes, uvarintSize, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { labelSize } from '@weir/model';
import { FieldReader, WIRE_LENGTH } from '../protobuf/field-reader.ts';
import { readUint32s } from '../protobuf/packed-uint32.ts';
import type { PushKernel } from '../push-kernel/push-kernel.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import { type ExemplarDraft, readExemplarField } from '../write-request/exemplar-draft.ts';
import { acceptMetadata } from '../write-request/metadata-entry.ts';
import { isLabelName, isMetricName } from '../write-request/names.ts';
import type { NamedLabel } from '../write-request/refusal-texts.ts';
import { SeriesDraft } from '../write-request/series-draft.ts';
import { changesLabels, type WriteRules } from '../write-request/write-rules.ts';
import { familyOf } from './metric-family.ts';
import { SeriesColumns } from './series-columns.ts';
import { SymbolTable } from './symbol-table.ts';

const EMPTY = new Uint8Array(0);
const METRIC_NAME = new TextEncoder().encode('__name__');
const TIMESTAMP_HIGHEST = 2 ** 53;
/** TimeSeries.created_timestamp, a varint. */
const CREATED_TAG = 0x30;

export class RemoteWrite2Scan {
  at = 0;
  readonly #symbols = new SymbolTable();
  readonly #series = new SeriesColumns();
  readonly #draft = new SeriesDraft();
  readonly #field = new FieldReader();
  readonly #exemplar = new FieldReader();
  /** Metric names whose metadata has been seen, by symbol reference, and families, by text. */
  readonly #metadataOfName = new Set<number>();
  readonly #families = new Set<string>();
  #nameReference = -1;
  #droppedReference = -1;
  #bytes: Uint8Array = EMPTY;
  #end = 0;
  #seed = 0;
  #kernel: PushKernel | undefined;

  /**
   * Begins with bytes[0, size) and reads its symbols; malformed bytes throw `invalid`. The kernel is used
   * when it holds these bytes.
   */
  start(bytes: Uint8Array, size: number, seed: number, kernel?: PushKernel): void {
    this.#bytes = bytes;
    this.#end = size;
    this.#seed = seed;
    this.at = 0;
    this.#nameReference = -1;
    this.#droppedReference = -1;
    this.#metadataOfName.clear();
    this.#families.clear();
    const symbols = kernel?.holds(bytes) === true ? kernel.readSymbols() : undefined;
    // Of none, nothing is expanded; whether there should be some, the plain way says.
    this.#kernel = symbols === undefined || symbols.from.length === 0 ? undefined : kernel;
    if (this.#kernel === undefined) this.#symbols.read(bytes, size);
    else this.#symbols.take(bytes, symbols!.from, symbols!.to);
  }

  /** Lets go of the body. */
  release(): void {
    this.#draft.clear();
    this.start(EMPTY, 0, 0);
  }

  /** Scans about `budgetBytes` further; true when the body is done. */
  run(budgetBytes: number, rules: WriteRules, out: AcceptedWrite): boolean {
    const pause = Math.min(this.#end, this.at + budgetBytes);
    const series = this.#series;
    const kernel = rules.legacyNames || changesLabels(rules) ? undefined : this.#kernel;
    let describedAt = -1;
    while (this.at < pause) {
      if (kernel !== undefined) {
        this.at = kernel.expand(this.at, pause, rules, this.#seed, out);
        if (this.at >= pause) break;
      }
      const { at } = this;
      const field = this.#field.reset(this.#bytes, at, this.#end);
      field.next();
      this.at = field.at;
      if (field.field !== 5) continue;
      field.expect(WIRE_LENGTH, 'Request.timeseries');
      series.read(this.#bytes, field.from, field.to);
      this.#checkReferences();
      if (rules.dropped !== undefined) this.#drop(rules.dropped);
      if (series.hasMetadata) this.#takeMetadata(rules, out);
      if (kernel?.isMetadataFirst === true && describedAt < at) {
        // With that known the kernel takes the series itself.
        describedAt = at;
        this.at = at;
        continue;
      }
      if (series.sampleCount + series.histograms.length + series.exemplars.length === 0) {
        if (series.hasMetadata) continue;
      }
      if (this.#isPlain(rules)) this.#write(out);
      else this.#takeSlowPath(rules, out);
    }
    return this.at >= this.#end;
  }

  #checkReferences(): void {
    const { references, referenceCount } = this.#series;
    for (let index = 0; index < referenceCount; index++) this.#symbols.check(references[index]!);
  }

  /** Takes references of that label out. */
  #drop(label: Uint8Array): void {
    const series = this.#series;
    const { references } = series;
    let kept = 0;
    for (let index = 0; index < series.referenceCount; index += 2) {
      const name = references[index]!;
      if (this.#isDropped(name, label)) continue;
      references[kept] = name;
      references[kept + 1] = references[index + 1]!;
      kept += 2;
    }
    series.referenceCount = kept;
  }

  #isDropped(reference: number, label: Uint8Array): boolean {
    if (reference === this.#droppedReference) return true;
    if (!this.#reads(reference, label)) return false;
    this.#droppedReference = reference;
    return true;
  }

  #reads(reference: number, text: Uint8Array): boolean {
    if (this.#symbols.size(reference) !== text.length) return false;
    const from = this.#symbols.from[reference]!;
    for (let index = 0; index < text.length; index++) {
      if (this.#bytes[from + index] !== text[index]) return false;
    }
    return true;
  }

  /** Whether labels and samples can be written as they come. May refuse too much, never too little. */
  #isPlain(rules: WriteRules): boolean {
    const series = this.#series;
    const symbols = this.#symbols;
    if (series.histograms.length + series.exemplars.length > 0) return false;
    if (series.sampleCount === 0 || rules.relabel !== undefined) return false;
    if (series.referenceCount > rules.labelNamesMax * 2) return false;
    let metric = -1;
    for (let index = 0; index < series.referenceCount; index += 2) {
      const name = series.references[index]!;
      const value = series.references[index + 1]!;
      const valueSize = symbols.size(value);
      if (valueSize === 0 || valueSize > rules.labelValueBytesMax) return false;
      if (symbols.size(name) === 0 || symbols.size(name) > rules.labelNameBytesMax) return false;
      if (!symbols.isUtf8(name) || !symbols.isUtf8(value)) return false;
      if (index > 0 && !symbols.isBefore(series.references[index - 2]!, name)) return false;
      if (rules.legacyNames && !this.#isLegacyName(name)) return false;
      if (this.#isMetricName(name)) metric = value;
    }
    if (metric < 0) return false;
    if (rules.legacyNames) {
      const { from, to } = symbols;
      if (!isMetricName(this.#bytes, from[metric]!, to[metric]!, true)) return false;
    }
    return this.#samplesArePlain(rules);
  }

  #samplesArePlain(rules: WriteRules): boolean {
    const { timestamps, startTimes, sampleCount } = this.#series;
    const start = startTimes[0]!;
    if (start !== 0 && !(start > 0 && start < timestamps[0]!)) return false;
    let previous = -1;
    for (let index = 0; index < sampleCount; index++) {
      const timestamp = timestamps[index]!;
      if (timestamp <= previous || timestamp >= TIMESTAMP_HIGHEST) return false;
      if (timestamp > rules.timestampMaxMs || timestamp < rules.timestampMinMs) return false;
      if (startTimes[index] !== start) return false;
      previous = timestamp;
    }
    return true;
  }

  #isLegacyName(reference: number): boolean {
    const { from, to } = this.#symbols;
    return isLabelName(this.#bytes, from[reference]!, to[reference]!, true);
  }

  #isMetricName(reference: number): boolean {
    if (reference === this.#nameReference) return true;
    if (!this.#reads(reference, METRIC_NAME)) return false;
    this.#nameReference = reference;
    return true;
  }

  #write(out: AcceptedWrite): void {
    const series = this.#series;
    const symbols = this.#symbols;
    let size = 0;
    for (let index = 0; index < series.referenceCount; index += 2) {
      const name = series.references[index]!;
      size += labelSize(symbols.size(name), symbols.size(series.references[index + 1]!));
    }
    for (let index = 0; index < series.sampleCount; index++) {
      size += 12 + uvarintSize(series.timestamps[index]!);
    }
    const startMs = series.startTimes[0]!;
    if (startMs !== 0) size += 1 + uvarintSize(startMs);
    const sink = out.rewritten;
    sink.reserve(1 + uvarintSize(size) + size);
    const bytes = sink.bytes;
    const start = sink.size;
    bytes[start] = 0x0a;
    const labelsFrom = writeUvarint(bytes, start + 1, size);
    const labelsTo = this.#writeLabels(bytes, labelsFrom);
    let end = this.#writeSamples(bytes, labelsTo);
    if (startMs !== 0) {
      bytes[end] = CREATED_TAG;
      end = writeUvarint(bytes, end + 1, startMs);
    }
    sink.size = end;
    const hash = hashBytes(bytes, labelsFrom, labelsTo, this.#seed);
    out.push(~start, end - start, hash, series.sampleCount);
    out.samplesIn += series.sampleCount;
    out.samplesOk += series.sampleCount;
  }

  #writeLabels(bytes: Uint8Array, start: number): number {
    const { references, referenceCount } = this.#series;
    const symbols = this.#symbols;
    let at = start;
    for (let index = 0; index < referenceCount; index += 2) {
      const name = references[index]!;
      const value = references[index + 1]!;
      const nameSize = symbols.size(name);
      const valueSize = symbols.size(value);
      const inner = 2 + uvarintSize(nameSize) + nameSize + uvarintSize(valueSize) + valueSize;
      bytes[at++] = 0x0a;
      at = writeUvarint(bytes, at, inner);
      bytes[at++] = 0x0a;
      at = writeUvarint(bytes, at, nameSize);
      at = this.#copySymbol(name, bytes, at);
      bytes[at++] = 0x12;
      at = writeUvarint(bytes, at, valueSize);
      at = this.#copySymbol(value, bytes, at);
    }
    return at;
  }

  #copySymbol(reference: number, bytes: Uint8Array, start: number): number {
    const body = this.#bytes;
    const to = this.#symbols.to[reference]!;
    let at = start;
    for (let index = this.#symbols.from[reference]!; index < to; index++)
      bytes[at++] = body[index]!;
    return at;
  }

  #writeSamples(bytes: Uint8Array, start: number): number {
    const { timestamps, valueLow, valueHigh, sampleCount } = this.#series;
    let at = start;
    for (let index = 0; index < sampleCount; index++) {
      const timestamp = timestamps[index]!;
      const low = valueLow[index]!;
      const high = valueHigh[index]!;
      bytes[at++] = 0x12;
      bytes[at++] = 10 + uvarintSize(timestamp);
      bytes[at++] = 0x09;
      for (let shift = 0; shift < 32; shift += 8) bytes[at++] = low >>> shift;
      for (let shift = 0; shift < 32; shift += 8) bytes[at++] = high >>> shift;
      bytes[at++] = 0x10;
      at = writeUvarint(bytes, at, timestamp);
    }
    return at;
  }

  #takeSlowPath(rules: WriteRules, out: AcceptedWrite): void {
    const series = this.#series;
    const draft = this.#draft;
    draft.clear();
    this.#resolve(series.references, series.referenceCount, draft.labels);
    for (let index = 0; index < series.sampleCount; index++) {
      const timestamp = series.timestamps[index]!;
      const low = series.valueLow[index]!;
      const high = series.valueHigh[index]!;
      draft.addSample(timestamp, low, high, series.startTimes[index]!);
    }
    for (let index = 0; index < series.histograms.length; index += 2) {
      const { histograms } = series;
      draft.histograms.push(this.#bytes.subarray(histograms[index], histograms[index + 1]));
    }
    for (let index = 0; index < series.exemplars.length; index += 2) {
      const { exemplars } = series;
      draft.exemplars.push(this.#parseExemplar(exemplars[index]!, exemplars[index + 1]!));
    }
    draft.finish(rules, this.#seed, out);
  }

  #resolve(
    references: ArrayLike<number>,
    count: number,
    labels: { push(label: NamedLabel): void },
  ): void {
    for (let index = 0; index < count; index += 2) {
      const name = this.#symbols.bytes(references[index]!);
      const value = this.#symbols.bytes(references[index + 1]!);
      labels.push({ name, value });
    }
  }

  #parseExemplar(from: number, to: number): ExemplarDraft {
    const draft: ExemplarDraft = { labels: [], timestamp: 0, valueLow: 0, valueHigh: 0 };
    const references: number[] = [];
    const field = this.#exemplar.reset(this.#bytes, from, to);
    while (field.next()) {
      if (field.field === 1) readUint32s(this.#bytes, field, 'labels_refs', references);
      else readExemplarField(this.#bytes, field, draft);
    }
    if (references.length % 2 !== 0) {
      throw new WeirError('invalid', 'remote write 2.0: odd number of label references');
    }
    for (const reference of references) this.#symbols.check(reference);
    this.#resolve(references, references.length, draft.labels);
    return draft;
  }

  /** Metadata belongs to the family: the first one of a request counts, once. */
  #takeMetadata(rules: WriteRules, out: AcceptedWrite): void {
    const series = this.#series;
    const { metadataType: type, helpReference, unitReference } = series;
    this.#symbols.check(helpReference);
    this.#symbols.check(unitReference);
    if (type === 0 && helpReference === 0 && unitReference === 0) return;
    const metric = this.#metricReference();
    if (metric < 0 || this.#metadataOfName.has(metric)) return;
    this.#metadataOfName.add(metric);
    this.#kernel?.sawMetadata(metric);
    const family = familyOf(this.#symbols.bytes(metric), type);
    const key = Buffer.from(family).toString('latin1');
    if (this.#families.has(key)) return;
    this.#families.add(key);
    const help = this.#symbols.bytes(helpReference);
    const unit = this.#symbols.bytes(unitReference);
    acceptMetadata({ type, family, help, unit }, rules, this.#seed, out);
  }

  #metricReference(): number {
    const { references, referenceCount } = this.#series;
    for (let index = 0; index < referenceCount; index += 2) {
      if (this.#isMetricName(references[index]!)) return references[index + 1]!;
    }
    return -1;
  }
}
