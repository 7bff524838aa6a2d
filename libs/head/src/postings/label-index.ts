// The inverted index of a partition: label pairs, interned by their canonical bytes and tenant, each
// with a posting list; and per tenant its label names with their pairs. Values become strings only when
// a query first looks at a name, and are kept then.
import { grown, hashBytes, sortTexts, text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { encodeLabels, LabelReader } from '@weir/model';
import type { ByteArena } from '../series/byte-arena.ts';
import { hashView } from '../series/hash-view.ts';
import type { SeriesStore } from '../series/series-store.ts';
import { ALL, forEachSpan } from './pair-spans.ts';
import { PairTable } from './pair-table.ts';
import { PostingLists } from './posting-lists.ts';

/** Refs looked through in one step of a purge, about a millisecond, and what a list costs beside its refs. */
const PURGE_STEP = 1 << 17;
const PURGE_OVERHEAD = 64;
/** Numbers of names; there are never more names than pairs. */
const NAMES_MAX = 1 << 24;

export interface NameIndex {
  readonly name: string;
  /** Names of all tenants are numbered; pairs know theirs by it. */
  readonly number: number;
  readonly tenant: number;
  /** Pairs, which are also the numbers of posting lists, in order of creation or restoring. */
  pairs: number[];
  /** Values of the first pairs, as far as queries have asked. */
  values: string[];
  /** All of them in order, until one comes or goes. */
  sorted: readonly string[] | undefined;
}

/** Which pair was freed, so that others forget it too. */
export type PairFreed = (pair: number) => void;

export interface TenantIndex {
  readonly names: Map<string, NameIndex>;
  /** Names in order, until one comes or a value goes. */
  sortedNames: readonly string[] | undefined;
  /** Posting list of all series. */
  readonly all: number;
  /** How often a series has come or gone. */
  changes: number;
}

export class LabelIndex {
  readonly lists = new PostingLists();
  readonly pairs = new PairTable();
  readonly #tenants: (TenantIndex | undefined)[] = [];
  #tenantCount = 0;
  /** By number; a number without a name is free. */
  readonly #names: (NameIndex | undefined)[] = [];
  readonly #freeNames: number[] = [];
  /** Pairs of the series added last, in the order of its labels. */
  lastPairs = new Int32Array(64);
  lastPairCount = 0;
  #lastTenant = -1;
  /** Lists that hold refs of removed series. */
  readonly #affected: number[] = [];
  readonly #reader = new LabelReader();
  readonly #nameReader = new LabelReader();

  tenant(id: number): TenantIndex {
    const known = this.#tenants[id];
    if (known) return known;
    const names = new Map<string, NameIndex>();
    const all = this.lists.add();
    const index: TenantIndex = { names, sortedNames: undefined, all, changes: 0 };
    this.#tenants[id] = index;
    this.#tenantCount++;
    return index;
  }

  /** Adds a series to the lists of all its labels, whose pairs are then in `lastPairs`; `view` views `bytes`. */
  addSeries(
    tenant: number,
    ref: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    length: number,
  ): void {
    const inTenant = this.tenant(tenant);
    inTenant.changes++;
    this.lists.append(inTenant.all, ref);
    const reader = this.#reader.reset(bytes, from, from + length);
    // Series that come one after the other share most labels, in the same places.
    const known = this.#lastTenant === tenant ? this.lastPairCount : 0;
    let count = 0;
    for (let start = from; reader.next(); start = reader.at) {
      let pair = count < known ? this.lastPairs[count] : -1;
      if (pair < 0 || !this.pairs.equals(pair, view, start, reader.at - start)) {
        pair = this.#intern(tenant, bytes, view, start, reader.at);
      }
      if (count === this.lastPairs.length) this.lastPairs = grown(this.lastPairs);
      this.lastPairs[count++] = pair;
      this.lists.append(pair, ref);
    }
    this.lastPairCount = count;
    this.#lastTenant = tenant;
  }

  #intern(tenant: number, bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const hash = hashView(view, start, end, tenant);
    const found = this.pairs.find(hash, view, start, end - start);
    if (found >= 0) return found;
    const reader = this.#nameReader.reset(bytes, start, end);
    reader.next();
    const name = this.#name(tenant, text(bytes.subarray(reader.nameFrom, reader.nameTo)));
    const pair = this.lists.add();
    this.pairs.add(pair, hash, name.number, view, start, end - start);
    name.pairs.push(pair);
    name.sorted = undefined;
    return pair;
  }

  #name(tenant: number, name: string): NameIndex {
    const inTenant = this.tenant(tenant);
    const known = inTenant.names.get(name);
    if (known) return known;
    const number = this.#freeNames.pop() ?? this.#names.length;
    const index = emptyName(name, number, tenant);
    this.#names[number] = index;
    inTenant.names.set(name, index);
    inTenant.sortedNames = undefined;
    return index;
  }

  /** Pairs in use, the lists of all series of a tenant among them. */
  get pairCount(): number {
    return this.pairs.count + this.#tenantCount;
  }

  /** The pair name=value of a tenant, or -1. */
  pair(tenant: number, name: string, value: string): number {
    const bytes = encodeLabels([{ name, value }]);
    if (bytes.length === 0) return -1;
    const hash = hashBytes(bytes, 0, bytes.length, tenant) | 0;
    return this.pairs.find(hash, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length);
  }

  /** The interned labels, for those who look at many of them. */
  get arena(): ByteArena {
    return this.pairs.arena;
  }

  /** Where in the arena the value of a pair in use lies. */
  valueAt(pair: number): { readonly position: number; readonly length: number } {
    const reader = this.#reader;
    reader.reset(this.pairs.read(pair)).next();
    const position = (this.pairs.position(pair) >>> 0) + reader.valueFrom;
    return { position, length: reader.valueTo - reader.valueFrom };
  }

  /** Where the name of a pair in use lies. */
  nameAt(pair: number): { readonly position: number; readonly length: number } {
    const reader = this.#reader;
    reader.reset(this.pairs.read(pair)).next();
    const position = (this.pairs.position(pair) >>> 0) + reader.nameFrom;
    return { position, length: reader.nameTo - reader.nameFrom };
  }

  /** The values of a name, in the order of its pairs. */
  values(names: NameIndex): readonly string[] {
    while (names.values.length < names.pairs.length) {
      const bytes = this.pairs.read(names.pairs[names.values.length]);
      this.#reader.reset(bytes).next();
      names.values.push(text(bytes.subarray(this.#reader.valueFrom, this.#reader.valueTo)));
    }
    return names.values;
  }

  /** The values of a name that series have, sorted: the same list until one comes or goes. */
  sortedValues(name: NameIndex): readonly string[] {
    if (name.sorted !== undefined) return name.sorted;
    const all = this.values(name);
    const found = sortTexts(all.filter((_, at) => this.lists.count(name.pairs[at]) > 0));
    // Where some have none just now it would not be noticed that they have one again.
    if (found.length === all.length) name.sorted = found;
    return found;
  }

  /** The names that series of the tenant have, in the same way. */
  sortedNames(id: number): readonly string[] {
    const tenant = this.tenant(id);
    if (tenant.sortedNames !== undefined) return tenant.sortedNames;
    const found: string[] = [];
    for (const { name, pairs } of tenant.names.values()) {
      if (pairs.some((pair) => this.lists.count(pair) > 0)) found.push(name);
    }
    sortTexts(found);
    if (found.length === tenant.names.size) tenant.sortedNames = found;
    return found;
  }

  /** Counts a removed series out of the lists of its pairs; purge() takes its ref out of them. */
  forgetSeries(tenant: number, pairs: Int32Array, count: number): void {
    const inTenant = this.tenant(tenant);
    inTenant.changes++;
    this.#forget(inTenant.all);
    for (let at = 0; at < count; at++) {
      this.#forget(pairs[at]);
      if (this.lists.count(pairs[at]) > 0) continue;
      this.#nameOf(pairs[at]).sorted = undefined;
      inTenant.sortedNames = undefined;
    }
  }

  #forget(list: number): void {
    if (this.lists.forget(list)) this.#affected.push(list);
  }

  /** Takes removed series out of lists, and frees the pairs and names that have no other. */
  *purge(isAlive: (ref: number) => boolean, freed: PairFreed): Generator<void> {
    const names = new Set<NameIndex>();
    let scanned = 0;
    for (let list = this.#affected.pop(); list !== undefined; list = this.#affected.pop()) {
      scanned += this.lists.sizeOf(list) + PURGE_OVERHEAD;
      this.lists.filter(list, isAlive);
      const isPair = this.pairs.isInUse(list);
      if (isPair && this.lists.count(list) === 0) {
        names.add(this.#nameOf(list));
        this.pairs.free(list);
        this.lastPairCount = 0;
        freed(list);
      } else if (isPair) this.pairs.moveSparse(list);
      if (scanned < PURGE_STEP) continue;
      scanned = 0;
      yield;
    }
    for (const name of names) {
      this.#dropFreed(name);
      yield;
    }
  }

  /**
   * Makes lists and names of what the pairs are after restoring them and of the runs of all series in the
   * store, in steps of well below a millisecond. Throws `corrupt` where a series has a pair that isn't, or
   * one of another tenant.
   */
  *restore(store: SeriesStore): Generator<void> {
    this.lists.restore(this.pairs.end, (list) => !this.pairs.isInUse(list));
    yield* forEachSpan(store, (tenant, pair, from, to) => {
      if (pair !== ALL) this.#restoreName(tenant, pair);
      this.lists.expect(pair === ALL ? this.tenant(tenant).all : pair, from, to);
    });
    yield* this.lists.fill();
    for (let pair = 0; pair < this.pairs.end; pair++) {
      if (!this.pairs.isInUse(pair)) continue;
      if (this.lists.count(pair) > 0) this.#nameOf(pair).pairs.push(pair);
      else this.#restoreUnused(pair);
    }
    for (let name = this.#names.length - 1; name >= 0; name--) {
      if (this.#names[name] === undefined) this.#freeNames.push(name);
    }
  }

  /** Notes the name of a pair that a series of the tenant has. */
  #restoreName(tenant: number, pair: number): void {
    if (!this.pairs.isInUse(pair)) throw new WeirError('corrupt', `head: no pair ${pair}`);
    const number = this.pairs.name(pair);
    if (number < 0 || number > NAMES_MAX) throw new WeirError('corrupt', `head: no name ${number}`);
    const known = this.#names[number];
    if (known?.tenant === tenant) return;
    if (known) throw new WeirError('corrupt', `head: pair ${pair} of two tenants`);
    const bytes = this.pairs.read(pair);
    const reader = this.#reader.reset(bytes);
    if (!reader.next()) throw new WeirError('corrupt', `head: pair ${pair} is not a label`);
    const name = text(bytes.subarray(reader.nameFrom, reader.nameTo));
    const { names } = this.tenant(tenant);
    if (names.has(name)) throw new WeirError('corrupt', `head: two names ${name}`);
    while (this.#names.length < number) this.#names.push(undefined);
    const index = emptyName(name, number, tenant);
    this.#names[number] = index;
    names.set(name, index);
  }

  /** A pair whose last series went when a purge had not freed it yet. */
  #restoreUnused(pair: number): void {
    this.pairs.free(pair);
    this.pairs.drop(pair);
    this.lists.free(pair);
  }

  /** See ByteArena. */
  takeEmptied(): number[] {
    return this.arena.takeEmptied();
  }

  release(slabs: readonly number[]): void {
    this.arena.release(slabs);
  }

  #nameOf(pair: number): NameIndex {
    return this.#names[this.pairs.name(pair)]!;
  }

  /** Takes freed pairs from a name; only now their numbers may be used again. */
  #dropFreed(name: NameIndex): void {
    const kept: number[] = [];
    const values: string[] = [];
    for (const [at, pair] of name.pairs.entries()) {
      if (!this.pairs.isInUse(pair)) {
        this.pairs.drop(pair);
        this.lists.free(pair);
        continue;
      }
      if (at < name.values.length) values.push(name.values[at]);
      kept.push(pair);
    }
    name.pairs = kept;
    name.values = values;
    name.sorted = undefined;
    // Another purge may have dropped the name, and the tenant may have it anew.
    if (kept.length > 0 || this.#names[name.number] !== name) return;
    const tenant = this.tenant(name.tenant);
    tenant.names.delete(name.name);
    tenant.sortedNames = undefined;
    this.#names[name.number] = undefined;
    this.#freeNames.push(name.number);
  }
}

function emptyName(name: string, number: number, tenant: number): NameIndex {
  return { name, number, tenant, pairs: [], values: [], sorted: undefined };
}
