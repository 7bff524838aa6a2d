// Rows of label sets: the series of a page with what was computed of their labels, so that a head opens
// without hashing a byte. Series of one metric share most labels, so each is written as what differs from
// the one before it in the row: a bit for each label that is the same in the same place, the others with
// their bytes and hashes. About a third of the bytes of the label sets, and of the work to read them.
import { grown, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { LabelReader } from '@weir/model';
import { PAGE_SLOTS, type Page } from '../pages/pages.ts';
import { hashView } from '../series/hash-view.ts';
import { R, type SeriesStore } from '../series/series-store.ts';

const HEADER = 12;
/** Slot and hash of a series, and the hash of a label. */
const SERIES_HEADER = 5;
const HASH = 4;
/** More than a row takes for a label beside its bytes. */
const LABEL_OVERHEAD = 8;

let out = new Uint8Array(1 << 16);
let outView = new DataView(out.buffer);
const reader = new LabelReader();

/**
 * Epoch, metric, tenant; then per series its slot (a byte), its hash, the number of its labels (uvarint), a
 * bit for each label, lowest first: set where it is that of the series before in this place; then the
 * other labels: hash, length (uvarint), canonical bytes. Returns a view that the next call writes over.
 */
export function encodeLabelsRow(store: SeriesStore, page: Page, epoch: number): Uint8Array {
  const { tenant } = page.metric;
  outView.setUint32(0, epoch, true);
  outView.setUint32(4, page.metric.id, true);
  outView.setUint32(8, tenant, true);
  let at = HEADER;
  let before: Uint8Array = new Uint8Array(0);
  let beforeEnds: number[] = [];
  for (let slot = 0; slot < page.refs.length; slot++) {
    const ref = page.refs[slot] - 1;
    if (ref < 0) continue;
    const labels = store.labelsOf(ref);
    const ends: number[] = [];
    for (reader.reset(labels); reader.next(); ) ends.push(reader.at);
    reserve(at + SERIES_HEADER + LABEL_OVERHEAD * (ends.length + 1) + labels.length);
    out[at] = slot;
    outView.setInt32(at + 1, store.record(ref, R.hash), true);
    at = writeUvarint(out, at + SERIES_HEADER, ends.length);
    const mask = at;
    at += (ends.length + 7) >>> 3;
    out.fill(0, mask, at);
    const view = new DataView(labels.buffer, labels.byteOffset, labels.length);
    for (let label = 0, from = 0; label < ends.length; from = ends[label++]) {
      const length = ends[label] - from;
      const beforeFrom = label === 0 ? 0 : beforeEnds[label - 1];
      if (isSame(labels, from, length, before, beforeFrom, beforeEnds[label])) {
        out[mask + (label >>> 3)] |= 1 << (label & 7);
        continue;
      }
      outView.setInt32(at, hashView(view, from, from + length, tenant), true);
      at = writeUvarint(out, at + HASH, length);
      for (let byte = 0; byte < length; byte++) out[at++] = labels[from + byte];
    }
    before = labels;
    beforeEnds = ends;
  }
  return out.subarray(0, at);
}

function isSame(
  labels: Uint8Array,
  from: number,
  length: number,
  before: Uint8Array,
  beforeFrom: number,
  beforeEnd: number | undefined,
): boolean {
  if (beforeEnd === undefined || beforeEnd - beforeFrom !== length) return false;
  for (let byte = 0; byte < length; byte++) {
    if (labels[from + byte] !== before[beforeFrom + byte]) return false;
  }
  return true;
}

function reserve(size: number): void {
  if (size <= out.length) return;
  const larger = new Uint8Array(Math.max(size, out.length * 2));
  larger.set(out);
  out = larger;
  outView = new DataView(out.buffer);
}

/** A cursor over a labels row. What it says of a series is valid until it goes to the next one. */
export class LabelsRow {
  metric = 0;
  tenant = 0;
  slot = 0;
  hash = 0;
  /** The labels of the series: `bytes` up to `length`, which `view` views. */
  bytes = new Uint8Array(1024);
  view = new DataView(this.bytes.buffer);
  length = 0;
  /** By label: its bytes, whether the series before has the same in this place, and else its hash. */
  labels = 0;
  lengths = new Int32Array(32);
  hashes = new Int32Array(32);
  same = new Uint8Array(32);
  #row: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#row.buffer);
  #at = HEADER;

  /** To the beginning of a row. */
  reset(row: Uint8Array): this {
    if (row.length < HEADER) throw damaged();
    this.#row = row;
    this.#view = new DataView(row.buffer, row.byteOffset, row.length);
    this.metric = this.#view.getUint32(4, true);
    this.tenant = this.#view.getUint32(8, true);
    this.#at = HEADER;
    this.labels = 0;
    this.length = 0;
    return this;
  }

  /** Goes to the next series; false at the end. */
  next(): boolean {
    const row = this.#row;
    if (this.#at === row.length) return false;
    if (this.#at + SERIES_HEADER >= row.length) throw damaged();
    this.slot = row[this.#at];
    this.hash = this.#view.getInt32(this.#at + 1, true);
    this.#at += SERIES_HEADER;
    const labels = this.#uvarint();
    const mask = this.#at;
    this.#at += (labels + 7) >>> 3;
    // Checked before memory is taken for that many.
    if (this.slot >= PAGE_SLOTS || this.#at > row.length) throw damaged();
    this.#reserveLabels(labels);
    let from = 0;
    for (let label = 0; label < labels; label++) {
      const known = label < this.labels ? this.lengths[label] : 0;
      if ((row[mask + (label >>> 3)] & (1 << (label & 7))) !== 0) {
        if (label >= this.labels) throw damaged();
        this.same[label] = 1;
        from += known;
      } else from = this.#readLabel(label, from, known);
    }
    this.labels = labels;
    this.length = from;
    return true;
  }

  /** Puts a label in the place of one of `known` bytes; returns its end. */
  #readLabel(label: number, from: number, known: number): number {
    if (this.#at + HASH > this.#row.length) throw damaged();
    this.hashes[label] = this.#view.getInt32(this.#at, true);
    this.#at += HASH;
    const length = this.#uvarint();
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#row.length) throw damaged();
    const row = this.#row;
    if (length !== known) {
      this.#reserveBytes(this.length + length - known);
      this.bytes.copyWithin(from + length, from + known, this.length);
      this.length += length - known;
    }
    const { bytes } = this;
    for (let byte = 0; byte < length; byte++) bytes[from + byte] = row[start + byte];
    this.lengths[label] = length;
    this.same[label] = 0;
    return from + length;
  }

  /** A number below 2^28: lengths are at most 2^16. */
  #uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.#at >= this.#row.length) throw damaged();
      const byte = this.#row[this.#at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw damaged();
  }

  #reserveLabels(labels: number): void {
    if (labels <= this.lengths.length) return;
    const size = labels * 2;
    this.lengths = grown(this.lengths, size);
    this.hashes = grown(this.hashes, size);
    this.same = grown(this.same, size);
  }

  #reserveBytes(size: number): void {
    if (size <= this.bytes.length) return;
    this.bytes = grown(this.bytes, size * 2);
    this.view = new DataView(this.bytes.buffer);
  }
}

function damaged(): WeirError {
  return new WeirError('corrupt', 'head store: damaged labels row');
}
