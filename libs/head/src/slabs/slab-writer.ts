// Copies slabs at once and writes them later, from stages of a megabyte that a thread's heads share. What
// lies in adjacent extents of a file and was put one after the other is one write; two stages are being
// written at most.
import { crc32 } from 'node:zlib';
import type { SlabFile, SlabFiles } from '../head.ts';
import { EXTENT_BYTES } from './extents.ts';

const STAGE_BYTES = 1024 * 1024;
/** What a checkpoint begins with: where little happens it needs no more. Holds any slab. */
const SMALL_BYTES = 256 * 1024;
const WRITING_MAX = 2;
/** The ones being written, and the one being filled. */
const SPARE_MAX = WRITING_MAX + 1;
/** What is left of an extent is written as zeros where that is less than a new write costs. */
const GAP_MAX_BYTES = 4096;

/** Memory of this thread that no head uses now. */
const spare: Uint8Array[] = [];

interface Run {
  readonly file: SlabFile;
  readonly extent: number;
  readonly from: number;
  /** Extents so far. */
  count: number;
  to: number;
}

interface Stage {
  readonly bytes: Uint8Array;
  readonly runs: Run[];
  used: number;
  /** Bytes of slabs in it. */
  slabBytes: number;
}

export class SlabWriter {
  readonly #files: SlabFiles;
  readonly #full: Stage[] = [];
  readonly #writing = new Set<Promise<void>>();
  #stage: Stage | undefined;
  #isFirst = true;
  #failure: { readonly error: unknown } | undefined;
  #pendingBytes = 0;
  #written = 0;

  constructor(files: SlabFiles) {
    this.#files = files;
  }

  /** Copied, and not yet written. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** A stage waits to be written. */
  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** How many writes have ended. */
  get written(): number {
    return this.#written;
  }

  /** Copies the parts, `length` bytes; returns their checksum. */
  put(file: SlabFile, extent: number, parts: readonly ArrayBufferView[], length: number): number {
    const stage = this.#room(file, extent, length);
    const run = runFor(stage, file, extent);
    const from = run.to;
    for (const { buffer, byteOffset, byteLength } of parts) {
      stage.bytes.set(new Uint8Array(buffer, byteOffset, byteLength), run.to);
      run.to += byteLength;
    }
    stage.used = run.to;
    stage.slabBytes += length;
    this.#pendingBytes += length;
    return crc32(stage.bytes.subarray(from, run.to));
  }

  /** Begins to write the stages that are full; waits only while two are being written. */
  async flushFull(): Promise<void> {
    this.#throwFailure();
    while (this.#full.length > 0) {
      if (this.#writing.size >= WRITING_MAX) {
        await Promise.race(this.#writing);
        this.#throwFailure();
      } else this.#start(this.#full.shift()!);
    }
  }

  /** All that was put is written. */
  async flush(): Promise<void> {
    if (this.#stage !== undefined) this.#full.push(this.#stage);
    this.#stage = undefined;
    await this.flushFull();
    await Promise.all(this.#writing);
    this.#throwFailure();
  }

  /** For what comes next, a small stage again. All has to be written. */
  finish(): void {
    this.#isFirst = true;
  }

  /** Forgets what was not written, and waits for what is being written. */
  async abort(): Promise<void> {
    for (const stage of this.#full.splice(0)) this.#release(stage);
    if (this.#stage !== undefined) this.#release(this.#stage);
    this.#stage = undefined;
    await Promise.all(this.#writing);
    this.#failure = undefined;
    this.finish();
  }

  #room(file: SlabFile, extent: number, length: number): Stage {
    const stage = this.#stage;
    if (stage !== undefined) {
      const last = stage.runs.at(-1);
      const from = isAdjacent(last, file, extent) ? endOf(last) : stage.used;
      if (from + length <= stage.bytes.length) return stage;
      this.#full.push(stage);
    }
    const bytes = this.#isFirst
      ? new Uint8Array(SMALL_BYTES)
      : (spare.pop() ?? new Uint8Array(STAGE_BYTES));
    this.#isFirst = false;
    this.#stage = { bytes, runs: [], used: 0, slabBytes: 0 };
    return this.#stage;
  }

  #start(stage: Stage): void {
    const writing = this.#write(stage)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#writing.delete(writing);
        this.#release(stage);
      });
    this.#writing.add(writing);
  }

  async #write({ bytes, runs }: Stage): Promise<void> {
    for (const { file, extent, from, to } of runs) {
      await this.#files.write(file, extent, bytes.subarray(from, to));
      this.#written++;
    }
  }

  #release({ bytes, slabBytes }: Stage): void {
    this.#pendingBytes -= slabBytes;
    if (bytes.length === STAGE_BYTES && spare.length < SPARE_MAX) spare.push(bytes);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** The last run, if the extent is adjacent; else a new one. */
function runFor(stage: Stage, file: SlabFile, extent: number): Run {
  const last = stage.runs.at(-1);
  if (isAdjacent(last, file, extent)) {
    const end = endOf(last);
    stage.bytes.fill(0, last.to, end);
    last.to = end;
    last.count++;
    return last;
  }
  const run = { file, extent, from: stage.used, count: 1, to: stage.used };
  stage.runs.push(run);
  return run;
}

function isAdjacent(run: Run | undefined, file: SlabFile, extent: number): run is Run {
  if (run === undefined || run.file !== file || run.extent + run.count !== extent) return false;
  return endOf(run) - run.to <= GAP_MAX_BYTES;
}

/** Where its last extent ends in the stage. */
function endOf({ file, from, count }: Run): number {
  return from + count * EXTENT_BYTES[file];
}
