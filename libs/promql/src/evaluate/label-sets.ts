// Label sets as bytes during evaluation: projections (grouping, matching, dropping the name) by copying
// whole labels, and a hash table from label bytes to small integers. No label is decoded here.
import { compareBytes, equalBytes, hashBytes, utf8 } from '@weir/bytes';
import { type LabelBytes, LabelReader, labelSize, writeLabel } from '@weir/model';

const EMPTY = new Uint8Array(0);

/** Keeps or drops labels by name; the result is valid until the next call. */
export class LabelProjection {
  readonly #names: Uint8Array[];
  readonly #keep: boolean;
  readonly #reader = new LabelReader();
  #out = new Uint8Array(256);
  /** Labels that the last call left out. */
  removed = 0;

  constructor(names: readonly string[], mode: 'keep' | 'drop') {
    this.#names = names.map(utf8);
    this.#keep = mode === 'keep';
  }

  project(labels: LabelBytes): LabelBytes {
    if (this.#keep && this.#names.length === 0) return EMPTY;
    if (this.#out.length < labels.length) this.#out = new Uint8Array(labels.length * 2);
    const reader = this.#reader.reset(labels);
    let size = 0;
    let from = 0;
    this.removed = 0;
    while (reader.next()) {
      if (this.#has(labels, reader.nameFrom, reader.nameTo) === this.#keep) {
        for (let at = from; at < reader.at; at++) this.#out[size++] = labels[at]!;
      } else this.removed++;
      from = reader.at;
    }
    return this.#out.subarray(0, size);
  }

  #has(bytes: Uint8Array, from: number, to: number): boolean {
    next: for (const name of this.#names) {
      if (name.length !== to - from) continue;
      for (let at = 0; at < name.length; at++) {
        if (name[at] !== bytes[from + at]) continue next;
      }
      return true;
    }
    return false;
  }
}

/** Label bytes to consecutive numbers from 0, in order of first sight. */
export class LabelTable {
  readonly keys: LabelBytes[] = [];
  #slots = new Int32Array(64).fill(-1);
  #hashes: number[] = [];

  /** The number of these labels; new ones are copied and numbered. */
  add(labels: LabelBytes): number {
    const hash = hashBytes(labels, 0, labels.length);
    const slot = this.#slot(labels, hash);
    const found = this.#slots[slot]!;
    if (found >= 0) return found;
    const number = this.keys.length;
    this.keys.push(labels.slice());
    this.#hashes.push(hash);
    this.#slots[slot] = number;
    if (this.keys.length * 2 > this.#slots.length) this.#grow();
    return number;
  }

  /** The number of these labels, or -1. */
  find(labels: LabelBytes): number {
    return this.#slots[this.#slot(labels, hashBytes(labels, 0, labels.length))]!;
  }

  get size(): number {
    return this.keys.length;
  }

  #slot(labels: LabelBytes, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const number = this.#slots[slot]!;
      if (number < 0) return slot;
      if (this.#hashes[number] === hash && equalBytes(this.keys[number]!, labels)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let number = 0; number < this.keys.length; number++) {
      let slot = this.#hashes[number]! & mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number;
    }
  }
}

/** Sets labels (an empty value removes) and returns new canonical bytes. */
export function withLabels(labels: LabelBytes, changes: ReadonlyMap<string, string>): LabelBytes {
  const pairs: { name: Uint8Array; value: Uint8Array }[] = [];
  const reader = new LabelReader().reset(labels);
  while (reader.next()) {
    if (changes.has(reader.nameText())) continue;
    const name = labels.slice(reader.nameFrom, reader.nameTo);
    pairs.push({ name, value: labels.slice(reader.valueFrom, reader.valueTo) });
  }
  for (const [name, value] of changes) {
    if (value !== '') pairs.push({ name: utf8(name), value: utf8(value) });
  }
  pairs.sort((a, b) => compareBytes(a.name, b.name));
  let size = 0;
  for (const { name, value } of pairs) size += labelSize(name.length, value.length);
  const out = new Uint8Array(size);
  let at = 0;
  for (const { name, value } of pairs) at = writeLabel(out, at, name, value);
  return out;
}

/** Labels as Prometheus's Labels.String() prints them, the name among them: `{__name__="a", b="c"}`. */
export function printLabelSet(labels: LabelBytes): string {
  const parts: string[] = [];
  const reader = new LabelReader().reset(labels);
  while (reader.next()) parts.push(`${reader.nameText()}=${JSON.stringify(reader.valueText())}`);
  return `{${parts.join(', ')}}`;
}
