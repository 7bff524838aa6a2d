// What a tenant was refused after its push had been acknowledged: per reason a count with the first and
// last place in the log, and the last hundred refusals in detail. It is part of the head's state, so it
// depends on the log alone and survives restarts. Bounded: reasons are the code's own, details lie in a
// ring whose label bytes are cut at whole labels. Noting a refusal makes no object, as a tenant may be
// refused everything it sends.
import { text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { printLabels } from '@weir/model';
import type { DiscardedEntry, DiscardedReason, TenantDiscards } from '../head.ts';
import { wholeLabelsLength } from './whole-labels.ts';

export const DISCARD_ENTRIES_MAX = 100;
/** Of a series' label bytes, so much is kept. */
export const DISCARD_LABELS_MAX_BYTES = 256;
const REASON_NUMBERS = 5;
const ENTRY_HEADER_BYTES = 34;

type Counts = { -readonly [Key in keyof DiscardedReason]: DiscardedReason[Key] };

/** Where in the log a refused sample stands. */
export interface RecordPlace {
  readonly offset: number;
  readonly timestampMs: number;
}

export class DiscardLog {
  dirty = false;
  readonly #reasons: Counts[] = [];
  // The ring: entry n lies at n modulo the capacity, which grows up to the maximum.
  #capacity = 0;
  #noted = 0;
  /** Offset, record's timestamp and sample's time (NaN where a whole record was refused) in turn. */
  #places = new Float64Array(0);
  /** Reason, samples, length of the label bytes, and 1 where they were cut. */
  #facts = new Uint32Array(0);
  #labels = new Uint8Array(0);

  /** Notes `count` samples of one series, the first at `t`; bytes[from, from + length) are its labels. */
  note(
    reason: string,
    place: RecordPlace,
    count: number,
    t: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): void {
    const index = this.#reasonIndex(reason, place);
    const counts = this.#reasons[index];
    counts.count += count;
    counts.lastOffset = place.offset;
    counts.lastMs = place.timestampMs;
    this.dirty = true;
    const kept = wholeLabelsLength(bytes, from, length, DISCARD_LABELS_MAX_BYTES);
    this.#push(index, place, count, t, kept < length);
    const at = this.#slot(this.#noted - 1);
    this.#facts[at * 4 + 2] = kept;
    const to = at * DISCARD_LABELS_MAX_BYTES;
    for (let byte = 0; byte < kept; byte++) this.#labels[to + byte] = bytes[from + byte];
  }

  #reasonIndex(reason: string, { offset, timestampMs }: RecordPlace): number {
    for (let index = 0; index < this.#reasons.length; index++) {
      if (this.#reasons[index].reason === reason) return index;
    }
    this.#reasons.push({
      ...{ reason, count: 0, firstOffset: offset, lastOffset: offset },
      ...{ firstMs: timestampMs, lastMs: timestampMs },
    });
    return this.#reasons.length - 1;
  }

  #push(reason: number, place: RecordPlace, count: number, t: number, isCut: boolean): void {
    if (this.#noted >= this.#capacity && this.#capacity < DISCARD_ENTRIES_MAX) this.#grow();
    const at = this.#slot(this.#noted++);
    this.#places[at * 3] = place.offset;
    this.#places[at * 3 + 1] = place.timestampMs;
    this.#places[at * 3 + 2] = t;
    this.#facts[at * 4] = reason;
    this.#facts[at * 4 + 1] = count;
    this.#facts[at * 4 + 3] = isCut ? 1 : 0;
  }

  #slot(entry: number): number {
    return entry % this.#capacity;
  }

  /** Before the ring has wrapped for the first time, so that entries keep their places. */
  #grow(): void {
    this.#capacity = Math.min(DISCARD_ENTRIES_MAX, Math.max(4, this.#capacity * 2));
    const places = new Float64Array(this.#capacity * 3);
    const facts = new Uint32Array(this.#capacity * 4);
    const labels = new Uint8Array(this.#capacity * DISCARD_LABELS_MAX_BYTES);
    places.set(this.#places);
    facts.set(this.#facts);
    labels.set(this.#labels);
    this.#places = places;
    this.#facts = facts;
    this.#labels = labels;
  }

  /** Oldest entry first. */
  read(): TenantDiscards {
    const entries: DiscardedEntry[] = [];
    for (const at of this.#slots()) {
      const [reason, count, length, isCut] = this.#facts.subarray(at * 4, at * 4 + 4);
      const [offset, timestampMs, t] = this.#places.subarray(at * 3, at * 3 + 3);
      entries.push({
        ...{ reason: this.#reasons[reason].reason, count, offset, timestampMs },
        sampleMs: Number.isNaN(t) ? undefined : t,
        series: length === 0 ? '' : printLabels(this.#labelsOf(at)),
        seriesCut: isCut === 1,
      });
    }
    return { reasons: this.#reasons.map((counts) => ({ ...counts })), entries };
  }

  *#slots(): Generator<number> {
    const from = Math.max(0, this.#noted - this.#capacity);
    for (let entry = from; entry < this.#noted; entry++) yield this.#slot(entry);
  }

  #labelsOf(at: number): Uint8Array {
    const from = at * DISCARD_LABELS_MAX_BYTES;
    return this.#labels.subarray(from, from + this.#facts[at * 4 + 2]);
  }

  /** The state as bytes, `skip` bytes in; see FORMAT.md, row D. */
  encode(skip: number): Uint8Array {
    const names = this.#reasons.map(({ reason }) => utf8(reason));
    const slots = [...this.#slots()];
    let size = skip + 4;
    for (const name of names) size += 1 + name.length + REASON_NUMBERS * 8;
    for (const at of slots) size += ENTRY_HEADER_BYTES + this.#facts[at * 4 + 2];
    const out = new Uint8Array(size);
    const view = new DataView(out.buffer);
    view.setUint16(skip, names.length, true);
    view.setUint16(skip + 2, slots.length, true);
    let at = skip + 4;
    for (const [index, name] of names.entries()) {
      out[at] = name.length;
      out.set(name, at + 1);
      at += 1 + name.length;
      const { count, firstOffset, lastOffset, firstMs, lastMs } = this.#reasons[index];
      for (const number of [count, firstOffset, lastOffset, firstMs, lastMs]) {
        view.setFloat64(at, number, true);
        at += 8;
      }
    }
    for (const slot of slots) at = this.#encodeEntry(slot, out, view, at);
    return out;
  }

  #encodeEntry(slot: number, out: Uint8Array, view: DataView, start: number): number {
    const labels = this.#labelsOf(slot);
    view.setUint16(start, this.#facts[slot * 4], true);
    view.setUint16(start + 2, labels.length, true);
    view.setUint32(start + 4, this.#facts[slot * 4 + 1], true);
    view.setUint16(start + 8, this.#facts[slot * 4 + 3], true);
    for (let field = 0; field < 3; field++) {
      view.setFloat64(start + 10 + field * 8, this.#places[slot * 3 + field], true);
    }
    out.set(labels, start + ENTRY_HEADER_BYTES);
    return start + ENTRY_HEADER_BYTES + labels.length;
  }

  /** Takes over what encode() wrote. Throws `corrupt` on bytes that it didn't. */
  restore(bytes: Uint8Array, skip: number): void {
    try {
      this.#restore(bytes, skip);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new WeirError('corrupt', 'head store: damaged discard row', { cause: error });
    }
  }

  #restore(bytes: Uint8Array, skip: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reasons = view.getUint16(skip, true);
    const entries = view.getUint16(skip + 2, true);
    let at = skip + 4;
    for (let index = 0; index < reasons; index++) {
      const nameTo = at + 1 + view.getUint8(at);
      const number = (field: number) => view.getFloat64(nameTo + field * 8, true);
      this.#reasons.push({
        reason: text(bytes.subarray(at + 1, nameTo)),
        ...{ count: number(0), firstOffset: number(1), lastOffset: number(2) },
        ...{ firstMs: number(3), lastMs: number(4) },
      });
      at = nameTo + REASON_NUMBERS * 8;
    }
    for (let entry = 0; entry < entries; entry++) at = this.#restoreEntry(bytes, view, at);
    if (at !== bytes.length) throw new RangeError('row goes on');
    this.dirty = false;
  }

  #restoreEntry(bytes: Uint8Array, view: DataView, start: number): number {
    const reason = view.getUint16(start, true);
    const length = view.getUint16(start + 2, true);
    const number = (field: number) => view.getFloat64(start + 10 + field * 8, true);
    const place = { offset: number(0), timestampMs: number(1) };
    const isCut = view.getUint16(start + 8, true) === 1;
    const from = start + ENTRY_HEADER_BYTES;
    const isSound =
      reason < this.#reasons.length &&
      length <= DISCARD_LABELS_MAX_BYTES &&
      from + length <= bytes.length &&
      wholeLabelsLength(bytes, from, length, length) === length;
    if (!isSound) throw new RangeError('entry is damaged');
    this.#push(reason, place, view.getUint32(start + 4, true), number(2), isCut);
    const at = this.#slot(this.#noted - 1);
    this.#facts[at * 4 + 2] = length;
    this.#labels.set(bytes.subarray(from, from + length), at * DISCARD_LABELS_MAX_BYTES);
    return from + length;
  }
}
