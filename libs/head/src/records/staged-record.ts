// First of the two passes over a record: walks the WriteRequest's bytes, finds the series it knows, and
// writes series and samples to columns. It changes no state, so a record that turns out to be damaged
// leaves no trace. Known series cost one comparison of their label bytes: the series that followed the
// last one last time is tried first, then the hash table.
import { type Cursor, grown, readUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { R, type SeriesStore } from '../series/series-store.ts';
import { canonicalLabels, isCanonical } from './canonical-labels.ts';

/** Tags of WriteRequest, TimeSeries and Sample (prompb, cortexpb). */
const SERIES = 0x0a;
const METADATA = 0x1a;
const SOURCE = 0x10;
/** Of Mimir's enum. */
const FROM_RULES = 1;
const LABEL = 0x0a;
const SAMPLE = 0x12;
const EXEMPLAR = 0x1a;
const HISTOGRAM = 0x22;
const CREATED = 0x30;
const VALUE = 0x09;
const TIMESTAMP = 0x10;

export class StagedRecord implements Cursor {
  at = 0;
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Per series: its ref, or -1 and where its label bytes are, and their hash. */
  seriesCount = 0;
  refs = new Int32Array(256);
  labelsFrom = new Int32Array(256);
  labelsLength = new Int32Array(256);
  hashes = new Int32Array(256);
  /** Canonical labels that had to be made, by series; else they lie in the record. */
  readonly remade = new Map<number, Uint8Array>();
  /** Samples of series s end here; they begin where those of s − 1 end. */
  samplesTo = new Int32Array(256);
  sampleCount = 0;
  times = new Float64Array(256);
  bits = new Int32Array(512);
  /** Of histograms and of exemplars: index of the series, from and to of the message, in turn. */
  readonly histograms: number[] = [];
  readonly exemplars: number[] = [];
  /** Index of a series and its created timestamp, in turn. */
  readonly created: number[] = [];
  /** The record says that a ruler made it. */
  fromRules = false;
  /** Positions of metadata messages, from and to in turn. */
  readonly metadata: number[] = [];
  readonly #store: SeriesStore;

  constructor(store: SeriesStore) {
    this.#store = store;
  }

  /** Makes room for so much, of known series and floats alone, which the caller puts here. */
  expect(seriesCount: number, sampleCount: number): void {
    while (this.refs.length < seriesCount) this.#growSeries();
    while (this.times.length < sampleCount) this.#growSamples();
    this.#clear();
    this.seriesCount = seriesCount;
    this.sampleCount = sampleCount;
  }

  /** No samples are staged but floats. */
  get hasFloatsOnly(): boolean {
    const { histograms, exemplars, created } = this;
    return histograms.length + exemplars.length + created.length === 0;
  }

  #clear(): void {
    this.seriesCount = 0;
    this.sampleCount = 0;
    this.histograms.length = 0;
    this.exemplars.length = 0;
    this.created.length = 0;
    this.remade.clear();
    this.metadata.length = 0;
    this.fromRules = false;
  }

  /** Throws `invalid` on bytes that are no WriteRequest. `last` is ref + 1 of the tenant's last series. */
  read(bytes: Uint8Array, tenant: number, last: number): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.#clear();
    let previous = last;
    while (this.at < bytes.length) {
      const tag = bytes[this.at];
      if (tag === SERIES) {
        this.at++;
        previous = this.#readSeries(this.#length(bytes.length), tenant, previous);
      } else if (tag === METADATA) {
        this.at++;
        const end = this.#length(bytes.length);
        this.metadata.push(this.at, end);
        this.at = end;
      } else {
        if (tag === SOURCE) this.fromRules = bytes[this.at + 1] === FROM_RULES;
        this.#skip(bytes.length);
      }
    }
  }

  /** Reads a length and returns where that many bytes end. */
  #length(limit: number): number {
    const { bytes, at } = this;
    let length = 0;
    if (at < limit && bytes[at] < 128) {
      length = bytes[at];
      this.at = at + 1;
    } else if (at + 1 < limit && bytes[at + 1] < 128) {
      length = (bytes[at] & 127) | (bytes[at + 1] << 7);
      this.at = at + 2;
    } else {
      length = readUvarint(bytes, this, limit);
    }
    const end = this.at + length;
    if (end > limit) throw new WeirError('invalid', 'message reaches past the end of its record');
    return end;
  }

  #skip(limit: number): void {
    const tag = readUvarint(this.bytes, this, limit);
    switch (tag & 7) {
      case 0:
        readUvarint(this.bytes, this, limit);
        break;
      case 1:
        this.at += 8;
        break;
      case 2:
        this.at = this.#length(limit);
        break;
      case 5:
        this.at += 4;
        break;
      default:
        throw new WeirError('invalid', `wire type ${tag & 7}`);
    }
    if (tag < 8 || this.at > limit) throw new WeirError('invalid', 'damaged field');
  }

  #readSeries(end: number, tenant: number, previous: number): number {
    const from = this.at;
    const index = this.seriesCount;
    if (index === this.refs.length) this.#growSeries();
    let ref = this.#predicted(from, end, tenant, previous);
    if (ref < 0) ref = this.#find(from, end, tenant, previous);
    this.refs[index] = ref;
    let labelsAgain = false;
    while (this.at < end) {
      const tag = this.bytes[this.at];
      if (tag === SAMPLE) {
        this.at++;
        this.#readSample(this.#length(end));
      } else if (tag === HISTOGRAM || tag === EXEMPLAR) {
        this.at++;
        const to = this.#length(end);
        (tag === HISTOGRAM ? this.histograms : this.exemplars).push(index, this.at, to);
        this.at = to;
      } else if (tag === CREATED) {
        this.at++;
        this.created.push(index, this.#timestamp(end));
      } else {
        if (tag === LABEL) labelsAgain = true;
        this.#skip(end);
      }
    }
    if (labelsAgain) this.#remake(index, from, end, tenant);
    this.samplesTo[index] = this.sampleCount;
    this.seriesCount++;
    return this.refs[index] + 1;
  }

  /** Tries the series that followed `previous`; on success the cursor stands behind the labels. */
  #predicted(from: number, end: number, tenant: number, previous: number): number {
    if (previous === 0) return -1;
    const store = this.#store;
    const ref = store.record(previous - 1, R.next) - 1;
    if (ref < 0) return -1;
    const to = store.matchLabels(ref, this.view, from, end, tenant);
    if (to < 0 || (to < end && this.bytes[to] === LABEL)) return -1;
    this.at = to;
    return ref;
  }

  /** Walks the labels and looks them up; leaves the cursor behind them. */
  #find(from: number, end: number, tenant: number, previous: number): number {
    while (this.at < end && this.bytes[this.at] === LABEL) {
      this.at++;
      this.at = this.#length(end);
    }
    const store = this.#store;
    const index = this.seriesCount;
    const length = this.at - from;
    this.labelsFrom[index] = from;
    this.labelsLength[index] = length;
    const hash = store.hash(this.view, from, this.at, tenant);
    this.hashes[index] = hash;
    const ref = length === 0 ? -1 : store.find(this.view, from, length, hash, tenant);
    if (ref >= 0) {
      if (previous !== 0) store.setNext(previous - 1, ref);
      return ref;
    }
    if (isCanonical(this.bytes, from, this.at)) return -1;
    this.#remake(index, from, this.at, tenant);
    return this.refs[index];
  }

  /** Labels out of order or out of place: makes canonical ones and looks these up. */
  #remake(index: number, from: number, end: number, tenant: number): void {
    const labels = canonicalLabels(this.bytes, from, end);
    const view = new DataView(labels.buffer, labels.byteOffset, labels.byteLength);
    const hash = this.#store.hash(view, 0, labels.length, tenant);
    this.hashes[index] = hash;
    this.refs[index] =
      labels.length === 0 ? -1 : this.#store.find(view, 0, labels.length, hash, tenant);
    this.labelsLength[index] = labels.length;
    this.remade.set(index, labels);
  }

  #readSample(end: number): void {
    const at = this.at;
    if (this.sampleCount === this.times.length) this.#growSamples();
    const index = this.sampleCount++;
    const { bytes, view } = this;
    if (end - at >= 11 && bytes[at] === VALUE && bytes[at + 9] === TIMESTAMP) {
      this.bits[2 * index] = view.getInt32(at + 1, true);
      this.bits[2 * index + 1] = view.getInt32(at + 5, true);
      if (end - at === 16 && this.#readDate(at + 10, index)) {
        this.at = end;
        return;
      }
      this.at = at + 10;
      this.times[index] = this.#timestamp(end);
      if (this.at === end) return;
      this.at = at;
    }
    this.#readLooseSample(index, end);
  }

  /** Fields missing, repeated, unknown or in another order. */
  #readLooseSample(index: number, end: number): void {
    this.bits[2 * index] = 0;
    this.bits[2 * index + 1] = 0;
    this.times[index] = 0;
    while (this.at < end) {
      const tag = this.bytes[this.at];
      if (tag === VALUE && end - this.at >= 9) {
        this.bits[2 * index] = this.view.getInt32(this.at + 1, true);
        this.bits[2 * index + 1] = this.view.getInt32(this.at + 5, true);
        this.at += 9;
      } else if (tag === TIMESTAMP) {
        this.at++;
        this.times[index] = this.#timestamp(end);
      } else {
        this.#skip(end);
      }
    }
  }

  /** A varint of six bytes, as every time between 1971 and 2109 is; else false. */
  #readDate(at: number, index: number): boolean {
    const { bytes } = this;
    const head = this.view.getInt32(at, true);
    const fifth = bytes[at + 4];
    const sixth = bytes[at + 5];
    if ((head & 0x80808080) !== (0x80808080 | 0) || fifth < 128 || sixth > 127) return false;
    const low =
      (head & 0x7f) |
      ((head >>> 1) & 0x3f80) |
      ((head >>> 2) & 0x1fc000) |
      ((head >>> 3) & 0xfe00000);
    this.times[index] = low + ((fifth & 127) | (sixth << 7)) * 0x10000000;
    return true;
  }

  /** An int64 varint; negative ones take ten bytes. Far beyond 2^53 it is only roughly right. */
  #timestamp(end: number): number {
    let low = 0;
    let at = this.at;
    const { bytes } = this;
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) throw new WeirError('invalid', 'unexpected end of a timestamp');
      const byte = bytes[at++];
      low |= (byte & 127) << shift;
      if (byte < 128) {
        this.at = at;
        return low;
      }
    }
    // The other bits: 28 to 63, as a signed number of 36 bits.
    let high = 0;
    let scale = 1;
    for (let count = 0; count < 6; count++, scale *= 128) {
      if (at >= end) throw new WeirError('invalid', 'unexpected end of a timestamp');
      const byte = bytes[at++];
      high += (byte & 127) * scale;
      if (byte < 128) {
        this.at = at;
        high %= 68719476736;
        return (high >= 34359738368 ? high - 68719476736 : high) * 268435456 + low;
      }
    }
    throw new WeirError('invalid', 'timestamp is longer than ten bytes');
  }

  #growSeries(): void {
    this.refs = grown(this.refs);
    this.labelsFrom = grown(this.labelsFrom);
    this.labelsLength = grown(this.labelsLength);
    this.hashes = grown(this.hashes);
    this.samplesTo = grown(this.samplesTo);
  }

  #growSamples(): void {
    this.times = grown(this.times);
    this.bits = grown(this.bits);
  }
}
