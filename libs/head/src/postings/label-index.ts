// The inverted index of a partition: label pairs, interned by their canonical bytes and tenant, each
// with a posting list; and per tenant its label names with their pairs. Values become strings only when
// a query first looks at a name, and are kept then.
import { compareBytes, hashBytes, text, utf8 } from '@weir/bytes';
import { encodeLabels, LabelReader } from '@weir/model';
import { ByteArena } from '../series/byte-arena.ts';
import { hashView } from '../series/hash-view.ts';
import { PostingLists } from './posting-lists.ts';

export interface NameIndex {
  readonly name: string;
  /** Pairs, which are also the numbers of posting lists, in order of creation. */
  readonly pairs: number[];
  /** Values of the first pairs, as far as queries have asked. */
  readonly values: string[];
}

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
  #pairs = 0;
  /** Pairs of the series added last, in the order of its labels. */
  lastPairs = new Int32Array(64);
  lastPairCount = 0;
  #lastTenant = -1;
  readonly #reader = new LabelReader();

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
    if (found >= 0) return found;
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
    for (let pair = 0; pair < this.#pairs; pair++) {
      if (this.#lengths[pair] !== 0) this.#insert(this.#hashes[pair], pair);
    }
  }

  /** The pair name=value of a tenant, or -1. */
  pair(tenant: number, name: string, value: string): number {
    const bytes = encodeLabels([{ name, value }]);
    if (bytes.length === 0) return -1;
    const hash = hashBytes(bytes, 0, bytes.length, tenant) | 0;
    return this.#find(hash, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length);
  }

  /** The values of a name, in the order of its pairs. */
  values(names: NameIndex): readonly string[] {
    while (names.values.length < names.pairs.length) {
      const pair = names.pairs[names.values.length];
      const bytes = this.#arena.read(this.#positions[pair], this.#lengths[pair]);
      this.#reader.reset(bytes).next();
      names.values.push(text(bytes.subarray(this.#reader.valueFrom, this.#reader.valueTo)));
    }
    return names.values;
  }

  /** Removes series, given with their labels, from all lists. Pairs without series stay interned. */
  removeSeries(tenant: number, labels: Iterable<Uint8Array>, isRemoved: (ref: number) => boolean) {
    const isAffected = new Uint8Array(this.#pairs);
    const affected = [this.tenant(tenant).all];
    for (const bytes of labels) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const reader = this.#reader.reset(bytes);
      for (let start = 0; reader.next(); start = reader.at) {
        const hash = hashView(view, start, reader.at, tenant);
        const pair = this.#find(hash, view, start, reader.at - start);
        if (isAffected[pair] === 1) continue;
        isAffected[pair] = 1;
        affected.push(pair);
      }
    }
    for (const pair of affected) this.lists.filter(pair, (ref) => !isRemoved(ref));
  }
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Sorts strings by their UTF-8 bytes, as Prometheus does. */
export function sortByBytes(strings: string[]): string[] {
  // UTF-16 order differs from UTF-8 order only where surrogates meet U+E000 and above.
  if (!strings.some((string) => /[\ud800-\uffff]/.test(string))) return strings.sort();
  return strings.sort((a, b) => compareBytes(utf8(a), utf8(b)));
}
