// Which series are active: had a sample applied within the tenant's idle time-out, by the partition's log
// time, to the minute. A series' minute lies in a typed array beside the others', in the order in which
// samples come, so a sample costs one comparison, and one more addition a minute. Part of the state:
// minutes are written with the open chunks of their page, which every sample makes dirty anyway, so a
// restart keeps them exactly; counts and masks follow from them. Buckets of native histograms are noted
// when a series' newest sample is one, so that floats pay nothing for them.
import { createMatcher, labelValue, type Matcher } from '@weir/model';
import type { TenantActivity } from '../head.ts';
import type { LabelIndex } from '../postings/label-index.ts';
import { type SeriesStore, SLAB_MASK } from '../series/series-store.ts';
import type { Tenant } from '../windows.ts';
import { ActiveCounts } from './active-counts.ts';

const MINUTE_MS = 60_000;
/** Minutes come in whole groups of series: they lie on disk with them. */
const GROUP_SERIES = SLAB_MASK + 1;
/** Mimir's default. */
export const IDLE_MS = 20 * MINUTE_MS;
/** The longest idle time-out, minutes; longer ones are cut to it. */
const IDLE_MINUTES_MAX = 7 * 24 * 60;
export const TRACKERS_MAX = 32;
/** Before a series' first sample. */
export const NEVER = -0x80000000;
/** Some four thousand years from now: minutes are 32-bit numbers. */
const MINUTE_MAX = 0x7fffffff;

interface Tracker {
  readonly name: string;
  readonly matchers: readonly Matcher[];
  readonly counts: ActiveCounts;
}

interface Tracked {
  /** The settings that this was made from. */
  readonly settings: Tenant['settings'];
  readonly idleMinutes: number;
  readonly counts: ActiveCounts;
  readonly trackers: readonly Tracker[];
}

export class Activity {
  /** The partition's log time in minutes; NEVER before the first record. */
  minute = NEVER;
  /** Per ref: the minute of its last sample. */
  minutes = new Int32Array(GROUP_SERIES);
  /** By ref: buckets of the newest sample where that is a native histogram. */
  readonly buckets = new Map<number, number>();
  /** Per ref: the trackers of its tenant that it belongs to. Empty until a tenant has trackers. */
  #masks = new Uint32Array(0);
  readonly #tenants: (Tracked | undefined)[] = [];
  readonly #store: SeriesStore;
  readonly #index: LabelIndex;

  constructor(store: SeriesStore, index: LabelIndex) {
    this.#store = store;
    this.#index = index;
  }

  /** To be called before a record is applied, with the log time as the record makes it. */
  setTime(logTimeMs: number): void {
    this.minute = Math.min(MINUTE_MAX, Math.max(NEVER + 1, Math.floor(logTimeMs / MINUTE_MS)));
  }

  #of(tenant: Tenant): Tracked {
    const known = this.#tenants[tenant.id];
    if (known !== undefined) return known;
    const { activeIdleMs = IDLE_MS, trackers = [] } = tenant.settings;
    const idleMinutes = Math.min(
      IDLE_MINUTES_MAX,
      Math.max(1, Math.ceil(activeIdleMs / MINUTE_MS)),
    );
    const newCounts = () => new ActiveCounts(idleMinutes + 1, this.minute);
    const made = {
      settings: tenant.settings,
      idleMinutes,
      counts: newCounts(),
      trackers: trackers.slice(0, TRACKERS_MAX).map(({ name, matchers }) => ({
        name,
        matchers: matchers.map(createMatcher),
        counts: newCounts(),
      })),
    };
    this.#tenants[tenant.id] = made;
    return made;
  }

  /** The tenant's settings have changed: counts anew if that concerns activity. */
  configured(tenant: Tenant): void {
    const known = this.#tenants[tenant.id];
    if (known === undefined) return;
    const { activeIdleMs, trackers } = known.settings;
    const now = tenant.settings;
    const isSame =
      now.activeIdleMs === activeIdleMs &&
      JSON.stringify(now.trackers) === JSON.stringify(trackers);
    if (!isSame) this.recount(tenant);
  }

  /** Counts anew what the minutes and the tenant's settings say. */
  recount(tenant: Tenant): void {
    if (this.#tenants[tenant.id] === undefined) return;
    this.#tenants[tenant.id] = undefined;
    for (const ref of this.#index.lists.read(this.#index.tenant(tenant.id).all)) {
      if (this.#store.labelsLength(ref) === 0) continue;
      this.#setMask(this.#of(tenant), ref);
      if (this.minutes[ref] !== NEVER) this.#change(this.#of(tenant), ref, this.minutes[ref], 1);
    }
  }

  /** A series has come into being; its labels are in the store. */
  added(tenant: Tenant, ref: number): void {
    if (ref >= this.minutes.length) this.#grow(ref + 1);
    this.minutes[ref] = NEVER;
    this.#setMask(this.#of(tenant), ref);
  }

  #grow(refs: number): void {
    const minutes = new Int32Array(Math.max(refs, this.minutes.length * 2));
    minutes.set(this.minutes);
    this.minutes = minutes;
    if (this.#masks.length === 0) return;
    const masks = new Uint32Array(minutes.length);
    masks.set(this.#masks);
    this.#masks = masks;
  }

  #setMask({ trackers }: Tracked, ref: number): void {
    if (this.#masks.length > 0) this.#masks[ref] = 0;
    if (trackers.length === 0) return;
    if (this.#masks.length === 0) this.#masks = new Uint32Array(this.minutes.length);
    const labels = this.#store.labelsOf(ref);
    for (let at = 0; at < trackers.length; at++) {
      const { matchers } = trackers[at];
      if (matchers.every(({ name, matches }) => matches(labelValue(labels, name) ?? ''))) {
        this.#masks[ref] |= 1 << at;
      }
    }
  }

  /** A sample of the series was applied, and its minute is not the present one. */
  touch(tenant: Tenant, ref: number): void {
    const tracked = this.#of(tenant);
    const before = this.minutes[ref];
    if (before !== NEVER) this.#change(tracked, ref, before, -1);
    this.minutes[ref] = this.minute;
    this.#change(tracked, ref, this.minute, 1);
  }

  /** Room for the minutes of so many refs, which the caller puts back. */
  restoreMinutes(refs: number): void {
    this.minutes = new Int32Array(Math.max(GROUP_SERIES, refs));
  }

  /** So many series were put back with their minute. Where the tenant has trackers, recount() follows. */
  restored(tenant: Tenant, minute: number, series: number): void {
    const { counts } = this.#of(tenant);
    if (minute !== NEVER) counts.add(minute, this.minute, series, undefined);
  }

  removed(tenant: Tenant, ref: number): void {
    const before = this.minutes[ref];
    if (before !== NEVER) this.#change(this.#of(tenant), ref, before, -1);
    this.minutes[ref] = NEVER;
    this.buckets.delete(ref);
  }

  /**
   * The series' newest sample is a native histogram of so many buckets, or, with undefined, none any more.
   * To be called when that changes; touch() still has to tell of the sample.
   */
  setBuckets(tenant: Tenant, ref: number, buckets: number | undefined): void {
    if (this.buckets.get(ref) === buckets) return;
    const minute = this.minutes[ref];
    const tracked = this.#of(tenant);
    if (minute !== NEVER) this.#change(tracked, ref, minute, -1);
    if (buckets === undefined) this.buckets.delete(ref);
    else this.buckets.set(ref, buckets);
    if (minute !== NEVER) this.#change(tracked, ref, minute, 1);
  }

  #change({ counts, trackers }: Tracked, ref: number, minute: number, change: number): void {
    const buckets = this.buckets.size === 0 ? undefined : this.buckets.get(ref);
    counts.add(minute, this.minute, change, buckets);
    if (trackers.length === 0) return;
    const mask = this.#masks[ref];
    for (let at = 0; at < trackers.length; at++) {
      if ((mask & (1 << at)) !== 0) trackers[at].counts.add(minute, this.minute, change, buckets);
    }
  }

  /** Whether a sample of the series leaves at most `max` active; `ref` is -1 for one that is new. */
  mayBeActive(tenant: Tenant, ref: number, max: number): boolean {
    const { idleMinutes, counts } = this.#of(tenant);
    const oldest = this.minute - idleMinutes;
    const minute = ref < 0 ? NEVER : this.minutes[ref];
    if (minute !== NEVER && minute >= oldest) return true;
    return counts.since(oldest).active < max;
  }

  /** Keeps the refs, all of one tenant, that are active; writes over `refs`. */
  keepActive(tenant: Tenant, refs: Uint32Array): Uint32Array {
    const oldest = this.minute - this.#of(tenant).idleMinutes;
    let count = 0;
    for (let at = 0; at < refs.length; at++) {
      const minute = this.minutes[refs[at]];
      if (minute !== NEVER && minute >= oldest) refs[count++] = refs[at];
    }
    return refs.subarray(0, count);
  }

  /** At log time, or at `atMs` where that is later: nobody can have been active between. */
  read(tenant: Tenant, atMs: number): TenantActivity {
    const { idleMinutes, counts, trackers } = this.#of(tenant);
    const now = Math.max(this.minute, Math.floor(atMs / MINUTE_MS));
    const oldest = now - idleMinutes;
    return {
      tenant: tenant.name,
      ...counts.since(oldest),
      trackers: trackers.map((tracker) => ({
        name: tracker.name,
        ...tracker.counts.since(oldest),
      })),
    };
  }
}
