// Second pass over a record: decides about each sample and appends it. Every decision depends on the
// tenant's state and the record alone, so that the same log gives the same head everywhere.
import { type Cursor, readUvarint, text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { METRIC_TYPES, type MetricMetadata } from '@weir/model';
import { expandRecordV2 } from '@weir/wire/log-record';
import type { HeadRecord } from '../head.ts';
import { OPEN_DIRTY, PAGE_BITS } from '../pages/pages.ts';
import { ARENA_RUN_MAX } from '../series/byte-arena.ts';
import { R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import type { RecordPlace } from '../tenants/discard-log.ts';
import { overSeriesLimit, refuse, refuseMetadata } from '../tenants/refusals.ts';
import { type Generation, type Tenant, WINDOW_MS, type WindowState } from '../windows.ts';
import { StagedRecord } from './staged-record.ts';

/** Timestamps beyond this are no dates. */
const TIME_MAX = 8.64e15;

export class RecordApplier {
  readonly #state: HeadState;
  readonly #staged: StagedRecord;
  // The window that the last sample fell in.
  #tenant: Tenant | undefined;
  #windowIndex = 0;
  #window: WindowState | undefined;
  #generation: Generation | undefined;
  #shipped = false;
  /** Samples before this are too old: as the tenant stood before the record, whatever its order. */
  #oldest = Number.NEGATIVE_INFINITY;
  #record: RecordPlace = { offset: 0, timestampMs: 0 };
  #refusal: string | undefined;

  constructor(state: HeadState) {
    this.#state = state;
    this.#staged = new StagedRecord(state.store);
  }

  apply(record: HeadRecord): void {
    const state = this.#state;
    state.advanceLogTime(record.timestampMs);
    this.#record = record;
    const known = state.tenantsByName.get(record.tenant);
    const staged = this.#staged;
    try {
      if (record.version < 0 || record.version > 2) {
        throw new WeirError('invalid', `record version ${record.version}`);
      }
      const value = record.version === 2 ? expandRecordV2(record.value) : record.value;
      // A tenant that is new has no series: any id will do, and no state is made for a bad record.
      staged.read(value, known?.id ?? state.tenants.length, known?.lastRef ?? 0);
      const metadata = readAllMetadata(staged);
      const tenant = known ?? state.tenant(record.tenant);
      this.#applyStaged(tenant, record.offset);
      applyMetadata(state, tenant, metadata, record);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      refuse(state, state.tenant(record.tenant), 'undecodable_record', record);
    }
  }

  #applyStaged(tenant: Tenant, offset: number): void {
    const staged = this.#staged;
    if (staged.histograms > 0) {
      const reason = 'native_histogram_not_supported';
      refuse(this.#state, tenant, reason, this.#record, staged.histograms);
    }
    this.#tenant = tenant;
    this.#window = undefined;
    this.#windowIndex = Number.NaN;
    this.#oldest = tenant.oldestTime;
    tenant.oldestLate = tenant.eventTime - tenant.settings.outOfOrderWindowMs;
    tenant.dirty = true;
    let previous = tenant.lastRef;
    let sample = 0;
    for (let index = 0; index < staged.seriesCount; index++) {
      let ref = staged.refs[index];
      for (const to = staged.samplesTo[index]; sample < to; sample++) {
        if (!this.#admit(staged.times[sample], offset)) {
          if (this.#refusal !== undefined)
            this.#refuse(this.#refusal, tenant, index, ref, sample, 1);
          continue;
        }
        if (ref < 0) {
          ref = this.#resolve(index, tenant, sample);
          if (ref < 0) {
            sample = to;
            break;
          }
        }
        this.#append(ref, tenant, index, sample, offset);
      }
      if (ref < 0) continue;
      if (staged.refs[index] < 0 && previous !== 0) {
        this.#state.store.setRecord(previous - 1, R.next, ref + 1);
      }
      previous = ref + 1;
    }
    tenant.lastRef = previous;
  }

  /**
   * Whether a sample at t may be stored at all. Remembers its window; where it may not, the reason, or
   * none for one that is in a block already.
   */
  #admit(t: number, offset: number): boolean {
    const tenant = this.#tenant!;
    if (t < this.#oldest) {
      this.#refusal = 'sample_timestamp_too_old';
      return false;
    }
    if (!(t <= TIME_MAX && t >= -TIME_MAX)) {
      this.#refusal = 'sample_timestamp_out_of_range';
      return false;
    }
    this.#refusal = undefined;
    const start = this.#windowIndex * WINDOW_MS;
    if (!(t >= start && t < start + WINDOW_MS)) {
      this.#windowIndex = Math.floor(t / WINDOW_MS);
      this.#window = tenant.windows.get(this.#windowIndex);
      this.#generation = undefined;
      this.#shipped = (this.#window?.shippedThrough ?? -1) >= offset;
    }
    if (this.#shipped && t > tenant.eventTime) tenant.advance(t);
    return !this.#shipped;
  }

  /** Finds or makes the series of a staged entry that the first pass didn't know; -1 where refused. */
  #resolve(index: number, tenant: Tenant, sample: number): number {
    const state = this.#state;
    const staged = this.#staged;
    const remade = staged.remade.get(index);
    const bytes = remade ?? staged.bytes;
    const from = remade ? 0 : staged.labelsFrom[index];
    const length = staged.labelsLength[index];
    const samples = staged.samplesTo[index] - sample;
    if (length === 0 || length > ARENA_RUN_MAX) {
      const reason = length === 0 ? 'missing_metric_name' : 'labels_too_long';
      this.#refuse(reason, tenant, index, -1, sample, samples);
      return -1;
    }
    const hash = staged.hashes[index];
    const view = remade ? new DataView(bytes.buffer, bytes.byteOffset, bytes.length) : staged.view;
    const found = state.store.find(view, from, length, hash, tenant.id);
    if (found >= 0) return found;
    const over = overSeriesLimit(state, tenant, bytes, from, length);
    if (over !== undefined) {
      this.#refuse(over, tenant, index, -1, sample, samples);
      return -1;
    }
    return state.createSeries(tenant, bytes, view, from, length, hash);
  }

  #append(ref: number, tenant: Tenant, index: number, sample: number, offset: number): void {
    const state = this.#state;
    const staged = this.#staged;
    const t = staged.times[sample];
    const low = staged.bits[2 * sample];
    const high = staged.bits[2 * sample + 1];
    const rel = t - this.#windowIndex * WINDOW_MS;
    const page = state.store.record(ref, R.pageSlot) >>> PAGE_BITS;
    if (state.pages.flags[page] !== OPEN_DIRTY) state.touchOpen(page);
    const result = state.appender.append(ref, tenant, this.#windowIndex, rel, low, high);
    if (result === 'accepted') {
      const generation = this.#generation ?? this.#enterGeneration(tenant, offset);
      const hash = state.store.record(ref, R.hash);
      const mixed = Math.imul(hash ^ Math.imul(rel + 1, 0x9e3779b1), 0x85ebca6b) ^ low;
      const sum = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) ^ Math.imul(high, 0x27d4eb2f);
      generation.sumA = (generation.sumA + sum) | 0;
      generation.sumB = (generation.sumB + Math.imul(sum ^ (sum >>> 13), 0x165667b1)) | 0;
      state.samplesSinceCheckpoint++;
      if (t > tenant.eventTime) tenant.advance(t);
      const { activity } = state;
      if (activity.minutes[ref] !== activity.minute) activity.touch(tenant, ref);
    } else if (result !== 'same') {
      this.#refuse(REASONS[result], tenant, index, ref, sample, 1);
    }
  }

  /** Refuses `count` samples of a staged series from `sample` on; `ref` is -1 where it isn't known. */
  #refuse(
    reason: string,
    tenant: Tenant,
    index: number,
    ref: number,
    sample: number,
    count: number,
  ): void {
    const staged = this.#staged;
    const { store } = this.#state;
    const t = staged.times[sample];
    const remade = ref < 0 ? staged.remade.get(index) : store.labelsOf(ref);
    const bytes = remade ?? staged.bytes;
    const from = remade ? 0 : staged.labelsFrom[index];
    const length = remade ? remade.length : staged.labelsLength[index];
    refuse(this.#state, tenant, reason, this.#record, count, t, bytes, from, length);
  }

  #enterGeneration(tenant: Tenant, offset: number): Generation {
    const generation = tenant.current(
      this.#window ?? tenant.window(this.#windowIndex),
      offset,
      this.#state.logTimeMs,
    );
    generation.lastOffset = offset;
    this.#generation = generation;
    return generation;
  }
}

const REASONS = {
  duplicate: 'sample_duplicate_timestamp',
  late: 'sample_out_of_order',
  'too-old': 'sample_timestamp_too_old',
} as const;

const METADATA_REASONS = {
  'over-tenant': 'per_user_metadata_limit',
  'over-metric': 'per_metric_metadata_limit',
} as const;

function readAllMetadata({ bytes, metadata }: StagedRecord): MetricMetadata[] {
  const entries: MetricMetadata[] = [];
  for (let at = 0; at < metadata.length; at += 2) {
    entries.push(readMetadata(bytes, metadata[at], metadata[at + 1]));
  }
  return entries;
}

function applyMetadata(
  state: HeadState,
  tenant: Tenant,
  entries: readonly MetricMetadata[],
  place: RecordPlace,
): void {
  for (const entry of entries) {
    const outcome = tenant.metadata.add(entry, tenant.settings);
    if (outcome === 'added') tenant.metadataDirty = true;
    else if (outcome !== 'known')
      refuseMetadata(state, tenant, METADATA_REASONS[outcome], entry, place);
  }
}

/** MetricMetadata: 1 type, 2 metric_family_name, 4 help, 5 unit. */
function readMetadata(bytes: Uint8Array, from: number, to: number): MetricMetadata {
  const cursor: Cursor = { at: from };
  const texts = new Map<number, string>();
  let type = 0;
  while (cursor.at < to) {
    const tag = readUvarint(bytes, cursor, to);
    if (tag === 0x08) {
      type = readUvarint(bytes, cursor, to);
      continue;
    }
    if ((tag & 7) !== 2) throw new WeirError('invalid', 'damaged metadata');
    const size = readUvarint(bytes, cursor, to);
    if (cursor.at + size > to) throw new WeirError('invalid', 'damaged metadata');
    texts.set(tag >>> 3, text(bytes.subarray(cursor.at, cursor.at + size)));
    cursor.at += size;
  }
  return {
    metric: texts.get(2) ?? '',
    type: METRIC_TYPES[type] ?? 'unknown',
    help: texts.get(4) ?? '',
    unit: texts.get(5) ?? '',
  };
}
