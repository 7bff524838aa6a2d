// Writes the head's state at one position to the store while applying goes on. At the start the slabs that
// changed are noted and the log of closed chunks is frozen; a slab that is about to change is copied first,
// the others when their turn comes. An image goes to an extent that the committed checkpoint does not use, a
// row that replaces an older one to the slot that it does not use. The last batch, synced, commits: before it
// nothing written counts.
import { utf8 } from '@weir/bytes';
import type { HeadStore } from '../head.ts';
import { PAGE_BITS, PAGE_SLOTS, type Page } from '../pages/pages.ts';
import { finishRemoval } from '../removal.ts';
import { C, SLAB_BITS } from '../series/series-store.ts';
import { DIRTY, PENDING, PREPARED } from '../series/slab-flags.ts';
import { BLOCKS, GROUPS, LABELS, PAIR_PARTS, PAIRS, type SlabSpace } from '../slabs/slab-space.ts';
import type { HeadState, SlabCapture } from '../state.ts';
import type { ExemplarRun } from '../tenants/exemplars.ts';
import type { DropMark, Tenant } from '../windows.ts';
import { BatchWriter } from './batch-writer.ts';
import { type CommitRow, encodeCommit } from './commit-row.ts';
import { encodeExemplars } from './exemplar-rows.ts';
import { encodeHistogramRow, hasHistogramRows, NO_ENTRIES_BYTES } from './histogram-rows.ts';
import { encodePages, metricRows } from './page-rows.ts';
import {
  BEGIN_KEY,
  COMMIT_KEY,
  chunkEntrySize,
  chunkKey,
  DISCARDS,
  EXEMPLARS,
  FORMAT_VERSION,
  HISTOGRAMS,
  key,
  METADATA,
  PAGES_KEY,
  TENANT,
  writeChunkEntry,
} from './rows.ts';
import { encodeDiscards, encodeMetadata, encodeTenant } from './tenant-rows.ts';

/** What a checkpoint needs to know of the store beside the head's state. */
export interface CommitState {
  /** Which slot the next write of a tenant's rows takes. */
  readonly tenantSlots: Map<number, number>;
  readonly metadataSlots: Map<number, number>;
  readonly discardSlots: Map<number, number>;
  /** The same by group, of those that ever had such a row. */
  readonly histogramSlots: Map<number, number>;
  checkpointPosition: number;
}

/** Copies of changing slabs may wait for the store up to this, then applying should wait. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;

interface TenantRow {
  readonly tenant: Tenant;
  readonly bytes: Uint8Array;
}

export class Checkpoint implements SlabCapture {
  readonly #state: HeadState;
  readonly #store: HeadStore;
  readonly #space: SlabSpace;
  readonly #commit: CommitState;
  readonly #writer: BatchWriter;
  readonly #row: CommitRow;
  readonly #samples: number;
  readonly #closed: Int32Array;
  readonly #groups: number[] = [];
  readonly #blocks: number[] = [];
  readonly #parts: number[] = [];
  readonly #labels: ReadonlyMap<number, Uint8Array>;
  readonly #pairs: ReadonlyMap<number, Uint8Array>;
  readonly #histogramGroups: number[] = [];
  readonly #pageRow: Uint8Array;
  readonly #metrics: HeadState['pages']['changedMetrics'];
  readonly #tenants: TenantRow[] = [];
  readonly #metadata: TenantRow[] = [];
  readonly #discards: TenantRow[] = [];
  readonly #exemplars: { readonly run: ExemplarRun; readonly bytes: Uint8Array }[] = [];
  readonly #freedRuns: readonly number[];
  readonly #marks: DropMark[] = [];
  readonly #emptyPages: Page[];
  /** The batch that commits may be in the store, whatever its write says. */
  #isCommitting = false;
  #room: Promise<void> | undefined;
  #makeRoom: () => void = () => {};

  /** Takes the state as it is now; from here on `state.running` sees slabs before they change. */
  constructor(state: HeadState, store: HeadStore, space: SlabSpace, commit: CommitState) {
    // Its images hold no series that is as good as gone.
    for (const tenant of state.tenants) finishRemoval(state, tenant);
    this.#state = state;
    this.#store = store;
    this.#space = space;
    this.#commit = commit;
    this.#writer = new BatchWriter(store);
    this.#row = {
      format: FORMAT_VERSION,
      epoch: Math.max(state.committedEpoch, ...state.abortedEpochs) + 1,
      position: state.position,
      logTimeMs: state.logTimeMs === -Infinity ? null : state.logTimeMs,
      youngRecords: state.youngRecords,
      aborted: [],
      series: state.store.count,
      refs: state.store.refs,
      blocks: state.store.blocks.chain,
      labels: state.store.labels.state,
      pairs: state.index.arena.state,
    };
    this.#samples = state.samplesSinceCheckpoint;
    this.#closed = state.store.closed.freeze();
    this.#takeSlabs();
    this.#labels = state.store.labels.takeGrown();
    this.#pairs = state.index.arena.takeGrown();
    this.#pageRow = encodePages(state.pages);
    this.#metrics = new Map(state.pages.changedMetrics);
    state.pages.changedMetrics.clear();
    this.#emptyPages = state.emptyPages.splice(0);
    this.#freedRuns = state.exemplarRuns.freed.splice(0);
    for (const tenant of state.tenants) this.#takeTenant(tenant);
    state.running = this;
  }

  get epoch(): number {
    return this.#row.epoch;
  }

  #takeSlabs(): void {
    const { store } = this.#state;
    for (let group = 0; group < store.records.length; group++) {
      const flags = store.groupFlags[group];
      if ((flags & DIRTY) === 0) continue;
      this.#groups.push(group);
      store.groupFlags[group] = PENDING | (flags & PREPARED);
    }
    const { flags, slabs } = store.blocks;
    for (let slab = 0; slab < slabs.length; slab++) {
      if (flags[slab] !== DIRTY) continue;
      this.#blocks.push(slab);
      flags[slab] = PENDING;
    }
    const { pairs } = this.#state.index;
    for (let part = 0; part < pairs.parts; part++) {
      if (pairs.flags[part] !== DIRTY) continue;
      this.#parts.push(part);
      pairs.flags[part] = PENDING;
    }
  }

  #takeTenant(tenant: Tenant): void {
    if (tenant.dirty) {
      const nameNotFirst = this.#state.nameNotFirst[tenant.id];
      this.#tenants.push({ tenant, bytes: encodeTenant(tenant, nameNotFirst, this.epoch) });
      this.#marks.push(...tenant.drops.values());
      tenant.dirty = false;
    }
    if (tenant.metadataDirty) {
      this.#metadata.push({ tenant, bytes: encodeMetadata(tenant, this.epoch) });
      tenant.metadataDirty = false;
    }
    for (const run of tenant.exemplars.runs) {
      if (!run.isDirty) continue;
      this.#exemplars.push({ run, bytes: encodeExemplars(tenant.id, run, this.epoch) });
      run.isDirty = false;
    }
    if (tenant.discards.dirty) {
      this.#discards.push({ tenant, bytes: encodeDiscards(tenant, this.epoch) });
      tenant.discards.dirty = false;
    }
  }

  captureGroup(group: number): void {
    const state = this.#state;
    const { store, activity } = state;
    if (store.hasGroup(group)) {
      const minutes = activity.minutes.subarray(group << SLAB_BITS, (group + 1) << SLAB_BITS);
      this.#space.put(GROUPS, group, [...store.groupParts(group), minutes]);
    } else this.#space.remove(GROUPS, group);
    store.groupFlags[group] &= ~PENDING;
    const { histogramSlots } = this.#commit;
    const slot = histogramSlots.get(group);
    if (slot === undefined && !hasHistogramRows(state)) return;
    const row = encodeHistogramRow(state, group, this.epoch);
    // One without entries replaces one with some.
    if (row.length === NO_ENTRIES_BYTES && slot === undefined) return;
    this.#writer.put(key(HISTOGRAMS, group, slot ?? 0), row);
    this.#histogramGroups.push(group);
  }

  captureBlocks(slab: number): void {
    const { blocks } = this.#state.store;
    this.#space.put(BLOCKS, slab, [blocks.slabs[slab]]);
    blocks.flags[slab] &= ~PENDING;
  }

  capturePairs(part: number): void {
    const { pairs } = this.#state.index;
    this.#space.put(PAIR_PARTS, part, pairs.part(part));
    pairs.flags[part] &= ~PENDING;
  }

  /** While too many captured rows wait for the store: a promise that ends when they don't. */
  room(): Promise<void> | undefined {
    if (this.#room === undefined && this.#pendingBytes > PENDING_BYTES_MAX) {
      this.#room = new Promise((resolve) => {
        this.#makeRoom = resolve;
      });
    }
    return this.#room;
  }

  get #pendingBytes(): number {
    return this.#writer.pendingBytes + this.#space.pendingBytes;
  }

  /** Writes what is ready to be written. */
  async #flushFull(): Promise<void> {
    if (this.#space.isFull) await this.#space.flushFull();
    if (this.#writer.isFull) await this.#writer.flushFull();
    this.#tellRoom();
  }

  #tellRoom(): void {
    if (this.#room === undefined) return;
    this.#room = undefined;
    this.#makeRoom();
  }

  async run(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      await this.#abort();
      throw error;
    } finally {
      this.#tellRoom();
    }
    await this.#committed();
  }

  async #write(): Promise<void> {
    const writer = this.#writer;
    // Should this checkpoint be cut short, this row makes its epoch known as one that doesn't count.
    writer.put(BEGIN_KEY, utf8(JSON.stringify({ epoch: this.epoch })));
    await writer.flush();
    const { store } = this.#state;
    for (const group of this.#groups) {
      if ((store.groupFlags[group] & PENDING) !== 0) this.captureGroup(group);
      await this.#flushFull();
    }
    for (const slab of this.#blocks) {
      if ((store.blocks.flags[slab] & PENDING) !== 0) this.captureBlocks(slab);
      await this.#flushFull();
    }
    const { pairs } = this.#state.index;
    for (const part of this.#parts) {
      if ((pairs.flags[part] & PENDING) !== 0) this.capturePairs(part);
      await this.#flushFull();
    }
    this.#state.running = undefined;
    await this.#putArena(LABELS, this.#labels);
    await this.#putArena(PAIRS, this.#pairs);
    for (const _ of this.#chunkRows()) if (writer.isFull) await writer.flushFull();
    this.#putTenantRows(TENANT, this.#tenants, this.#commit.tenantSlots);
    this.#putTenantRows(METADATA, this.#metadata, this.#commit.metadataSlots);
    this.#putTenantRows(DISCARDS, this.#discards, this.#commit.discardSlots);
    for (const { run, bytes } of this.#exemplars) {
      writer.put(key(EXEMPLARS, run.id, run.slot), bytes);
      if (writer.isFull) await writer.flushFull();
    }
    await writer.flush();
    await this.#space.flush();
    await this.#space.sync();
    const row = { ...this.#row, aborted: [...this.#state.abortedEpochs] };
    const metrics = metricRows(this.#metrics);
    const puts = [...this.#space.rows().puts, ...metrics.puts];
    puts.push([PAGES_KEY, this.#pageRow], [COMMIT_KEY, encodeCommit(row)]);
    this.#isCommitting = true;
    await this.#store.write({ puts, deletes: metrics.deletes }, true);
  }

  async #putArena(kind: number, slabs: ReadonlyMap<number, Uint8Array>): Promise<void> {
    for (const [slab, bytes] of slabs) {
      if (bytes.length === 0) this.#space.remove(kind, slab);
      else this.#space.put(kind, slab, [bytes]);
      await this.#flushFull();
    }
  }

  #putTenantRows(kind: number, rows: TenantRow[], slots: Map<number, number>): void {
    for (const { tenant, bytes } of rows) {
      this.#writer.put(key(kind, tenant.id, slots.get(tenant.id) ?? 0), bytes);
    }
  }

  /** Puts frozen chunks as rows, one per page, window and generation; yields after each page. */
  *#chunkRows(): Generator<void> {
    const { closed } = this.#state.store;
    const { pages } = this.#state;
    // Sorted by page, then by age.
    const order = new Float64Array(this.#closed.length);
    for (let index = 0; index < order.length; index++) {
      const page = closed.pageSlot(this.#closed[index]) >>> PAGE_BITS;
      order[index] = page * 2 ** 26 + index;
    }
    order.sort();
    for (let from = 0; from < order.length; ) {
      const page = Math.floor(order[from] / 2 ** 26);
      const groups = new Map<string, number[]>();
      let to = from;
      for (; to < order.length && Math.floor(order[to] / 2 ** 26) === page; to++) {
        const address = this.#closed[order[to] % 2 ** 26];
        const { window, generation } = closed.read(address);
        if (this.#isGone(pages.page(page).metric.tenant, window, generation)) continue;
        const group = `${window} ${generation}`;
        const known = groups.get(group);
        if (known) known.push(address);
        else groups.set(group, [address]);
      }
      for (const addresses of groups.values()) this.#putChunkRow(page, addresses);
      yield;
      from = to;
    }
  }

  /** Dropped, and no read is left that began before. */
  #isGone(tenant: number, window: number, generation: number): boolean {
    const mark = this.#state.tenants[tenant].drops.get(window);
    if (!mark || generation > mark.through) return false;
    return this.#state.reads.oldest() >= mark.readNumber;
  }

  #putChunkRow(page: number, addresses: number[]): void {
    const { pages, store } = this.#state;
    let size = 0;
    for (const address of addresses) size += chunkEntrySize(store.closed.chunkSize(address));
    const { window, generation } = store.closed.read(addresses[0]);
    const rowKey = chunkKey(pages.page(page), window, generation, this.epoch);
    const row = this.#writer.row(rowKey, size);
    const view = new DataView(row.buffer, row.byteOffset, row.length);
    let at = 0;
    for (const address of addresses) {
      at = writeChunkEntry(row, view, at, store.closed.read(address));
    }
  }

  async #committed(): Promise<void> {
    const state = this.#state;
    for (const group of this.#histogramGroups) flip(this.#commit.histogramSlots, group);
    for (const { tenant } of this.#tenants) flip(this.#commit.tenantSlots, tenant.id);
    for (const { tenant } of this.#metadata) flip(this.#commit.metadataSlots, tenant.id);
    for (const { tenant } of this.#discards) flip(this.#commit.discardSlots, tenant.id);
    for (const { run } of this.#exemplars) run.slot ^= 1;
    state.exemplarRuns.cleared.push(...this.#freedRuns);
    for (const mark of this.#marks) mark.durable = true;
    this.#forgetFrozen();
    for (const page of this.#emptyPages) state.pages.freePage(page);
    state.committedEpoch = this.epoch;
    state.samplesSinceCheckpoint -= this.#samples;
    this.#commit.checkpointPosition = this.#row.position;
    await this.#space.committed();
  }

  #forgetFrozen(): void {
    const { store, pages, removals } = this.#state;
    const forget = (ref: number) => {
      if (store.closed.isFrozen(store.getCold(ref, C.closed))) store.setCold(ref, C.closed, 0);
    };
    for (const address of this.#closed) {
      const pageSlot = store.closed.pageSlot(address);
      const ref = pages.page(pageSlot >>> PAGE_BITS).refs[pageSlot & (PAGE_SLOTS - 1)] - 1;
      if (ref >= 0) forget(ref);
    }
    for (const { refs } of removals) for (const ref of refs) forget(ref);
    store.closed.releaseFrozen();
  }

  /** Everything taken is dirty again, and the epoch never counts. */
  async #abort(): Promise<void> {
    const state = this.#state;
    const { groupFlags, blocks, labels } = state.store;
    const { pairs } = state.index;
    state.running = undefined;
    for (const group of this.#groups) groupFlags[group] = (groupFlags[group] & ~PENDING) | DIRTY;
    for (const slab of this.#blocks) blocks.flags[slab] = DIRTY;
    for (const part of this.#parts) pairs.flags[part] = DIRTY;
    labels.tellAgain(this.#labels.keys());
    pairs.arena.tellAgain(this.#pairs.keys());
    const { changedMetrics } = state.pages;
    for (const [id, metric] of this.#metrics) {
      if (!changedMetrics.has(id)) changedMetrics.set(id, metric);
    }
    state.emptyPages.push(...this.#emptyPages);
    for (const { tenant } of this.#tenants) tenant.dirty = true;
    for (const { tenant } of this.#metadata) tenant.metadataDirty = true;
    for (const { tenant } of this.#discards) tenant.discards.dirty = true;
    for (const { run } of this.#exemplars) run.isDirty = true;
    state.exemplarRuns.freed.push(...this.#freedRuns);
    state.abortedEpochs.add(this.epoch);
    const moved = state.store.closed.thaw();
    for (let ref = 0; ref < state.store.refs; ref++) {
      const address = moved.get(state.store.getCold(ref, C.closed));
      if (address !== undefined) state.store.setCold(ref, C.closed, address);
    }
    await this.#space.abort(this.#isCommitting);
  }
}

function flip(slots: Map<number, number>, id: number): void {
  slots.set(id, 1 - (slots.get(id) ?? 0));
}
