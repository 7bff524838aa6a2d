// The inverted index of a partition: label pairs, interned by their canonical bytes and tenant, each
// with a posting list; and per tenant its label names with their pairs. Values become strings only when
// a query first looks at a name, and are kept then.
import { compareBytes, grown, hashBytes, text, utf8 } from '@weir/bytes';
import { encodeLabels, LabelReader } from '@weir/model';
import { ByteArena } from '../series/byte-arena.ts';
import { hashView } from '../series/hash-view.ts';
import { PostingLists } from './posting-lists.ts';

/** Refs looked through in one step of a purge, about a millisecond, and what a list costs beside its refs. */
const PURGE_STEP = 1 << 17;
const PURGE_OVERHEAD = 64;

export interface NameIndex {
  readonly name: string;
  /** Pairs, which are also the numbers of posting lists, in order of creation. */
  pairs: number[];
  /** Values of the first pairs, as far as queries have asked. */
  values: string[];
}

/** Which pair was freed, so that others forget it too. */
export type PairFreed = (pair: number) => void;

export interface TenantIndex {
  readonly names: Map<string, NameIndex>;
  /** Posting list of all series. */
  readonly all: number;
}

export class LabelIndex {
  readonly lists = new PostingLists();
  readonly #arena = new ByteArena();
  readonly #tenants: (TenantIndex | undefined)[] = [];
  #hashes = new Int32Array(64);
  #positions = new Int32Array(64);
  #lengths = new Int32Array(64);
  #table = new Int32Array(128);
  /** Pair numbers below this were used, and how many are in use. */
  #pairsEnd = 0;
  #pairs = 0;
  /** Pairs of the series added last, in the order of its labels. */
  lastPairs = new Int32Array(64);
  lastPairCount = 0;
  #lastTenant = -1;
  /** Lists that hold refs of removed series. */
  readonly #affected: { readonly tenant: number; readonly list: number }[] = [];
  readonly #reader = new LabelReader();
  readonly #nameReader = new LabelReader();

  tenant(id: number): TenantIndex {
    const known = this.#tenants[id];
    if (known) return known;
    const index = { names: new Map<string, NameIndex>(), all: this.#newPair(0, 0, 0) };
    this.#tenants[id] = index;
    return index;
  }

  /** Adds a series to the lists of all its labels; `view` views `bytes`. */
  addSeries(
    tenant: number,
    ref: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    length: number,
  ): void {
    const index = this.tenant(tenant);
    this.lists.append(index.all, ref);
    const reader = this.#reader.reset(bytes, from, from + length);
    // Series that come one after the other share most labels, in the same places.
    const known = this.#lastTenant === tenant ? this.lastPairCount : 0;
    let count = 0;
    for (let start = from; reader.next(); start = reader.at) {
      let pair = count < known ? this.lastPairs[count] : -1;
      if (pair < 0 || !this.#isPair(pair, view, start, reader.at - start)) {
        pair = this.#intern(index, tenant, bytes, view, start, reader);
      }
      if (count === this.lastPairs.length) this.lastPairs = grown(this.lastPairs);
      this.lastPairs[count++] = pair;
      this.lists.append(pair, ref);
    }
    this.lastPairCount = count;
    this.#lastTenant = tenant;
  }

  #isPair(pair: number, view: DataView, start: number, length: number): boolean {
    if (this.#lengths[pair] !== length) return false;
    return this.#arena.equals(this.#positions[pair], length, view, start);
  }

  #intern(
    index: TenantIndex,
    tenant: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    reader: LabelReader,
  ): number {
    const length = reader.at - start;
    const hash = hashView(view, start, reader.at, tenant);
    const found = this.#find(hash, view, start, length);
    return found < 0 ? this.#add(index, hash, bytes, view, start, length) : found;
  }

  #add(
    index: TenantIndex,
    hash: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    length: number,
  ): number {
    const reader = this.#nameReader.reset(bytes, start, start + length);
    reader.next();
    const pair = this.#newPair(hash, this.#arena.appendView(view, start, length) | 0, length);
    const name = text(bytes.subarray(reader.nameFrom, reader.nameTo));
    let names = index.names.get(name);
    if (!names) {
      names = { name, pairs: [], values: [] };
      index.names.set(name, names);
    }
    names.pairs.push(pair);
    if (this.#pairs * 2 > this.#table.length) this.#rebuildTable();
    else this.#insert(hash, pair);
    return pair;
  }

  // Tenants share the table: the hash is seeded with the tenant, and of two pairs with equal bytes and
  // equal hash only the first would be found, so the owner is compared through its hash alone. A 32-bit
  // collision between two tenants' equal pairs is excluded by the seed entering the hash of equal bytes
  // bijectively (murmur3 is a permutation of the seed for fixed input).
  #find(hash: number, view: DataView, start: number, length: number): number {
    const mask = this.#table.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const pair = this.#table[at] - 1;
      if (pair < 0) return -1;
      if (this.#hashes[pair] === hash && this.#isPair(pair, view, start, length)) return pair;
    }
  }

  #newPair(hash: number, position: number, length: number): number {
    const pair = this.lists.add();
    if (pair >= this.#hashes.length) {
      this.#hashes = grown(this.#hashes);
      this.#positions = grown(this.#positions);
      this.#lengths = grown(this.#lengths);
    }
    this.#hashes[pair] = hash;
    this.#positions[pair] = position;
    this.#lengths[pair] = length;
    this.#pairs++;
    this.#pairsEnd = Math.max(this.#pairsEnd, pair + 1);
    return pair;
  }

  #insert(hash: number, pair: number): void {
    const mask = this.#table.length - 1;
    let at = hash & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = pair + 1;
  }

  #rebuildTable(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    for (let pair = 0; pair < this.#pairsEnd; pair++) {
      if (this.#lengths[pair] > 0) this.#insert(this.#hashes[pair], pair);
    }
  }

  /** Pairs in use, the lists of all series of a tenant among them. */
  get pairCount(): number {
    return this.#pairs;
  }

  /** The pair name=value of a tenant, or -1. */
  pair(tenant: number, name: string, value: string): number {
    const bytes = encodeLabels([{ name, value }]);
    if (bytes.length === 0) return -1;
    const hash = hashBytes(bytes, 0, bytes.length, tenant) | 0;
    return this.#find(hash, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length);
  }

  /** The interned labels, for those who look at many of them. */
  get arena(): ByteArena {
    return this.#arena;
  }

  /** Where in the arena the value of a pair in use lies. */
  valueAt(pair: number): { readonly position: number; readonly length: number } {
    const reader = this.#reader;
    const start = this.#positions[pair];
    reader.reset(this.#arena.read(start, this.#lengths[pair])).next();
    const position = (start >>> 0) + reader.valueFrom;
    return { position, length: reader.valueTo - reader.valueFrom };
  }

  /** Where the name of a pair in use lies. */
  nameAt(pair: number): { readonly position: number; readonly length: number } {
    const reader = this.#reader;
    const start = this.#positions[pair];
    reader.reset(this.#arena.read(start, this.#lengths[pair])).next();
    const position = (start >>> 0) + reader.nameFrom;
    return { position, length: reader.nameTo - reader.nameFrom };
  }

  /** The values of a name, in the order of its pairs. */
  values(names: NameIndex): readonly string[] {
    while (names.values.length < names.pairs.length) {
      const pair = names.pairs[names.values.length];
      const bytes = this.#arena.read(this.#positions[pair], Math.abs(this.#lengths[pair]));
      this.#reader.reset(bytes).next();
      names.values.push(text(bytes.subarray(this.#reader.valueFrom, this.#reader.valueTo)));
    }
    return names.values;
  }

  /** Counts a removed series out of its lists; purge() takes its ref out of them. */
  forgetSeries(tenant: number, labels: Uint8Array): void {
    const { all } = this.tenant(tenant);
    const affected = this.#affected;
    if (this.lists.forget(all)) affected.push({ tenant, list: all });
    const view = new DataView(labels.buffer, labels.byteOffset, labels.byteLength);
    const reader = this.#reader.reset(labels);
    for (let start = 0; reader.next(); start = reader.at) {
      const hash = hashView(view, start, reader.at, tenant);
      const pair = this.#find(hash, view, start, reader.at - start);
      if (this.lists.forget(pair)) affected.push({ tenant, list: pair });
    }
  }

  /** Takes removed series out of lists, and frees the pairs and names that have no other. */
  *purge(isAlive: (ref: number) => boolean, freed: PairFreed): Generator<void> {
    const names = new Map<NameIndex, number>();
    let scanned = 0;
    for (let next = this.#affected.pop(); next !== undefined; next = this.#affected.pop()) {
      const { tenant, list } = next;
      scanned += this.lists.sizeOf(list) + PURGE_OVERHEAD;
      this.lists.filter(list, isAlive);
      const isPair = list !== this.tenant(tenant).all;
      if (isPair && this.lists.count(list) === 0) {
        names.set(this.#freePair(tenant, list), tenant);
        freed(list);
      } else if (isPair) this.#movePair(list);
      if (scanned < PURGE_STEP) continue;
      scanned = 0;
      yield;
    }
    for (const [name, tenant] of names) {
      this.#dropFreed(tenant, name);
      yield;
    }
  }

  /** See ByteArena. */
  takeEmptied(): number[] {
    return this.#arena.takeEmptied();
  }

  release(slabs: readonly number[]): void {
    this.#arena.release(slabs);
  }

  #freePair(tenant: number, pair: number): NameIndex {
    const length = this.#lengths[pair];
    const bytes = this.#arena.read(this.#positions[pair], length);
    this.#reader.reset(bytes).next();
    const name = text(bytes.subarray(this.#reader.nameFrom, this.#reader.nameTo));
    this.#unlink(pair);
    this.#arena.free(this.#positions[pair], length);
    // Its name still lists it, so its value must stay readable.
    this.#lengths[pair] = -length;
    this.#pairs--;
    this.lastPairCount = 0;
    return this.tenant(tenant).names.get(name)!;
  }

  #movePair(pair: number): void {
    const position = this.#positions[pair];
    if (!this.#arena.isSparse(position)) return;
    const length = this.#lengths[pair];
    const bytes = this.#arena.read(position, length);
    this.#positions[pair] = this.#arena.append(bytes, 0, length) | 0;
    this.#arena.free(position, length);
  }

  /** Takes freed pairs from a name; only now their numbers may be used again. */
  #dropFreed(tenant: number, names: NameIndex): void {
    const kept: number[] = [];
    const values: string[] = [];
    for (const [at, pair] of names.pairs.entries()) {
      if (this.#lengths[pair] < 0) {
        this.#lengths[pair] = 0;
        this.lists.free(pair);
        continue;
      }
      if (at < names.values.length) values.push(names.values[at]);
      kept.push(pair);
    }
    names.pairs = kept;
    names.values = values;
    if (kept.length === 0) this.tenant(tenant).names.delete(names.name);
  }

  /** Takes a pair from the table and moves up those behind it that would not be found any more. */
  #unlink(pair: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hashes[pair] & mask;
    while (table[hole] !== pair + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashes[table[at] - 1] & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at];
      hole = at;
    }
    table[hole] = 0;
  }
}

/** Sorts strings by their UTF-8 bytes, as Prometheus does. */
export function sortByBytes(strings: string[]): string[] {
  // UTF-16 order differs from UTF-8 order only where surrogates meet U+E000 and above.
  if (!strings.some((string) => /[\ud800-\uffff]/.test(string))) return strings.sort();
  return strings.sort((a, b) => compareBytes(utf8(a), utf8(b)));
}
