// Second pass over a record: decides about each sample and appends it. Every decision depends on the
// tenant's state and the record alone, so that the same log gives the same head everywhere.
import { WeirError } from '@weir/errors';
import type { NativeHistogram } from '@weir/model';
import { expandRecordV2 } from '@weir/wire/log-record';
import type { HeadRecord } from '../head.ts';
import { advanceLogTime } from '../log-time.ts';
import { lastTime } from '../reads/newest-sample.ts';
import { removeIfEmpty } from '../removal.ts';
import { ARENA_RUN_MAX } from '../series/byte-arena.ts';
import type { HistogramSample } from '../series/histograms.ts';
import { R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import type { RecordPlace } from '../tenants/discard-log.ts';
import { overSeriesLimit, refuse } from '../tenants/refusals.ts';
import { type Generation, type Tenant, WINDOW_MS, type WindowState } from '../windows.ts';
import { readExemplar } from './record-exemplars.ts';
import { readHistogram, zeroOf } from './record-histograms.ts';
import { applyMetadata, readAllMetadata } from './record-metadata.ts';
import { StagedRecord } from './staged-record.ts';

/** Timestamps beyond this are no dates. */
const TIME_MAX = 8.64e15;
const ACTIVE_LIMIT = 'max_active_series';

export interface PlainRecord extends RecordPlace {
  stage(staged: StagedRecord): void;
}

export class RecordApplier {
  /** What the last record was, as far as it was read. */
  readonly staged: StagedRecord;
  /** Whether that says all: the record could be applied, and changed nothing but by floats. */
  isPlain = false;
  /** Refs of the series that the last record made. */
  readonly created: number[] = [];
  readonly #state: HeadState;
  // The window that the last sample fell in.
  #tenant: Tenant | undefined;
  #windowIndex = 0;
  #window: WindowState | undefined;
  #generation: Generation | undefined;
  #shipped = false;
  /** Samples before this are too old: as the tenant stood before the record, whatever its order. */
  #oldest = Number.NEGATIVE_INFINITY;
  /** Of the tenant's settings; 0 is none. */
  #activeMax = 0;
  #record: RecordPlace = { offset: 0, timestampMs: 0 };
  #refusal: string | undefined;
  /** Where the next series with histograms, or with a created timestamp, stands in the staged lists. */
  #histogram = 0;
  #exemplar = 0;
  #created = 0;

  constructor(state: HeadState) {
    this.#state = state;
    this.staged = new StagedRecord(state.store);
  }

  apply(record: HeadRecord): void {
    const state = this.#state;
    advanceLogTime(state, record.timestampMs);
    this.#record = record;
    this.isPlain = false;
    this.created.length = 0;
    const known = state.tenantsByName.get(record.tenant);
    if (known?.parkedFrom !== undefined && record.offset >= known.parkedFrom) {
      known.parkedRecords++;
      known.dirty = true;
      return;
    }
    const staged = this.staged;
    try {
      if (record.version < 0 || record.version > 2) {
        throw new WeirError('invalid', `record version ${record.version}`);
      }
      const value = record.version === 2 ? expandRecordV2(record.value) : record.value;
      // A tenant that is new has no series: any id will do, and no state is made for a bad record.
      staged.read(value, known?.id ?? state.tenants.length, known?.lastRef ?? 0);
      if (known?.removal && this.#removesStaged(known)) {
        staged.read(value, known.id, known.lastRef);
      }
      const metadata = readAllMetadata(staged);
      const tenant = known ?? state.tenant(record.tenant);
      const before = state.samplesSinceCheckpoint;
      this.#applyStaged(tenant, record.offset);
      tenant.ingested.samples += state.samplesSinceCheckpoint - before;
      if (staged.fromRules) tenant.ingested.ruleSamples += state.samplesSinceCheckpoint - before;
      const isTold = applyMetadata(state, tenant, metadata, record);
      this.isPlain = staged.hasFloatsOnly && !isTold;
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      refuse(state, state.tenant(record.tenant), 'undecodable_record', record);
    }
  }

  /** Applies a record of floats of known series, as the journal has it. */
  applyPlain(tenant: Tenant, entry: PlainRecord): void {
    advanceLogTime(this.#state, entry.timestampMs);
    this.#record = entry;
    entry.stage(this.staged);
    this.#applyStaged(tenant, entry.offset);
  }

  /** Whether a staged series was one that a drop left without samples: it is removed now. */
  #removesStaged(tenant: Tenant): boolean {
    const { refs, seriesCount } = this.staged;
    let isChanged = false;
    for (let index = 0; index < seriesCount; index++) {
      if (refs[index] >= 0 && removeIfEmpty(this.#state, tenant, refs[index])) isChanged = true;
    }
    return isChanged;
  }

  #applyStaged(tenant: Tenant, offset: number): void {
    const staged = this.staged;
    this.#tenant = tenant;
    this.#window = undefined;
    this.#windowIndex = Number.NaN;
    this.#oldest = tenant.oldestTime;
    this.#activeMax = tenant.settings.activeSeriesMax ?? 0;
    tenant.oldestLate = tenant.eventTime - tenant.settings.outOfOrderWindowMs;
    tenant.dirty = true;
    this.#histogram = 0;
    this.#created = 0;
    const keepsStarts = tenant.settings.startTimestamps === true;
    const { appender } = this.#state;
    let nextCreated = staged.created[0];
    let nextHistogram = staged.histograms[0];
    let nextExemplar = staged.exemplars[0];
    this.#exemplar = 0;
    let previous = tenant.lastRef;
    let sample = 0;
    for (let index = 0; index < staged.seriesCount; index++) {
      let ref = staged.refs[index];
      let created = 0;
      appender.startT = 0;
      if (index === nextCreated) {
        created = staged.created[this.#created + 1];
        this.#created += 2;
        nextCreated = staged.created[this.#created];
        if (keepsStarts) {
          appender.startT = created;
          created = 0;
        }
      }
      for (const to = staged.samplesTo[index]; sample < to; sample++) {
        if (!this.#admit(staged.times[sample], offset)) {
          if (this.#refusal !== undefined)
            this.#refuse(this.#refusal, tenant, index, ref, staged.times[sample], 1);
          continue;
        }
        if (ref < 0) {
          ref = this.#resolve(index, tenant, staged.times[sample], to - sample);
          if (ref < 0) {
            sample = to;
            break;
          }
        }
        if (created !== 0) {
          this.#appendZero(ref, tenant, created, staged.times[sample], offset);
          created = 0;
        }
        this.#append(ref, tenant, index, sample, offset);
      }
      if (index === nextHistogram) {
        ref = this.#appendHistograms(index, ref, tenant, created, offset);
        nextHistogram = staged.histograms[this.#histogram];
      }
      if (index === nextExemplar) {
        this.#keepExemplars(index, ref, tenant);
        nextExemplar = staged.exemplars[this.#exemplar];
      }
      if (ref < 0) continue;
      if (staged.refs[index] < 0 && previous !== 0) {
        this.#state.store.setNext(previous - 1, ref);
      }
      previous = ref + 1;
    }
    appender.startT = 0;
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
  #resolve(index: number, tenant: Tenant, t: number, samples: number): number {
    const state = this.#state;
    const staged = this.staged;
    const remade = staged.remade.get(index);
    const bytes = remade ?? staged.bytes;
    const from = remade ? 0 : staged.labelsFrom[index];
    const length = staged.labelsLength[index];
    if (length === 0 || length > ARENA_RUN_MAX) {
      const reason = length === 0 ? 'missing_metric_name' : 'labels_too_long';
      this.#refuse(reason, tenant, index, -1, t, samples);
      return -1;
    }
    const hash = staged.hashes[index];
    const view = remade ? new DataView(bytes.buffer, bytes.byteOffset, bytes.length) : staged.view;
    const found = state.store.find(view, from, length, hash, tenant.id);
    if (found >= 0) return found;
    const over = this.#isOverActive(tenant, -1)
      ? ACTIVE_LIMIT
      : overSeriesLimit(state, tenant, bytes, from, length);
    if (over !== undefined) {
      this.#refuse(over, tenant, index, -1, t, samples);
      return -1;
    }
    const ref = state.createSeries(tenant, bytes, view, from, length, hash);
    this.created.push(ref);
    return ref;
  }

  #isOverActive(tenant: Tenant, ref: number): boolean {
    const max = this.#activeMax;
    return max > 0 && !this.#state.activity.mayBeActive(tenant, ref, max);
  }

  #append(ref: number, tenant: Tenant, index: number, sample: number, offset: number): void {
    const state = this.#state;
    const staged = this.staged;
    const t = staged.times[sample];
    const low = staged.bits[2 * sample];
    const high = staged.bits[2 * sample + 1];
    if (this.#activeMax > 0 && this.#isOverActive(tenant, ref)) {
      this.#refuse(ACTIVE_LIMIT, tenant, index, ref, t, 1);
      return;
    }
    const rel = t - this.#windowIndex * WINDOW_MS;
    state.store.touch(ref);
    const result = state.appender.append(ref, tenant, this.#windowIndex, rel, low, high);
    if (result === 'accepted') this.#accepted(ref, tenant, t, low, high, offset);
    else if (result !== 'same') this.#refuse(REASONS[result], tenant, index, ref, t, 1);
  }

  /** Accounts for a sample that a series took; `low` and `high` are its value, or a hash of it. */
  #accepted(
    ref: number,
    tenant: Tenant,
    t: number,
    low: number,
    high: number,
    offset: number,
  ): void {
    const state = this.#state;
    const rel = t - this.#windowIndex * WINDOW_MS;
    const generation = this.#generation ?? this.#enterGeneration(tenant, offset);
    const hash = state.store.record(ref, R.hash);
    const mixed = Math.imul(hash ^ Math.imul(rel + 1, 0x9e3779b1), 0x85ebca6b) ^ low;
    const start = Math.imul(state.appender.startT | 0, 0x9e3779b1);
    const sum = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) ^ Math.imul(high, 0x27d4eb2f) ^ start;
    generation.sumA = (generation.sumA + sum) | 0;
    generation.sumB = (generation.sumB + Math.imul(sum ^ (sum >>> 13), 0x165667b1)) | 0;
    state.samplesSinceCheckpoint++;
    if (t > tenant.eventTime) tenant.advance(t);
    const { activity } = state;
    if (activity.minutes[ref] !== activity.minute) activity.touch(tenant, ref);
  }

  /** Only a series that the head has can have exemplars; an earlier entry of this record may have made it. */
  #keepExemplars(index: number, staged: number, tenant: Tenant): void {
    const { bytes, exemplars } = this.staged;
    const { store, exemplarRuns } = this.#state;
    const max = tenant.settings.exemplarsMax ?? 0;
    const ref = staged < 0 && max > 0 ? this.#find(index, tenant) : staged;
    for (; exemplars[this.#exemplar] === index; this.#exemplar += 3) {
      if (ref < 0 || max === 0) continue;
      const [from, to] = [exemplars[this.#exemplar + 1], exemplars[this.#exemplar + 2]];
      const found = readExemplar(bytes, from, to);
      if (!found) continue;
      const { labels, t, value } = found;
      tenant.exemplars.add(exemplarRuns, max, store.labelsOf(ref), labels, t, value);
    }
  }

  /** The series of a staged entry that the first pass didn't know, if there is one by now; else -1. */
  #find(index: number, tenant: Tenant): number {
    const staged = this.staged;
    const remade = staged.remade.get(index);
    const view = remade
      ? new DataView(remade.buffer, remade.byteOffset, remade.length)
      : staged.view;
    const from = remade ? 0 : staged.labelsFrom[index];
    const length = staged.labelsLength[index];
    if (length === 0) return -1;
    return this.#state.store.find(view, from, length, staged.hashes[index], tenant.id);
  }

  /** The histograms of a staged series; returns its ref, which the first of them may have made. */
  #appendHistograms(
    index: number,
    known: number,
    tenant: Tenant,
    created: number,
    offset: number,
  ): number {
    const { bytes, histograms } = this.staged;
    const { appender } = this.#state;
    const keepsStarts = tenant.settings.startTimestamps === true;
    const told = appender.startT;
    let ref = known;
    for (; histograms[this.#histogram] === index; this.#histogram += 3) {
      const found = readHistogram(
        bytes,
        histograms[this.#histogram + 1],
        histograms[this.#histogram + 2],
      );
      if (typeof found === 'string') {
        this.#refuse(found, tenant, index, ref, Number.NaN, 1);
        continue;
      }
      const { t, startT, sample } = found;
      if (!this.#admit(t, offset)) {
        if (this.#refusal !== undefined) this.#refuse(this.#refusal, tenant, index, ref, t, 1);
        continue;
      }
      if (ref < 0) ref = this.#resolve(index, tenant, t, 1);
      if (ref < 0) continue;
      if (this.#isOverActive(tenant, ref)) {
        this.#refuse(ACTIVE_LIMIT, tenant, index, ref, t, 1);
        continue;
      }
      if (keepsStarts) appender.startT = startT || told;
      else this.#appendZero(ref, tenant, startT || created, t, offset, sample.histogram);
      this.#appendHistogram(ref, tenant, index, t, sample, offset);
    }
    return ref;
  }

  #appendHistogram(
    ref: number,
    tenant: Tenant,
    index: number,
    t: number,
    sample: HistogramSample,
    offset: number,
  ): void {
    this.#state.store.touch(ref);
    const window = this.#windowIndex;
    const rel = t - window * WINDOW_MS;
    const result = this.#state.appender.appendHistogram(ref, tenant, window, rel, sample);
    const { a, b } = sample.hash;
    if (result === 'accepted') this.#accepted(ref, tenant, t, a, b, offset);
    else if (result !== 'same') this.#refuse(REASONS[result], tenant, index, ref, t, 1);
  }

  /**
   * A counter's zero at the time it was created, where that lies behind all that the series has and
   * before the sample at t; else nothing. `histogram` is that sample where it is one.
   */
  #appendZero(
    ref: number,
    tenant: Tenant,
    created: number,
    t: number,
    offset: number,
    histogram?: NativeHistogram,
  ): void {
    const { store, appender } = this.#state;
    if (!(created > 0 && created < t && created > lastTime(store, ref))) return;
    if (this.#admit(created, offset)) {
      store.touch(ref);
      const window = this.#windowIndex;
      const rel = created - window * WINDOW_MS;
      const zero = histogram && zeroOf(histogram);
      const result = zero
        ? appender.appendHistogram(ref, tenant, window, rel, zero)
        : appender.append(ref, tenant, window, rel, 0, 0);
      const { a, b } = zero?.hash ?? { a: 0, b: 0 };
      if (result === 'accepted') this.#accepted(ref, tenant, created, a, b, offset);
    }
    this.#admit(t, offset);
  }

  /** Refuses `count` samples of a staged series, of time t; `ref` is -1 where it isn't known. */
  #refuse(
    reason: string,
    tenant: Tenant,
    index: number,
    ref: number,
    t: number,
    count: number,
  ): void {
    const staged = this.staged;
    const { store } = this.#state;
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
