// Writes what a head has applied since its last checkpoint to a file beside it, in a form that is quickly applied
// again: records of known series as columns with refs, others as they are. The log stays the truth: whatever of the
// journal is missing or damaged is read from the log. Nothing is synced.
//
// Invariant: the committed checkpoint and all that is appended to its chain of files give the state that the head
// had at that position. So a change that is no entry ends the journal, until the next checkpoint begins.
import { utf8 } from '@weir/bytes';
import { toWeirError, type WeirError } from '@weir/errors';
import type { HeadRecord, JournalFiles, TenantSettings } from '../head.ts';
import type { RecordApplier } from '../records/apply.ts';
import type { StagedRecord } from '../records/staged-record.ts';
import type { SeriesStore } from '../series/series-store.ts';
import { measurePlain, sizeOfBytes, writeBytes, writePlain } from './entries.ts';
import {
  FILE_HEADER_BYTES,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  KIND,
  Words,
  writeFileHeader,
  writeFrameHeader,
} from './format.ts';
import { refCheck } from './ref-check.ts';

/** A frame is written when it has so much. */
export const JOURNAL_FRAME_BYTES = 224 * 1024;
/** Memory of a frame, unless a record needs more. */
const FRAME_MEMORY_BYTES = 256 * 1024;
/** Frames that wait for the disk, then applying should wait. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
/** What a restart would read, at most; beyond, it reads the log. */
const SIZE_BYTES_MAX = 256 * 1024 * 1024;
const SPARE_FRAMES_MAX = 4;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The chain of files that a restart has found, or none. */
export interface JournalChain {
  readonly epoch: number;
  readonly position: number;
  /** Numbers and sizes. */
  readonly files: ReadonlyMap<number, number>;
  /** Numbers up to this were used. */
  readonly lastNumber: number;
}

interface File {
  readonly number: number;
  readonly epoch: number;
  readonly isFirst: boolean;
  /** The file before it, and its size; 0: none. */
  readonly previous: number;
  readonly previousBytes: number;
  readonly from: number;
}

export class HeadJournal {
  readonly #files: JournalFiles;
  readonly #store: SeriesStore;
  readonly #frameBytes: number;
  /** Of the files that are there. */
  readonly #sizes = new Map<number, number>();
  #lastNumber = 0;
  /** Takes what is noted; undefined: the journal has ended. */
  #file: File | undefined;
  /** The first file of the checkpoint that is being written, and whether the files before it lead to it. */
  #begun: { readonly number: number; readonly isLinked: boolean } | undefined;
  #frame: Words | undefined;
  #frameAt = 0;
  #at = 0;
  #frameFrom = 0;
  #position = 0;
  #pendingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #room: Promise<void> | undefined;
  #makeRoom: () => void = () => {};
  readonly #spare: Words[] = [];
  #tenant = '';
  #tenantBytes = NO_BYTES;
  /** Files that the disk has refused to take something for. */
  readonly #failed = new Set<number>();
  #failure: WeirError | undefined;

  constructor(files: JournalFiles, store: SeriesStore, frameBytes = JOURNAL_FRAME_BYTES) {
    this.#files = files;
    this.#store = store;
    this.#frameBytes = frameBytes;
  }

  get isOn(): boolean {
    return this.#file !== undefined;
  }

  get sizeBytes(): number {
    let sum = this.#at;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }

  /** Why the disk refused the last write that it refused; undefined when it was told. */
  takeFailure(): WeirError | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** Goes on after a restart. Without `isWhole` nothing is noted before the next checkpoint. */
  resume({ epoch, position, files, lastNumber }: JournalChain, isWhole: boolean): void {
    for (const [number, size] of files) this.#sizes.set(number, size);
    this.#lastNumber = lastNumber;
    this.#position = position;
    if (!isWhole) return;
    const previous = [...files.keys()].at(-1) ?? 0;
    const previousBytes = files.get(previous) ?? 0;
    const isFirst = previous === 0;
    const number = ++this.#lastNumber;
    this.#file = { number, epoch, isFirst, previous, previousBytes, from: position };
  }

  /** A checkpoint has taken the state as it is now. */
  begin(epoch: number, position: number): void {
    this.flush();
    const before = this.#file;
    const isMade = before !== undefined && this.#sizes.has(before.number);
    const previous = isMade ? before.number : (before?.previous ?? 0);
    const previousBytes = this.#sizes.get(previous) ?? 0;
    this.#position = position;
    const number = ++this.#lastNumber;
    this.#file = { number, epoch, isFirst: true, previous, previousBytes, from: position };
    this.#begun = { number, isLinked: before !== undefined };
  }

  /** It was committed: what was written before it began is of no use any more. */
  async committed(): Promise<void> {
    const first = this.#begun?.number ?? 0;
    this.#begun = undefined;
    const useless = [...this.#sizes.keys()].filter((number) => number < first);
    await this.#writing;
    try {
      await this.#files.remove(useless);
      for (const number of useless) this.#sizes.delete(number);
    } catch (error) {
      this.#failure = toWeirError(error);
    }
  }

  /** It was not: the files before it count. */
  aborted(): void {
    if (this.#begun?.isLinked === false) this.end();
    this.#begun = undefined;
  }

  /** Something changes that a replay would not do. */
  end(): void {
    this.flush();
    this.#forget();
  }

  /** The record that `applier` has applied. */
  note(record: HeadRecord, applier: RecordApplier): void {
    if (this.#file === undefined) return;
    const isPlain = applier.isPlain && this.#notePlain(record, applier.staged);
    if (!isPlain) {
      this.#noteBytes(KIND.raw, record, record.value, record.version, applier.created);
    }
    this.#position = record.offset + 1;
    if (this.#at >= this.#frameBytes) this.flush();
  }

  noteSettings(tenant: string, settings: TenantSettings): void {
    const value = utf8(JSON.stringify(settings));
    const place = { offset: this.#position, timestampMs: 0, tenant };
    if (this.#file !== undefined) this.#noteBytes(KIND.settings, place, value);
    if (this.#at >= this.#frameBytes) this.flush();
  }

  /** The position moves on without a record. */
  noteMove(to: number): void {
    if (this.#file === undefined || to <= this.#position) return;
    const place = { offset: to, timestampMs: 0, tenant: '' };
    this.#noteBytes(KIND.move, place, NO_BYTES);
    this.#position = to;
    if (this.#at >= this.#frameBytes) this.flush();
  }

  /** While too much waits for the disk: a promise that ends when it doesn't. */
  room(): Promise<void> | undefined {
    if (this.#room === undefined && this.#pendingBytes > PENDING_BYTES_MAX) {
      this.#room = new Promise((resolve) => {
        this.#makeRoom = resolve;
      });
    }
    return this.#room;
  }

  async close(): Promise<void> {
    this.end();
    await this.#writing;
  }

  #notePlain(record: HeadRecord, staged: StagedRecord): boolean {
    const check = refCheck(this.#store, staged.refs, staged.seriesCount);
    if (check === undefined) return false;
    const tenant = this.#nameBytes(record.tenant);
    const plain = measurePlain(staged, tenant.length);
    const frame = this.#reserve(plain.size);
    if (frame === undefined) return true;
    writePlain(frame, this.#at, plain, { record, tenant, staged, check });
    this.#at += plain.size;
    return true;
  }

  #noteBytes(
    kind: number,
    place: Pick<HeadRecord, 'offset' | 'timestampMs' | 'tenant'>,
    value: Uint8Array,
    version = 0,
    created: readonly number[] = [],
  ): void {
    const tenant = this.#nameBytes(place.tenant);
    const size = sizeOfBytes(tenant, value, created);
    const frame = this.#reserve(size);
    if (frame === undefined) return;
    writeBytes(frame, this.#at, size, { kind, place, tenant, value, version, created });
    this.#at += size;
  }

  /** Records mostly come from one tenant after another of theirs. */
  #nameBytes(tenant: string): Uint8Array {
    if (tenant !== this.#tenant) {
      this.#tenant = tenant;
      this.#tenantBytes = utf8(tenant);
    }
    return this.#tenantBytes;
  }

  /** The frame, with room for so much more at `#at`; undefined: the journal has ended, as it would be too large. */
  #reserve(sizeBytes: number): Words | undefined {
    if (this.#frame !== undefined && this.#at + sizeBytes > this.#frame.bytes.length) this.flush();
    if (this.#frame !== undefined) return this.#frame;
    const size = FILE_HEADER_BYTES + FRAME_HEADER_BYTES + sizeBytes;
    if (size > FRAME_BYTES_MAX || this.sizeBytes + size > SIZE_BYTES_MAX) {
      this.end();
      return undefined;
    }
    this.#frame =
      size > FRAME_MEMORY_BYTES
        ? new Words(size)
        : (this.#spare.pop() ?? new Words(FRAME_MEMORY_BYTES));
    this.#frameAt = this.#sizes.has(this.#file!.number) ? 0 : FILE_HEADER_BYTES;
    this.#at = this.#frameAt + FRAME_HEADER_BYTES;
    this.#frameFrom = this.#position;
    return this.#frame;
  }

  /** Begins to write the frame as far as it is. */
  flush(): void {
    const { number } = this.#file ?? {};
    const frame = this.#frame;
    if (number === undefined || frame === undefined) return;
    const length = this.#at - this.#frameAt;
    writeFrameHeader(frame, this.#frameAt, { length, from: this.#frameFrom, to: this.#position });
    if (this.#frameAt > 0) writeFileHeader(frame, this.#file!);
    const size = this.#at;
    this.#sizes.set(number, (this.#sizes.get(number) ?? 0) + size);
    this.#frame = undefined;
    this.#at = 0;
    this.#pendingBytes += size;
    this.#writing = this.#writing.then(() => this.#append(number, frame, size));
  }

  async #append(number: number, frame: Words, size: number): Promise<void> {
    try {
      if (!this.#failed.has(number))
        await this.#files.append(number, frame.bytes.subarray(0, size));
    } catch (error) {
      // What comes after a gap would not be read.
      this.#failed.add(number);
      this.#failure = toWeirError(error);
      if (this.#file?.number === number) this.#forget();
    }
    this.#pendingBytes -= size;
    if (frame.bytes.length === FRAME_MEMORY_BYTES && this.#spare.length < SPARE_FRAMES_MAX) {
      this.#spare.push(frame);
    }
    if (this.#room === undefined || this.#pendingBytes > PENDING_BYTES_MAX) return;
    this.#room = undefined;
    this.#makeRoom();
  }

  #forget(): void {
    this.#file = undefined;
    this.#frame = undefined;
    this.#at = 0;
  }
}
