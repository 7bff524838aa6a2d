// The postings offset table: where the list of each label pair lies. Kept as the bytes of its section and
// one position per entry, sorted by name and value as the file has it.
import { type Cursor, compareBytes, readUvarint, text, utf8 } from '@weir/bytes';
import type { Matcher } from '@weir/model';
import { corruptAt, INDEX_FILE } from './format.ts';
import { decoding } from './sections.ts';

/** Entries [from, to) of the table. */
export interface EntryRange {
  readonly from: number;
  readonly to: number;
}

const LIST_SIZE_GUESS = 64;
/** Values that were asked for are kept up to so many bytes, by estimate: a string takes some beside its text. */
const KEPT_MAX_BYTES = 1 << 20;
const STRING_OVERHEAD_BYTES = 32;
const NO_ENTRIES: EntryRange = { from: 0, to: 0 };

export class PostingsTable {
  readonly #bytes: Uint8Array;
  readonly #fileOffset: number;
  /** Where each entry's value starts (its length first). */
  readonly #values: Uint32Array;
  readonly #names = new Map<string, EntryRange>();
  readonly #cursor: Cursor = { at: 0 };
  #sortedNames: readonly string[] | undefined;
  readonly #keptValues = new Map<string, readonly string[]>();
  #keptBytes = 0;

  constructor(section: Uint8Array, fileOffset: number) {
    if (section.length < 4) throw corruptAt(INDEX_FILE, fileOffset, 'postings table has no count');
    const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
    const count = view.getUint32(0);
    if (count * 4 > section.length) throw corruptAt(INDEX_FILE, fileOffset, 'too many postings');
    this.#bytes = section;
    this.#fileOffset = fileOffset;
    this.#values = new Uint32Array(count);
    decoding(INDEX_FILE, fileOffset, () => this.#scan(count));
  }

  get sizeBytes(): number {
    return this.#bytes.length + this.#values.length * 4;
  }

  /** Bytes of memory that values take which were asked for. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** All label names, sorted by bytes. */
  names(): readonly string[] {
    this.#sortedNames ??= [...this.#names.keys()].filter((name) => name !== '');
    return this.#sortedNames;
  }

  /** All values of a label name, sorted by bytes. */
  values(name: string): readonly string[] {
    const known = this.#keptValues.get(name);
    if (known !== undefined) return known;
    const { from, to } = this.entries(name);
    const values: string[] = [];
    let sizeBytes = 0;
    for (let entry = from; entry < to; entry++) {
      const value = this.value(entry);
      values.push(value);
      sizeBytes += value.length + STRING_OVERHEAD_BYTES;
    }
    if (to > from && this.#keptBytes + sizeBytes <= KEPT_MAX_BYTES) {
      this.#keptValues.set(name, values);
      this.#keptBytes += sizeBytes;
    }
    return values;
  }

  /** The entry of the list of all series. */
  all(): EntryRange {
    return this.#names.get('') ?? NO_ENTRIES;
  }

  /** The entries of one label name, ascending by value. */
  entries(name: string): EntryRange {
    return name === '' ? NO_ENTRIES : (this.#names.get(name) ?? NO_ENTRIES);
  }

  value(entry: number): string {
    const bytes = this.#valueBytes(entry);
    return text(bytes);
  }

  /** File offset of the entry's list. */
  offset(entry: number): number {
    this.#valueBytes(entry);
    return this.#number();
  }

  /** Where the list after this entry's begins, if it lies behind it; else a little behind its start. */
  offsetAfter(entry: number, last: number): number {
    const offset = this.offset(entry);
    const next = entry + 1 < this.#values.length ? this.offset(entry + 1) : last;
    return next > offset ? next : offset + LIST_SIZE_GUESS;
  }

  /** Entries whose value the matcher matches, ascending. */
  matching(matcher: Matcher): number[] {
    const { from, to } = this.entries(matcher.name);
    const found: number[] = [];
    if (matcher.values !== undefined) {
      for (const value of new Set(matcher.values)) {
        const entry = this.#find(value, from, to);
        if (entry >= 0) found.push(entry);
      }
      return found.sort((a, b) => a - b);
    }
    const { prefix } = matcher;
    for (
      let entry = prefix === '' ? from : this.#lowerBound(prefix, from, to);
      entry < to;
      entry++
    ) {
      const value = this.value(entry);
      if (prefix !== '' && !value.startsWith(prefix)) break;
      if (matcher.matches(value)) found.push(entry);
    }
    return found;
  }

  /** Entries whose value the matcher doesn't match, ascending. */
  notMatching(matcher: Matcher): number[] {
    const { from, to } = this.entries(matcher.name);
    if (matcher.op === '!=') {
      const entry = this.#find(matcher.value, from, to);
      return entry < 0 ? [] : [entry];
    }
    const found: number[] = [];
    for (let entry = from; entry < to; entry++) {
      if (!matcher.matches(this.value(entry))) found.push(entry);
    }
    return found;
  }

  #find(value: string, from: number, to: number): number {
    const entry = this.#lowerBound(value, from, to);
    return entry < to && this.value(entry) === value ? entry : -1;
  }

  #lowerBound(value: string, from: number, to: number): number {
    const wanted = utf8(value);
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.#valueBytes(middle), wanted) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #valueBytes(entry: number): Uint8Array {
    this.#cursor.at = this.#values[entry]!;
    return this.#string();
  }

  #string(): Uint8Array {
    const size = this.#number();
    const from = this.#cursor.at;
    const to = from + size;
    if (to > this.#bytes.length) {
      throw corruptAt(INDEX_FILE, this.#fileOffset, 'postings table entry is cut off');
    }
    this.#cursor.at = to;
    return this.#bytes.subarray(from, to);
  }

  #number(): number {
    return readUvarint(this.#bytes, this.#cursor, this.#bytes.length);
  }

  #scan(count: number): void {
    const cursor = this.#cursor;
    cursor.at = 4;
    let name: Uint8Array | undefined;
    let from = 0;
    for (let entry = 0; entry < count; entry++) {
      if (this.#number() !== 2) {
        throw corruptAt(INDEX_FILE, this.#fileOffset, 'postings table entry is not a pair');
      }
      const next = this.#string();
      if (name === undefined || compareBytes(name, next) !== 0) {
        if (name !== undefined) this.#names.set(text(name), { from, to: entry });
        name = next;
        from = entry;
      }
      this.#values[entry] = cursor.at;
      this.#string();
      this.#number();
    }
    if (name !== undefined) this.#names.set(text(name), { from, to: count });
  }
}
