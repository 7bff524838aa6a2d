// Entries of the journal, as FORMAT.md has them: written behind one another into a frame's memory, and read from it.
import { text } from '@weir/bytes';
import type { HeadRecord } from '../head.ts';
import type { StagedRecord } from '../records/staged-record.ts';
import { KIND, padded, type Words } from './format.ts';

const HEADER_BYTES = 56;
/** How a plain entry tells times: one for all, differences to the first one, or each in full. */
const TIMES = { one: 0, deltas: 1, full: 2 } as const;
const TIMES_MASK = 3;
/** Beside them: each series has one sample. */
const ONE_EACH = 4;

interface PlainSize {
  readonly size: number;
  readonly flags: number;
}

/** How large a plain entry of what is staged will be. */
export function measurePlain(staged: StagedRecord, tenantLength: number): PlainSize {
  const { seriesCount, sampleCount } = staged;
  const flags = timesOf(staged) | (hasOneEach(staged) ? ONE_EACH : 0);
  const columns = columnsOf(HEADER_BYTES, { flags, seriesCount, sampleCount, tenantLength });
  return { size: columns.end, flags };
}

interface Columns {
  readonly refs: number;
  readonly samplesTo: number;
  readonly times: number;
  readonly bits: number;
  readonly end: number;
}

interface Counts {
  readonly flags: number;
  readonly seriesCount: number;
  readonly sampleCount: number;
  readonly tenantLength: number;
}

/** Where the columns of a plain entry begin, behind its header, which ends at `from`. */
function columnsOf(from: number, counts: Counts): Columns {
  const { flags, seriesCount, sampleCount } = counts;
  const how = flags & TIMES_MASK;
  const timeBytes = how === TIMES.one ? 0 : how === TIMES.deltas ? 4 : 8;
  const refs = from + padded(counts.tenantLength);
  const samplesTo = refs + padded(seriesCount * 4);
  const times = samplesTo + ((flags & ONE_EACH) === 0 ? padded(seriesCount * 4) : 0);
  const bits = times + padded(sampleCount * timeBytes);
  return { refs, samplesTo, times, bits, end: bits + sampleCount * 8 };
}

function hasOneEach({ samplesTo, seriesCount, sampleCount }: StagedRecord): boolean {
  if (seriesCount !== sampleCount) return false;
  for (let index = 0; index < seriesCount; index++) {
    if (samplesTo[index] !== index + 1) return false;
  }
  return true;
}

function timesOf({ times, sampleCount }: StagedRecord): number {
  const base = times[0];
  let how: number = TIMES.one;
  for (let sample = 1; sample < sampleCount; sample++) {
    const delta = times[sample] - base;
    if (delta === 0) continue;
    // Also where a difference is rounded, or is none.
    if ((delta | 0) !== delta || base + delta !== times[sample]) return TIMES.full;
    how = TIMES.deltas;
  }
  return how;
}

interface Header {
  readonly kind: number;
  readonly size: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly tenantLength: number;
}

function writeHeader({ ints, floats }: Words, at: number, header: Header): void {
  const word = at / 4;
  ints[word] = header.kind;
  ints[word + 1] = header.size;
  floats[at / 8 + 1] = header.offset;
  floats[at / 8 + 2] = header.timestampMs;
  ints[word + 6] = header.tenantLength;
}

export function writePlain(
  words: Words,
  at: number,
  { size, flags }: PlainSize,
  of: {
    readonly record: HeadRecord;
    readonly tenant: Uint8Array;
    readonly staged: StagedRecord;
    readonly check: number;
  },
): void {
  const { bytes, ints, floats } = words;
  const { record, tenant, staged } = of;
  const { seriesCount, sampleCount, times } = staged;
  const { offset, timestampMs } = record;
  const tenantLength = tenant.length;
  writeHeader(words, at, { kind: KIND.plain, size, offset, timestampMs, tenantLength });
  const word = at / 4;
  ints[word + 7] = flags;
  ints[word + 8] = seriesCount;
  ints[word + 9] = sampleCount;
  ints[word + 10] = of.check;
  ints[word + 11] = 0;
  const base = sampleCount > 0 ? times[0] : 0;
  floats[at / 8 + 6] = base;
  bytes.set(tenant, at + HEADER_BYTES);
  const columns = columnsOf(at + HEADER_BYTES, { flags, seriesCount, sampleCount, tenantLength });
  ints.set(staged.refs.subarray(0, seriesCount), columns.refs / 4);
  if ((flags & ONE_EACH) === 0) {
    ints.set(staged.samplesTo.subarray(0, seriesCount), columns.samplesTo / 4);
  }
  const how = flags & TIMES_MASK;
  if (how === TIMES.full) floats.set(times.subarray(0, sampleCount), columns.times / 8);
  else if (how === TIMES.deltas) {
    const from = columns.times / 4;
    for (let sample = 0; sample < sampleCount; sample++) ints[from + sample] = times[sample] - base;
  }
  ints.set(staged.bits.subarray(0, 2 * sampleCount), columns.bits / 4);
}

interface BytesEntry {
  readonly kind: number;
  readonly place: Pick<HeadRecord, 'offset' | 'timestampMs'>;
  readonly tenant: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
  /** Refs of the series that the record made, in the order they were made. */
  readonly created: readonly number[];
}

export function sizeOfBytes(
  tenant: Uint8Array,
  value: Uint8Array,
  created: readonly number[],
): number {
  return HEADER_BYTES + padded(tenant.length) + padded(created.length * 4) + padded(value.length);
}

export function writeBytes(words: Words, at: number, size: number, entry: BytesEntry): void {
  const { bytes, ints, floats } = words;
  const { kind, place, tenant, value, created } = entry;
  const { offset, timestampMs } = place;
  writeHeader(words, at, { kind, size, offset, timestampMs, tenantLength: tenant.length });
  const word = at / 4;
  ints[word + 7] = entry.version;
  ints[word + 8] = created.length;
  ints[word + 9] = value.length;
  floats[at / 8 + 5] = 0;
  floats[at / 8 + 6] = 0;
  const tenantAt = at + HEADER_BYTES;
  bytes.set(tenant, tenantAt);
  const createdAt = tenantAt + padded(tenant.length);
  ints.set(created, createdAt / 4);
  bytes.set(value, createdAt + padded(created.length * 4));
}

/** One entry of a frame. What it does not have is empty. */
export class Entry {
  kind = 0;
  size = 0;
  offset = 0;
  timestampMs = 0;
  tenant = '';
  /** Of a plain one. */
  seriesCount = 0;
  sampleCount = 0;
  check = 0;
  refs: Int32Array = new Int32Array(0);
  /** Of others. */
  version = 0;
  created: Int32Array = new Int32Array(0);
  value: Uint8Array = new Uint8Array(0);
  #words: Words | undefined;
  #flags = 0;
  #base = 0;
  #columns: Columns | undefined;
  #tenantBytes: Uint8Array = new Uint8Array(0);

  /** Reads the entry at `at` of a frame that ends at `end`; false where there can't be one. */
  read(words: Words, at: number, end: number): boolean {
    const { bytes, ints, floats } = words;
    if (at + HEADER_BYTES > end) return false;
    const word = at / 4;
    this.kind = ints[word];
    this.size = ints[word + 1];
    if (this.size < HEADER_BYTES || this.size % 8 !== 0 || at + this.size > end) return false;
    this.offset = floats[at / 8 + 1];
    this.timestampMs = floats[at / 8 + 2];
    const tenantLength = ints[word + 6];
    const tenantAt = at + HEADER_BYTES;
    if (tenantLength < 0 || tenantAt + tenantLength > at + this.size) return false;
    this.#readTenant(bytes.subarray(tenantAt, tenantAt + tenantLength));
    if (this.kind === KIND.plain) return this.#readPlain(words, at, tenantLength);
    return this.#readBytes(words, at, tenantAt + padded(tenantLength));
  }

  /** Puts the columns of a plain entry where applying looks for them. */
  stage(staged: StagedRecord): void {
    const { seriesCount, sampleCount } = this;
    const { ints, floats } = this.#words!;
    const columns = this.#columns!;
    staged.expect(seriesCount, sampleCount);
    staged.refs.set(this.refs);
    if ((this.#flags & ONE_EACH) === 0) {
      const from = columns.samplesTo / 4;
      staged.samplesTo.set(ints.subarray(from, from + seriesCount));
    } else for (let index = 0; index < seriesCount; index++) staged.samplesTo[index] = index + 1;
    const { times } = staged;
    const how = this.#flags & TIMES_MASK;
    if (how === TIMES.one) times.fill(this.#base, 0, sampleCount);
    else if (how === TIMES.full) {
      times.set(floats.subarray(columns.times / 8, columns.times / 8 + sampleCount));
    } else {
      const from = columns.times / 4;
      const base = this.#base;
      for (let sample = 0; sample < sampleCount; sample++)
        times[sample] = base + ints[from + sample];
    }
    const bitsFrom = columns.bits / 4;
    staged.bits.set(ints.subarray(bitsFrom, bitsFrom + 2 * sampleCount));
  }

  #readTenant(bytes: Uint8Array): void {
    if (
      this.#tenantBytes.length === bytes.length &&
      Buffer.compare(this.#tenantBytes, bytes) === 0
    ) {
      return;
    }
    this.#tenantBytes = bytes.slice();
    this.tenant = text(bytes);
  }

  #readPlain(words: Words, at: number, tenantLength: number): boolean {
    const { ints, floats } = words;
    const word = at / 4;
    const flags = ints[word + 7];
    const seriesCount = ints[word + 8];
    const sampleCount = ints[word + 9];
    if (seriesCount < 0 || sampleCount < 0) return false;
    const columns = columnsOf(at + HEADER_BYTES, { flags, seriesCount, sampleCount, tenantLength });
    if (columns.end !== at + this.size) return false;
    Object.assign(this, { seriesCount, sampleCount, check: ints[word + 10] });
    this.refs = ints.subarray(columns.refs / 4, columns.refs / 4 + seriesCount);
    this.#words = words;
    this.#flags = flags;
    this.#base = floats[at / 8 + 6];
    this.#columns = columns;
    return true;
  }

  #readBytes({ bytes, ints }: Words, at: number, from: number): boolean {
    const word = at / 4;
    const createdCount = ints[word + 8];
    const valueLength = ints[word + 9];
    if (createdCount < 0 || valueLength < 0) return false;
    const valueAt = from + padded(createdCount * 4);
    if (valueAt + padded(valueLength) !== at + this.size) return false;
    this.version = ints[word + 7];
    this.created = ints.subarray(from / 4, from / 4 + createdCount);
    this.value = bytes.subarray(valueAt, valueAt + valueLength);
    return true;
  }
}
