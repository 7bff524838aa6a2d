// Writes the head's state at one position to the store while applying goes on. At the start the set of
// changed pages is taken and the log of closed chunks is frozen; a page that is about to change is
// captured first, the others when their turn comes. Rows that replace older ones go to the slot that the
// committed checkpoint does not use. The last row, synced, commits: before it nothing written counts.
import { utf8 } from '@weir/bytes';
import type { HeadStore } from '../head.ts';
import {
  CLOSED,
  LABELS_DIRTY,
  LABELS_PENDING,
  OPEN_DIRTY,
  OPEN_PENDING,
  PAGE_BITS,
  PAGE_SLOTS,
  type Page,
} from '../pages/pages.ts';
import { finishRemoval } from '../removal.ts';
import { C } from '../series/series-store.ts';
import type { HeadState, PageCapture } from '../state.ts';
import type { ExemplarRun } from '../tenants/exemplars.ts';
import type { DropMark, Tenant } from '../windows.ts';
import { BatchWriter } from './batch-writer.ts';
import { encodeExemplars } from './exemplar-rows.ts';
import { encodeHistogramRow } from './histogram-rows.ts';
import { encodeLabelsRow } from './labels-rows.ts';
import { encodePages, HAS_HISTOGRAMS, HAS_OPEN, pagesInUse } from './page-rows.ts';
import {
  BEGIN_KEY,
  COMMIT_KEY,
  chunkEntrySize,
  chunkKey,
  DISCARDS,
  EXEMPLARS,
  encodeOpenRow,
  FORMAT_VERSION,
  HISTOGRAMS,
  key,
  LABELS,
  METADATA,
  OPEN,
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
  /** By page: HAS_OPEN, HAS_HISTOGRAMS. */
  readonly pageHas: number[];
  checkpointPosition: number;
}

/** Rows of changing pages may wait for the store up to this, then applying should wait. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;

interface TenantRow {
  readonly tenant: Tenant;
  readonly bytes: Uint8Array;
}

export class Checkpoint implements PageCapture {
  readonly #state: HeadState;
  readonly #commit: CommitState;
  readonly #writer: BatchWriter;
  readonly #epoch: number;
  readonly #position: number;
  readonly #logTimeMs: number;
  readonly #youngRecords: number;
  readonly #samples: number;
  readonly #closed: Int32Array;
  readonly #pages: Int32Array;
  readonly #inUse: Uint8Array;
  readonly #labelPages: number[] = [];
  readonly #openPages: number[] = [];
  readonly #tenants: TenantRow[] = [];
  readonly #metadata: TenantRow[] = [];
  readonly #discards: TenantRow[] = [];
  readonly #exemplars: { readonly run: ExemplarRun; readonly bytes: Uint8Array }[] = [];
  readonly #freedRuns: readonly number[];
  readonly #marks: DropMark[] = [];
  readonly #emptyPages: Page[];
  #room: Promise<void> | undefined;
  #makeRoom: () => void = () => {};

  /** Takes the state as it is now; from here on `state.running` sees pages before they change. */
  constructor(state: HeadState, store: HeadStore, commit: CommitState) {
    // Its rows hold no series that is as good as gone.
    for (const tenant of state.tenants) finishRemoval(state, tenant);
    this.#state = state;
    this.#commit = commit;
    this.#writer = new BatchWriter(store);
    this.#epoch = Math.max(state.committedEpoch, ...state.abortedEpochs) + 1;
    this.#position = state.position;
    this.#logTimeMs = state.logTimeMs;
    this.#youngRecords = state.youngRecords;
    this.#samples = state.samplesSinceCheckpoint;
    this.#closed = state.store.closed.freeze();
    this.#pages = this.#takePages();
    this.#inUse = pagesInUse(state.pages);
    this.#emptyPages = state.emptyPages.splice(0);
    this.#freedRuns = state.exemplarRuns.freed.splice(0);
    for (const tenant of state.tenants) this.#takeTenant(tenant);
    state.running = this;
  }

  #takePages(): Int32Array {
    const { flags, byId } = this.#state.pages;
    const taken: number[] = [];
    for (let page = 0; page < byId.length; page++) {
      if ((flags[page] & (LABELS_DIRTY | OPEN_DIRTY)) === 0) continue;
      taken.push(page);
      flags[page] =
        (flags[page] & CLOSED) |
        ((flags[page] & LABELS_DIRTY) !== 0 ? LABELS_PENDING : 0) |
        ((flags[page] & OPEN_DIRTY) !== 0 ? OPEN_PENDING : 0);
    }
    return Int32Array.from(taken);
  }

  #takeTenant(tenant: Tenant): void {
    if (tenant.dirty) {
      this.#tenants.push({ tenant, bytes: encodeTenant(tenant, this.#epoch) });
      this.#marks.push(...tenant.drops.values());
      tenant.dirty = false;
    }
    if (tenant.metadataDirty) {
      this.#metadata.push({ tenant, bytes: encodeMetadata(tenant, this.#epoch) });
      tenant.metadataDirty = false;
    }
    for (const run of tenant.exemplars.runs) {
      if (!run.isDirty) continue;
      this.#exemplars.push({ run, bytes: encodeExemplars(tenant.id, run, this.#epoch) });
      run.isDirty = false;
    }
    if (tenant.discards.dirty) {
      this.#discards.push({ tenant, bytes: encodeDiscards(tenant, this.#epoch) });
      tenant.discards.dirty = false;
    }
  }

  capture(page: number, flags: number): void {
    const { pages } = this.#state;
    const entry = pages.page(page);
    if ((flags & LABELS_PENDING) !== 0) {
      const row = encodeLabelsRow(this.#state.store, entry, this.#epoch);
      this.#writer.put(key(LABELS, page, entry.labelsSlot), row);
      this.#labelPages.push(page);
    }
    if ((flags & OPEN_PENDING) !== 0) {
      const row = encodeOpenRow(this.#state, entry, this.#epoch);
      const bytes = new Uint8Array(row.buffer, 0, row.byteLength);
      this.#writer.put(key(OPEN, page, entry.openSlot), bytes);
      const histograms = encodeHistogramRow(this.#state, entry, this.#epoch);
      if (histograms) this.#writer.put(key(HISTOGRAMS, page, entry.openSlot), histograms);
      this.#commit.pageHas[page] = HAS_OPEN | (histograms ? HAS_HISTOGRAMS : 0);
      this.#openPages.push(page);
    }
    pages.flags[page] &= ~(LABELS_PENDING | OPEN_PENDING);
  }

  /** While too many captured rows wait for the store: a promise that ends when they don't. */
  room(): Promise<void> | undefined {
    if (this.#room === undefined && this.#writer.pendingBytes > PENDING_BYTES_MAX) {
      this.#room = new Promise((resolve) => {
        this.#makeRoom = resolve;
      });
    }
    return this.#room;
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
      this.#abort();
      throw error;
    } finally {
      this.#tellRoom();
    }
    this.#committed();
  }

  async #write(): Promise<void> {
    const writer = this.#writer;
    // Should this checkpoint be cut short, this row makes its epoch known as one that doesn't count.
    writer.put(BEGIN_KEY, utf8(JSON.stringify({ epoch: this.#epoch })));
    await writer.flush();
    for (const page of this.#pages) {
      const flags = this.#state.pages.flags[page];
      if ((flags & (LABELS_PENDING | OPEN_PENDING)) !== 0) this.capture(page, flags);
      if (writer.isFull) await writer.flushFull();
      this.#tellRoom();
    }
    this.#state.running = undefined;
    for (const _ of this.#chunkRows()) if (writer.isFull) await writer.flushFull();
    this.#putTenantRows(TENANT, this.#tenants, this.#commit.tenantSlots);
    this.#putTenantRows(METADATA, this.#metadata, this.#commit.metadataSlots);
    this.#putTenantRows(DISCARDS, this.#discards, this.#commit.discardSlots);
    for (const { run, bytes } of this.#exemplars) {
      writer.put(key(EXEMPLARS, run.id, run.slot), bytes);
      if (writer.isFull) await writer.flushFull();
    }
    await writer.flush();
    const commit = {
      format: FORMAT_VERSION,
      epoch: this.#epoch,
      position: this.#position,
      logTimeMs: this.#logTimeMs === -Infinity ? null : this.#logTimeMs,
      youngRecords: this.#youngRecords,
      aborted: [...this.#state.abortedEpochs],
      series: this.#state.store.count,
    };
    const written = { labels: this.#labelPages, open: this.#openPages };
    const { pageHas } = this.#commit;
    // In one batch with the commit.
    writer.put(PAGES_KEY, encodePages(this.#state.pages, this.#inUse, pageHas, written));
    writer.put(COMMIT_KEY, utf8(JSON.stringify(commit)));
    await writer.flush(true);
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
    const rowKey = chunkKey(pages.page(page), window, generation, this.#epoch);
    const row = this.#writer.row(rowKey, size);
    const view = new DataView(row.buffer, row.byteOffset, row.length);
    let at = 0;
    for (const address of addresses) {
      at = writeChunkEntry(row, view, at, store.closed.read(address));
    }
  }

  #committed(): void {
    const state = this.#state;
    for (const page of this.#labelPages) state.pages.page(page).labelsSlot ^= 1;
    for (const page of this.#openPages) state.pages.page(page).openSlot ^= 1;
    for (const { tenant } of this.#tenants) flip(this.#commit.tenantSlots, tenant.id);
    for (const { tenant } of this.#metadata) flip(this.#commit.metadataSlots, tenant.id);
    for (const { tenant } of this.#discards) flip(this.#commit.discardSlots, tenant.id);
    for (const { run } of this.#exemplars) run.slot ^= 1;
    state.exemplarRuns.cleared.push(...this.#freedRuns);
    for (const mark of this.#marks) mark.durable = true;
    this.#forgetFrozen();
    for (const page of this.#emptyPages) state.pages.freePage(page);
    state.committedEpoch = this.#epoch;
    state.samplesSinceCheckpoint -= this.#samples;
    this.#commit.checkpointPosition = this.#position;
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
  #abort(): void {
    const state = this.#state;
    state.running = undefined;
    for (const page of this.#pages) {
      state.pages.flags[page] &= ~(LABELS_PENDING | OPEN_PENDING);
      state.pages.flags[page] |= LABELS_DIRTY | OPEN_DIRTY;
    }
    state.emptyPages.push(...this.#emptyPages);
    for (const { tenant } of this.#tenants) tenant.dirty = true;
    for (const { tenant } of this.#metadata) tenant.metadataDirty = true;
    for (const { tenant } of this.#discards) tenant.discards.dirty = true;
    for (const { run } of this.#exemplars) run.isDirty = true;
    state.exemplarRuns.freed.push(...this.#freedRuns);
    state.abortedEpochs.add(this.#epoch);
    const moved = state.store.closed.thaw();
    for (let ref = 0; ref < state.store.refs; ref++) {
      const address = moved.get(state.store.getCold(ref, C.closed));
      if (address !== undefined) state.store.setCold(ref, C.closed, address);
    }
  }
}

function flip(slots: Map<number, number>, id: number): void {
  slots.set(id, 1 - (slots.get(id) ?? 0));
}
