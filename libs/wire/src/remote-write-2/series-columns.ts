// One TimeSeries of remote write 2.0 as columns: label references and samples, reused from series to
// series. Exemplars and histograms are kept as ranges of the body, for the slow path to read.
import { WeirError } from '@weir/errors';
import {
  FieldReader,
  int32At,
  WIRE_FIXED64,
  WIRE_LENGTH,
  WIRE_VARINT,
} from '../protobuf/field-reader.ts';

export class SeriesColumns {
  references: Uint32Array = new Uint32Array(64);
  referenceCount = 0;
  timestamps: Float64Array = new Float64Array(16);
  valueLow: Int32Array = new Int32Array(16);
  valueHigh: Int32Array = new Int32Array(16);
  sampleCount = 0;
  /** Since when each sample counts, ms; 0 where unknown. */
  startTimes: Float64Array = new Float64Array(16);
  /** Messages in the body: where each starts and ends. */
  readonly histograms: number[] = [];
  readonly exemplars: number[] = [];
  hasMetadata = false;
  metadataType = 0;
  helpReference = 0;
  unitReference = 0;
  readonly #field = new FieldReader();
  readonly #inner = new FieldReader();

  /** Reads bytes[from, to); malformed bytes are `invalid` errors, unknown fields are skipped. */
  read(bytes: Uint8Array, from: number, to: number): void {
    this.referenceCount = 0;
    this.sampleCount = 0;
    this.histograms.length = 0;
    this.exemplars.length = 0;
    this.hasMetadata = false;
    const field = this.#field.reset(bytes, from, to);
    while (field.next()) {
      switch (field.field) {
        case 1:
          this.#readReferences(bytes, field);
          break;
        case 2:
          field.expect(WIRE_LENGTH, 'TimeSeries.samples');
          this.#readSample(bytes, field.from, field.to);
          break;
        case 3:
          field.expect(WIRE_LENGTH, 'TimeSeries.histograms');
          this.histograms.push(field.from, field.to);
          break;
        case 4:
          field.expect(WIRE_LENGTH, 'TimeSeries.exemplars');
          this.exemplars.push(field.from, field.to);
          break;
        case 5:
          field.expect(WIRE_LENGTH, 'TimeSeries.metadata');
          this.#readMetadata(bytes, field.from, field.to);
          break;
      }
    }
    if (this.referenceCount % 2 !== 0) {
      throw new WeirError('invalid', 'remote write 2.0: odd number of label references');
    }
  }

  #readReferences(bytes: Uint8Array, field: FieldReader): void {
    if (field.wireType !== WIRE_VARINT) field.expect(WIRE_LENGTH, 'TimeSeries.labels_refs');
    let value = 0;
    let shift = 0;
    for (let at = field.from; at < field.to; at++) {
      const byte = bytes[at]!;
      if (shift < 32) value |= (byte & 127) << shift;
      shift += 7;
      if (byte >= 128) {
        if (shift > 63) throw new WeirError('invalid', 'varint is longer than ten bytes');
        continue;
      }
      this.#addReference(value >>> 0);
      value = 0;
      shift = 0;
    }
    if (shift !== 0) throw new WeirError('invalid', 'proto: labels_refs: truncated varint');
  }

  #addReference(reference: number): void {
    if (this.referenceCount === this.references.length) {
      const grown = new Uint32Array(this.references.length * 2);
      grown.set(this.references);
      this.references = grown;
    }
    this.references[this.referenceCount++] = reference;
  }

  #readSample(bytes: Uint8Array, from: number, to: number): void {
    if (this.sampleCount === this.timestamps.length) this.#growSamples();
    const index = this.sampleCount++;
    this.timestamps[index] = 0;
    this.startTimes[index] = 0;
    this.valueLow[index] = 0;
    this.valueHigh[index] = 0;
    const inner = this.#inner.reset(bytes, from, to);
    while (inner.next()) {
      if (inner.field === 1) {
        inner.expect(WIRE_FIXED64, 'Sample.value');
        this.valueLow[index] = int32At(bytes, inner.from);
        this.valueHigh[index] = int32At(bytes, inner.from + 4);
      } else if (inner.field === 2) {
        inner.expect(WIRE_VARINT, 'Sample.timestamp');
        this.timestamps[index] = inner.int64();
      } else if (inner.field === 3) {
        inner.expect(WIRE_VARINT, 'Sample.start_timestamp');
        this.startTimes[index] = inner.int64();
      }
    }
  }

  #readMetadata(bytes: Uint8Array, from: number, to: number): void {
    this.hasMetadata = true;
    this.metadataType = 0;
    this.helpReference = 0;
    this.unitReference = 0;
    const inner = this.#inner.reset(bytes, from, to);
    while (inner.next()) {
      if (inner.field !== 1 && inner.field !== 3 && inner.field !== 4) continue;
      inner.expect(WIRE_VARINT, 'TimeSeries.metadata');
      if (inner.field === 1) this.metadataType = inner.uint32();
      else if (inner.field === 3) this.helpReference = inner.uint32();
      else this.unitReference = inner.uint32();
    }
  }

  #growSamples(): void {
    const capacity = this.timestamps.length * 2;
    const timestamps = new Float64Array(capacity);
    const startTimes = new Float64Array(capacity);
    const valueLow = new Int32Array(capacity);
    const valueHigh = new Int32Array(capacity);
    timestamps.set(this.timestamps);
    startTimes.set(this.startTimes);
    valueLow.set(this.valueLow);
    valueHigh.set(this.valueHigh);
    this.timestamps = timestamps;
    this.startTimes = startTimes;
    this.valueLow = valueLow;
    this.valueHigh = valueHigh;
  }
}
