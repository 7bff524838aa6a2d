// What a head knows of a tenant beside its series: event time, the windows that hold samples, shipped
// marks, settings and metadata. A window is [k·2 h, (k+1)·2 h). Its samples belong to generations: a
// flush freezes the current one, samples that come later go to the next, and so a shipped block can be
// forgotten without the samples that came while it was cut.

import type { TenantSettings } from './head.ts';
import type { Metric, Page } from './pages/pages.ts';
import { DiscardLog } from './tenants/discard-log.ts';
import { Exemplars } from './tenants/exemplars.ts';
import { TenantMetadata } from './tenants/tenant-metadata.ts';

export const WINDOW_MS = 7_200_000;
/** A window closes when event time passes its end by this. */
export const CLOSE_AFTER_MS = 3_600_000;
/** Late samples of closed windows become blocks at these steps of log time. */
const LATE_CUT_MS = WINDOW_MS;

/** How many steps of late cuts log time has passed. */
export function lateCutStep(logTimeMs: number): number {
  return Math.floor(Math.max(0, logTimeMs) / LATE_CUT_MS);
}

export interface Generation {
  readonly number: number;
  firstOffset: number;
  lastOffset: number;
  frozen: boolean;
  /** For one that began when its window was closed: the step of log time (lateCutStep) it began in. */
  lateSince: number | undefined;
  /** Order-free sums over the generation's samples, for the digest. */
  sumA: number;
  sumB: number;
}

export interface WindowState {
  readonly index: number;
  /** Generations that hold samples and are not dropped, ascending. */
  generations: Generation[];
  nextGeneration: number;
  /** Samples of records up to this offset are in a block. */
  shippedThrough: number;
}

/** Chunks of generations up to `through` are forgotten; their rows go when `durable`. */
export interface DropMark {
  readonly window: number;
  readonly through: number;
  durable: boolean;
  /** Reads that began before this number must have ended before rows go. */
  readonly readNumber: number;
}

/** See early-cuts.ts. */
export interface EarlyCut {
  /** Series whose last sample was applied in an earlier minute of log time leave. */
  readonly idleSince: number;
  /** By window, the last generation that is cut; and the windows that were dropped through it. */
  readonly through: Map<number, number>;
  readonly dropped: Set<number>;
}

/** A pass over a tenant's series that takes out those which a drop left without samples; see removal.ts. */
export interface Removal {
  /** Series that it has visited bear this, and those that are newer than the drop. */
  readonly number: number;
  /** Windows with samples when the drop came, ascending. */
  readonly live: readonly number[];
  /** The early cut that the drop ended. */
  readonly early: EarlyCut | undefined;
  /** To be visited: those from `next` on. */
  readonly pages: readonly Page[];
  next: number;
  /** What it has removed. */
  readonly refs: number[];
  readonly metrics: Set<Metric>;
}

export class Tenant {
  readonly id: number;
  readonly name: string;
  settings: TenantSettings = { outOfOrderWindowMs: 0, seriesMax: 0 };
  eventTime = -Infinity;
  tooOldMs = CLOSE_AFTER_MS;
  /** Samples before this are too old to come out of order: as event time stood before the record. */
  oldestLate = -Infinity;
  /** No sample out of order is newer, of those in the store and in memory; no part of the state. */
  lateThrough = -Infinity;
  readonly windows = new Map<number, WindowState>();
  readonly drops = new Map<number, DropMark>();
  readonly metadata = new TenantMetadata();
  readonly discards = new DiscardLog();
  readonly exemplars = new Exemplars();
  /** Records from this offset on are passed over: one of them can't be applied. */
  parkedFrom: number | undefined;
  /** How many were. */
  parkedRecords = 0;
  seriesCount = 0;
  /** Series that came and went since they were last asked for; no part of the state. */
  changes = { created: 0, removed: 0 };
  /** Samples accepted since this was last asked, and those of them that a ruler made. */
  ingested = { samples: 0, ruleSamples: 0 };
  /** Order-free sum of the label hashes of its series. */
  seriesSum = 0;
  /** Ref + 1 of the series of the last sample applied. */
  lastRef = 0;
  dirty = true;
  /** A pass over its series that has not visited all of them; what it will remove is gone for all that is applied. */
  removal: Removal | undefined;
  early: EarlyCut | undefined;
  /** Windows of which pages marked as closed have nothing open; see prepareCut(). */
  prepared: ReadonlySet<number> = new Set();
  metadataDirty = false;

  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  configure(settings: TenantSettings): void {
    this.settings = settings;
    this.tooOldMs = Math.max(CLOSE_AFTER_MS, settings.outOfOrderWindowMs);
    this.dirty = true;
  }

  advance(t: number): void {
    this.eventTime = t;
  }

  /** Samples before this are too old, ms. */
  get oldestTime(): number {
    return this.eventTime - this.tooOldMs;
  }

  /** Whether event time has closed a window: samples that come to it yet are late ones. */
  isClosed(window: number): boolean {
    return this.eventTime >= (window + 1) * WINDOW_MS + CLOSE_AFTER_MS;
  }

  window(index: number): WindowState {
    let state = this.windows.get(index);
    if (!state) {
      const dropped = this.drops.get(index)?.through ?? -1;
      state = { index, generations: [], nextGeneration: dropped + 1, shippedThrough: -1 };
      this.windows.set(index, state);
    }
    return state;
  }

  /** The generation that new samples go to. */
  current(state: WindowState, offset: number, logTimeMs: number): Generation {
    const last = state.generations.at(-1);
    if (last && !last.frozen) return last;
    const generation = {
      number: state.nextGeneration++,
      firstOffset: offset,
      lastOffset: offset,
      frozen: false,
      lateSince: this.isClosed(state.index) ? lateCutStep(logTimeMs) : undefined,
      sumA: 0,
      sumB: 0,
    };
    state.generations.push(generation);
    return generation;
  }

  /** Newest dropped generation of a window, -1 when none. */
  droppedThrough(window: number): number {
    return this.drops.get(window)?.through ?? -1;
  }

  /** Number of the generation that an open chunk of the window belongs to. */
  openGeneration(window: number): number {
    const last = this.windows.get(window)?.generations.at(-1);
    if (!last) return this.windows.get(window)?.nextGeneration ?? this.droppedThrough(window) + 1;
    return last.frozen ? last.number + 1 : last.number;
  }

  /** A window's generations up to `through` were dropped; true when that ends an early cut. */
  droppedEarly(window: number, through: number): boolean {
    const last = this.early?.through.get(window);
    if (!this.early || last === undefined || through < last) return false;
    this.early.dropped.add(window);
    return this.early.dropped.size === this.early.through.size;
  }

  /** The early cut, which is over, where all its windows were dropped. */
  takeDroppedEarly(): EarlyCut | undefined {
    const { early } = this;
    if (early === undefined || early.dropped.size < early.through.size) return undefined;
    this.early = undefined;
    return early;
  }

  /** A tenant without series needs none; who sends samples again sends it again. */
  forgetMetadata(): void {
    if (this.metadata.metrics === 0) return;
    this.metadata.clear();
    this.metadataDirty = true;
  }

  live(): WindowState[] {
    return [...this.windows.values()]
      .filter((state) => state.generations.length > 0)
      .sort((a, b) => a.index - b.index);
  }
}
