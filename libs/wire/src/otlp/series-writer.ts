// Series of OTLP points, written as the runs that records are made of (AcceptedWrite). Points that look
// like those before them (series-shape.ts) are written label by label, straight from the body; everything
// else becomes a SeriesDraft, as in remote write, which sorts, judges and refuses in Mimir's order. So the
// rules and texts are those of all protocols.
import { isUtf8 } from 'node:buffer';
import { text, uvarintSize, writeUvarint } from '@weir/bytes';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import { isMetricName } from '../write-request/names.ts';
import { LabelScreen } from '../write-request/screen.ts';
import { SeriesDraft } from '../write-request/series-draft.ts';
import { changesLabels, type WriteRules } from '../write-request/write-rules.ts';
import { AttributeKeys, compareKeys } from './attribute-keys.ts';
import { type ConstantLabels, ConstantLabelsCache, joined } from './constant-labels.ts';
import { PointAttributes } from './point-attributes.ts';
import {
  EXTRA_NAMES,
  FIRST_CONSTANT,
  METRIC_NAME,
  type SeriesShape,
  SeriesShapes,
} from './series-shape.ts';
import type { OtlpTranslation } from './translation.ts';

const EMPTY = new Uint8Array(0);
const NAME = new TextEncoder().encode('__name__');
const TIMESTAMP_HIGHEST = 2 ** 53;
const VARINT_MAX_BYTES = 10;

/** What is known across requests that are translated by the same rules. */
export class TranslationMemory {
  readonly keys: AttributeKeys;
  readonly constants: ConstantLabelsCache;
  readonly shapes: SeriesShapes;

  constructor(translation: OtlpTranslation, rules: WriteRules) {
    this.keys = new AttributeKeys(translation);
    this.constants = new ConstantLabelsCache(translation);
    this.shapes = new SeriesShapes(this.keys, rules);
  }

  get isFull(): boolean {
    return this.keys.isFull || this.constants.isFull || this.shapes.isFull;
  }
}

/** One sample: value as its two little-endian halves, times in ms, `startMs` 0 where unknown. */
export interface PointSample {
  readonly timeMs: number;
  readonly startMs: number;
  readonly low: number;
  readonly high: number;
}

interface WrittenLabels {
  /** Of the point. */
  serial: number;
  shape: SeriesShape | undefined;
  metric: Uint8Array;
  bytes: Uint8Array;
  from: number;
  extraFrom: number;
  extraTo: number;
  to: number;
}

export class SeriesWriter {
  readonly attributes = new PointAttributes();
  constants: ConstantLabels = {
    shapeId: -1,
    labels: [],
    valueBytesMax: 0,
    isText: true,
    target: undefined,
  };
  /** Of the extra label, where the series has one. */
  extraValue: Uint8Array = EMPTY;
  /** Of the series written since it was cleared, by their extra label, where they are kept. */
  readonly lastShapes: (SeriesShape | undefined)[] = [];
  readonly #draft = new SeriesDraft();
  readonly #screen = new LabelScreen();
  #view: DataView = new DataView(EMPTY.buffer);
  #bytes: Uint8Array = EMPTY;
  #rules: WriteRules | undefined;
  #memory: TranslationMemory | undefined;
  #seed = 0;
  #labelsSize = 0;
  /** Where the labels lie that were written last, for the next series of the same point. */
  readonly #last: WrittenLabels = {
    ...{ serial: -1, shape: undefined, metric: EMPTY, bytes: EMPTY },
    ...{ from: 0, extraFrom: 0, extraTo: 0, to: 0 },
  };
  readonly #time = new Uint8Array(VARINT_MAX_BYTES);
  #timeMs = -1;
  #timeSize = 0;

  start(bytes: Uint8Array, rules: WriteRules, memory: TranslationMemory, seed: number): void {
    this.#bytes = bytes;
    this.#rules = rules;
    this.#memory = memory;
    this.#seed = seed;
    this.attributes.useKeys(memory.keys);
  }

  release(): void {
    this.#bytes = EMPTY;
    this.#draft.clear();
  }

  /** A series of the current point with one sample; `extra` says which label `extraValue` is. */
  write(metric: Uint8Array, extra: number, sample: PointSample, out: AcceptedWrite): void {
    const { attributes, constants } = this;
    const shape = this.#memory!.shapes.of(attributes, constants, extra);
    this.lastShapes[extra] = shape;
    const isPlain = shape?.order !== undefined && !changesLabels(this.#rules!);
    if (isPlain && this.#writePlain(shape, metric, sample, out)) return;
    this.writeDraft(metric, extra, out, (draft) => {
      draft.addSample(sample.timeMs, sample.low, sample.high, sample.startMs);
    });
  }

  /** The same with whatever `fill` adds: exemplars, native histograms. */
  writeDraft(
    metric: Uint8Array,
    extra: number,
    out: AcceptedWrite,
    fill: (draft: SeriesDraft) => void,
  ): void {
    const draft = this.#draft;
    draft.clear();
    fill(draft);
    if (!this.#draftLabels(metric, extra)) {
      const samples = draft.timestamps.length;
      out.samplesIn += samples;
      out.histogramsIn += draft.histograms.length;
      out.reject('otlp_parse_error', samples + draft.histograms.length, () =>
        parseError(
          `a data point of the metric '${text(metric)}' has an attribute whose key can't be a label name`,
        ),
      );
      return;
    }
    draft.finish(this.#rules!, this.#seed, out);
  }

  #writePlain(
    shape: SeriesShape,
    metric: Uint8Array,
    sample: PointSample,
    out: AcceptedWrite,
  ): boolean {
    const rules = this.#rules!;
    const { timeMs, startMs } = sample;
    if (timeMs > rules.timestampMaxMs || timeMs < rules.timestampMinMs) return false;
    if (timeMs >= TIMESTAMP_HIGHEST || (startMs > 0 && startMs >= timeMs)) return false;
    if (rules.legacyNames && !isMetricName(metric, 0, metric.length, true)) return false;
    if (!this.#measure(shape, metric, rules)) return false;
    if (timeMs !== this.#timeMs) this.#encodeTime(timeMs);
    const sampleBytes = 10 + this.#timeSize;
    let size = this.#labelsSize + 2 + sampleBytes;
    if (startMs > 0) size += 1 + uvarintSize(startMs);
    const sink = out.rewritten;
    sink.reserve(1 + uvarintSize(size) + size);
    const { bytes, size: start } = sink;
    bytes[start] = 0x0a;
    const labelsFrom = writeUvarint(bytes, start + 1, size);
    const labelsTo = this.#writeLabels(shape, metric, bytes, labelsFrom);
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    this.#screen.run(bytes, this.#view, labelsFrom, labelsTo, this.#seed);
    if (!this.#screen.ascii && !this.#valuesAreText(metric)) {
      this.#last.serial = -1;
      return false;
    }
    let at = labelsTo;
    bytes[at++] = 0x12;
    bytes[at++] = sampleBytes;
    bytes[at++] = 0x09;
    const { low, high } = sample;
    for (let shift = 0; shift < 32; shift += 8) bytes[at++] = low >>> shift;
    for (let shift = 0; shift < 32; shift += 8) bytes[at++] = high >>> shift;
    bytes[at++] = 0x10;
    for (let index = 0; index < this.#timeSize; index++) bytes[at++] = this.#time[index]!;
    if (startMs > 0) {
      bytes[at] = 0x30;
      at = writeUvarint(bytes, at + 1, startMs);
    }
    sink.size = at;
    out.push(~start, at - start, this.#screen.hash, 1);
    out.samplesIn++;
    out.samplesOk++;
    return true;
  }

  /** Sums up the labels' size; false when a value is against the rules. */
  #measure(shape: SeriesShape, metric: Uint8Array, rules: WriteRules): boolean {
    const { constants, attributes } = this;
    const order = shape.order!;
    const valueMax = rules.labelValueBytesMax;
    if (constants.valueBytesMax > valueMax || metric.length > valueMax) return false;
    if (this.#isRepeated(shape, metric)) {
      const { from, extraFrom, extraTo, to } = this.#last;
      const valueSize = this.extraValue.length;
      const inner = shape.heads[shape.extraIndex]!.length + varintSize(valueSize) + valueSize;
      this.#labelsSize = extraFrom - from + 1 + varintSize(inner) + inner + to - extraTo;
      return valueSize <= valueMax;
    }
    let size = 0;
    for (let index = 0; index < order.length; index++) {
      const source = order[index]!;
      if (source <= FIRST_CONSTANT) {
        size += constants.labels[FIRST_CONSTANT - source]!.field.length;
        continue;
      }
      const valueSize =
        source >= 0
          ? attributes.size[source]!
          : source === METRIC_NAME
            ? metric.length
            : this.extraValue.length;
      if (valueSize > valueMax) return false;
      const inner = shape.heads[index]!.length + varintSize(valueSize) + valueSize;
      size += 1 + varintSize(inner) + inner;
    }
    this.#labelsSize = size;
    return true;
  }

  #writeLabels(shape: SeriesShape, metric: Uint8Array, out: Uint8Array, start: number): number {
    const { constants, attributes } = this;
    const body = this.#bytes;
    const order = shape.order!;
    const last = this.#last;
    if (last.bytes === out && this.#isRepeated(shape, metric)) {
      return this.#repeatLabels(shape, out, start);
    }
    let at = start;
    for (let index = 0; index < order.length; index++) {
      const source = order[index]!;
      if (source <= FIRST_CONSTANT) {
        const { field } = constants.labels[FIRST_CONSTANT - source]!;
        for (let from = 0; from < field.length; from++) out[at++] = field[from]!;
        continue;
      }
      let value = body;
      let from = 0;
      let size = 0;
      if (source >= 0) {
        from = attributes.from[source]!;
        size = attributes.size[source]!;
        if (from < 0) {
          value = attributes.texts.bytes;
          from = ~from;
        }
      } else {
        value = source === METRIC_NAME ? metric : this.extraValue;
        size = value.length;
      }
      if (index === shape.extraIndex) last.extraFrom = at;
      const head = shape.heads[index]!;
      out[at++] = 0x0a;
      at = writeSize(out, at, head.length + varintSize(size) + size);
      for (let each = 0; each < head.length; each++) out[at++] = head[each]!;
      at = writeSize(out, at, size);
      for (const to = from + size; from < to; from++) out[at++] = value[from]!;
      if (index === shape.extraIndex) last.extraTo = at;
    }
    last.bytes = out;
    last.shape = shape;
    last.metric = metric;
    last.serial = attributes.serial;
    last.from = start;
    last.to = at;
    return at;
  }

  /** Whether the series before was of the same point and name: then only the extra label differs. */
  #isRepeated(shape: SeriesShape, metric: Uint8Array): boolean {
    const { serial, shape: lastShape, metric: lastMetric } = this.#last;
    if (serial !== this.attributes.serial || shape !== lastShape) return false;
    return metric === lastMetric && shape.extraIndex >= 0;
  }

  /** Copies the labels written last, with another extra label. */
  #repeatLabels(shape: SeriesShape, out: Uint8Array, start: number): number {
    const last = this.#last;
    const { extraValue } = this;
    out.copyWithin(start, last.from, last.extraFrom);
    const extraFrom = start + last.extraFrom - last.from;
    const head = shape.heads[shape.extraIndex]!;
    let at = extraFrom;
    out[at++] = 0x0a;
    at = writeSize(out, at, head.length + varintSize(extraValue.length) + extraValue.length);
    for (let index = 0; index < head.length; index++) out[at++] = head[index]!;
    at = writeSize(out, at, extraValue.length);
    for (let index = 0; index < extraValue.length; index++) out[at++] = extraValue[index]!;
    out.copyWithin(at, last.extraTo, last.to);
    const to = at + last.to - last.extraTo;
    last.from = start;
    last.extraFrom = extraFrom;
    last.extraTo = at;
    last.to = to;
    return to;
  }

  #encodeTime(timeMs: number): void {
    this.#timeSize = writeUvarint(this.#time, 0, timeMs);
    this.#timeMs = timeMs;
  }

  #valuesAreText(metric: Uint8Array): boolean {
    const { attributes, constants } = this;
    if (!constants.isText || !isUtf8(metric)) return false;
    for (let index = 0; index < attributes.count; index++) {
      if (!isUtf8(attributes.value(this.#bytes, index))) return false;
    }
    return true;
  }

  /** Sets the draft's labels as they are merged; false when a key can't be a label name. */
  #draftLabels(metric: Uint8Array, extra: number): boolean {
    const { attributes, constants } = this;
    const keys = this.#memory!.keys;
    const bytes = this.#bytes;
    const all = Array.from({ length: attributes.count }, (_, index) => {
      const key = bytes.subarray(attributes.keyFrom[index]!, attributes.keyTo[index]!);
      const id = attributes.ids[index]!;
      return {
        ...(id < 0 ? keys.translate(key) : keys.at(id)),
        value: attributes.value(bytes, index),
      };
    });
    all.sort(compareKeys);
    const found = new Map<string, { readonly name: Uint8Array; readonly value: Uint8Array }>();
    for (const { name, value } of all) {
      if (name === undefined) return false;
      const label = Buffer.from(name).toString('latin1');
      found.set(label, { name, value: joined(found.get(label)?.value, value) });
    }
    for (const { name, value, isPromoted } of constants.labels) {
      const label = Buffer.from(name).toString('latin1');
      if (isPromoted && (found.get(label)?.value.length ?? 0) > 0) continue;
      found.set(label, { name, value });
    }
    found.set('__name__', { name: NAME, value: metric });
    const extraName = EXTRA_NAMES[extra];
    if (extraName !== undefined) {
      found.set(text(extraName), { name: extraName, value: this.extraValue });
    }
    for (const label of found.values()) this.#draft.labels.push(label);
    return true;
  }
}

/** Mimir's words for what can't be translated. */
export function parseError(message: string): string {
  return `otlp parse error: ${message}`;
}

function varintSize(value: number): number {
  return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : uvarintSize(value);
}

function writeSize(out: Uint8Array, at: number, value: number): number {
  if (value < 128) {
    out[at] = value;
    return at + 1;
  }
  return writeUvarint(out, at, value);
}
