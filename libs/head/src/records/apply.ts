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

  constructor(state: HeadState) {
    this.#state = state;
    this.#staged = new StagedRecord(state.store);
  }

  apply(record: HeadRecord): void {
    const state = this.#state;
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
      applyMetadata(tenant, metadata);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      state.discard(record.tenant, 'undecodable_record');
    }
  }

  #applyStaged(tenant: Tenant, offset: number): void {
    const staged = this.#staged;
    if (staged.histograms > 0) {
      this.#state.discard(tenant.name, 'native_histogram_not_supported', staged.histograms);
    }
    this.#tenant = tenant;
    this.#window = undefined;
    this.#windowIndex = Number.NaN;
    this.#oldest = Math.max(tenant.closedBefore, tenant.eventTime - tenant.tooOldMs);
    tenant.dirty = true;
    let previous = tenant.lastRef;
    let sample = 0;
    for (let index = 0; index < staged.seriesCount; index++) {
      let ref = staged.refs[index];
      for (const to = staged.samplesTo[index]; sample < to; sample++) {
        if (!this.#admit(staged.times[sample], offset)) continue;
        if (ref < 0) {
          ref = this.#resolve(index, tenant);
          if (ref < 0) {
            sample = to;
            break;
          }
        }
        this.#append(ref, tenant, sample, offset);
      }
      if (ref < 0) continue;
      if (staged.refs[index] < 0 && previous !== 0) {
        this.#state.store.setRecord(previous - 1, R.next, ref + 1);
      }
      previous = ref + 1;
    }
    tenant.lastRef = previous;
  }

  /** Whether a sample at t may be stored at all. Remembers its window. */
  #admit(t: number, offset: number): boolean {
    const tenant = this.#tenant!;
    if (t < this.#oldest) {
      this.#state.discard(tenant.name, 'sample_timestamp_too_old');
      return false;
    }
    if (!(t <= TIME_MAX && t >= -TIME_MAX)) {
      this.#state.discard(tenant.name, 'sample_timestamp_out_of_range');
      return false;
    }
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
  #resolve(index: number, tenant: Tenant): number {
    const state = this.#state;
    const staged = this.#staged;
    const remade = staged.remade.get(index);
    const bytes = remade ?? staged.bytes;
    const from = remade ? 0 : staged.labelsFrom[index];
    const length = staged.labelsLength[index];
    const samples = staged.samplesTo[index] - (index === 0 ? 0 : staged.samplesTo[index - 1]);
    if (length === 0 || length > ARENA_RUN_MAX) {
      state.discard(tenant.name, length === 0 ? 'missing_metric_name' : 'labels_too_long', samples);
      return -1;
    }
    const hash = staged.hashes[index];
    const view = remade ? new DataView(bytes.buffer, bytes.byteOffset, bytes.length) : staged.view;
    const found = state.store.find(view, from, length, hash, tenant.id);
    if (found >= 0) return found;
    const max = tenant.settings.seriesMax;
    if (max > 0 && tenant.seriesCount >= max) {
      state.discard(tenant.name, 'max_series_per_user', samples);
      return -1;
    }
    return state.createSeries(tenant, bytes, view, from, length, hash);
  }

  #append(ref: number, tenant: Tenant, sample: number, offset: number): void {
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
    } else if (result !== 'same') {
      state.discard(tenant.name, REASONS[result]);
    }
  }

  #enterGeneration(tenant: Tenant, offset: number): Generation {
    const generation = tenant.current(this.#window ?? tenant.window(this.#windowIndex), offset);
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

function readAllMetadata({ bytes, metadata }: StagedRecord): MetricMetadata[] {
  const entries: MetricMetadata[] = [];
  for (let at = 0; at < metadata.length; at += 2) {
    entries.push(readMetadata(bytes, metadata[at], metadata[at + 1]));
  }
  return entries;
}

function applyMetadata(tenant: Tenant, entries: readonly MetricMetadata[]): void {
  for (const entry of entries) {
    const known = tenant.metadata.get(entry.metric);
    const { type, help, unit } = entry;
    if (known?.type === type && known.help === help && known.unit === unit) continue;
    tenant.metadata.set(entry.metric, entry);
    tenant.metadataDirty = true;
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
