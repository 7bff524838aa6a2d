// Images of a head's memory by kind and number, in extents of the store's slab files. A checkpoint writes each
// changed slab to a free extent, never over one that a committed directory names or somebody has pinned;
// the batch that commits the checkpoint carries the directory's new rows, and only then are the old
// extents free. So a checkpoint that ends anywhere before leaves the slabs before it. Knows nothing of
// what slabs hold.
import { endianness } from 'node:os';
import { crc32 } from 'node:zlib';
import { assert, WeirError } from '@weir/errors';
import type { SlabFile, SlabFiles } from '../head.ts';
import type { CheckedStore } from '../store/checked-store.ts';
import { DIRECTORY, Directory, directoryKind, type Slab } from './directory.ts';
import { EXTENT_BYTES, EXTENTS_MAX, Extents } from './extents.ts';
import { SlabWriter } from './slab-writer.ts';

/** Kinds of slabs: part of the format. */
export const GROUPS = 0;
export const BLOCKS = 1;
export const LABELS = 2;
export const PAIRS = 3;
export const PAIR_PARTS = 4;

/** The file of each kind. */
const KIND_FILES: readonly SlabFile[] = ['groups', 'blocks', 'arenas', 'arenas', 'groups'];

type Changes = Map<number, Slab | undefined>;

export class SlabSpace {
  readonly #store: CheckedStore;
  readonly #writer: SlabWriter;
  readonly #directories = createDirectories();
  readonly #extents: Readonly<Record<SlabFile, Extents>> = {
    groups: new Extents(),
    blocks: new Extents(),
    arenas: new Extents(),
  };
  /** Of the running checkpoint, by kind. */
  readonly #changes: readonly Changes[] = KIND_FILES.map(() => new Map());
  /** Extents that a file may have; unknown before the first checkpoint. */
  readonly #lengths: Record<SlabFile, number> = {
    groups: EXTENTS_MAX,
    blocks: EXTENTS_MAX,
    arenas: EXTENTS_MAX,
  };
  /** Of batches that failed, since the last commit. */
  readonly #inDoubt: { readonly extents: Extents; readonly extent: number }[] = [];
  /** Living ones, in the order they were taken. */
  readonly #pins = new Set<number>();
  #lastPin = 0;
  /** Of the writer's writes, how many have been synced. */
  #synced = 0;

  /** Use SlabSpace.open(). */
  constructor(store: CheckedStore) {
    this.#store = store;
    this.#writer = new SlabWriter(store.slabs);
  }

  /** Reads the committed directory. Rejects with `corrupt` where it can't be one. */
  static async open(store: CheckedStore): Promise<SlabSpace> {
    if (endianness() !== 'LE') {
      throw new WeirError(
        'invalid',
        'a head keeps images of its memory: little-endian machines only',
      );
    }
    const space = new SlabSpace(store);
    const from = Uint8Array.of(DIRECTORY);
    for await (const rows of store.scan(from, Uint8Array.of(DIRECTORY + 1))) {
      for (const [rowKey, value] of rows) space.#readRow(rowKey, value);
    }
    return space;
  }

  #readRow(rowKey: Uint8Array, value: Uint8Array): void {
    try {
      const directory = this.#directories[directoryKind(rowKey, KIND_FILES.length)];
      directory.readRow(rowKey, value, this.#extents[directory.file]);
    } catch (error) {
      throw error instanceof WeirError ? this.#store.damaged(error) : error;
    }
  }

  /** The highest committed slab's number + 1. */
  end(kind: number): number {
    return this.#directories[kind].end;
  }

  /** Committed bytes of the slab; 0: there is none. */
  used(kind: number, number: number): number {
    return this.#directories[kind].used(number);
  }

  /**
   * Fills the parts with a committed slab from its start on; together they are no longer than it. Reads and
   * checks all of it, before it returns. Throws `corrupt`.
   */
  read(kind: number, number: number, parts: readonly Uint8Array[]): void {
    readSlab(this.#store, this.#directories[kind], number, parts);
  }

  /** Copies the parts, which are the slab from now on, and will be when rows() are committed. Once a checkpoint. */
  put(kind: number, number: number, parts: readonly ArrayBufferView[]): void {
    const changes = this.#changes[kind];
    assert(!changes.has(number), `slab ${number} of kind ${kind} changes once in a checkpoint`);
    const file = KIND_FILES[kind];
    let used = 0;
    for (const { byteLength } of parts) used += byteLength;
    assert(used > 0 && used <= EXTENT_BYTES[file], `a slab of kind ${kind} has ${used} bytes`);
    const extent = this.#extents[file].take();
    this.#lengths[file] = Math.max(this.#lengths[file], extent + 1);
    changes.set(number, { extent, used, crc: this.#writer.put(file, extent, parts, used) });
  }

  /** The slab is none when rows() are committed; it may be none already. */
  remove(kind: number, number: number): void {
    const changes = this.#changes[kind];
    assert(!changes.has(number), `slab ${number} of kind ${kind} changes once in a checkpoint`);
    if (this.used(kind, number) > 0) changes.set(number, undefined);
  }

  /** Of what was put: copied and not yet written. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** A stage of a megabyte waits to be written. */
  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /** Begins to write what is full; waits while two writes are under way. */
  flushFull(): Promise<void> {
    return this.#writer.flushFull();
  }

  /** Writes all that was put. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Writes all that was put; it survives power loss. */
  async sync(): Promise<void> {
    await this.#writer.flush();
    const { written } = this.#writer;
    if (written === this.#synced) return;
    await this.#store.slabs.sync();
    this.#synced = written;
  }

  /** Directory rows that differ; an empty one stands for no slabs. All that was put has to be synced. */
  rows(): { puts: [Uint8Array, Uint8Array][] } {
    const { pendingBytes, written } = this.#writer;
    assert(
      pendingBytes === 0 && written === this.#synced,
      'slabs are synced before they are committed',
    );
    const puts = this.#directories.flatMap((directory, kind) =>
      directory.rows(this.#changes[kind]),
    );
    return { puts };
  }

  /** The batch with rows() is committed: what was replaced is free when it is pinned no more. */
  async committed(): Promise<void> {
    for (const [kind, changes] of this.#changes.entries()) {
      const extents = this.#extents[KIND_FILES[kind]];
      for (const extent of this.#directories[kind].commit(changes)) {
        if (this.#pins.size > 0) extents.retire(extent, this.#lastPin);
        else extents.give(extent);
      }
      changes.clear();
    }
    for (const { extents, extent } of this.#inDoubt.splice(0)) extents.give(extent);
    this.#writer.finish();
    await this.#truncate();
  }

  /**
   * What was put is not committed. Waits for writes under way. Where the batch with rows() failed it may be
   * in the store nevertheless, and count after a crash: its extents stay taken until the next commit.
   */
  async abort(isInDoubt: boolean): Promise<void> {
    await this.#writer.abort();
    for (const [kind, changes] of this.#changes.entries()) {
      const extents = this.#extents[KIND_FILES[kind]];
      for (const slab of changes.values()) {
        if (slab === undefined) continue;
        if (isInDoubt) this.#inDoubt.push({ extents, extent: slab.extent });
        else extents.give(slab.extent);
      }
      changes.clear();
    }
  }

  /** Until the function that it returns is called, extents that are committed now or later aren't reused. */
  pin(): () => void {
    const pin = ++this.#lastPin;
    this.#pins.add(pin);
    return () => {
      if (!this.#pins.delete(pin)) return;
      const [oldest = Number.POSITIVE_INFINITY] = this.#pins;
      for (const extents of Object.values(this.#extents)) extents.release(oldest);
    };
  }

  /**
   * As many free extents stay as are in use: the next checkpoint of a head that changes as a whole takes
   * them, and a file that grows anew each time costs twice the time.
   */
  async #truncate(): Promise<void> {
    for (const [name, extents] of Object.entries(this.#extents)) {
      const file = name as SlabFile;
      const kept = Math.max(extents.end, 2 * extents.count);
      if (this.#lengths[file] <= kept) continue;
      await this.#store.slabs.truncate(file, kept);
      this.#lengths[file] = kept;
    }
  }
}

/** Directories of all kinds, empty. */
export function createDirectories(): readonly Directory[] {
  return KIND_FILES.map((file, kind) => new Directory(kind, file));
}

/** Puts a row where it belongs. Throws `corrupt` where it can't be one. */
export function readDirectoryRow(
  directories: readonly Directory[],
  rowKey: Uint8Array,
  value: Uint8Array,
): void {
  directories[directoryKind(rowKey, directories.length)].readRow(rowKey, value);
}

/** Fills the parts with a slab of the directory, which is checked whole. Throws `corrupt`. */
export function readSlab(
  store: { readonly slabs: SlabFiles; damaged(error: WeirError): WeirError },
  directory: Directory,
  number: number,
  parts: readonly Uint8Array[],
): void {
  const { kind, file } = directory;
  const slab = directory.get(number);
  let rest = slab?.used ?? -1;
  for (const { length } of parts) rest -= length;
  assert(slab !== undefined && rest >= 0, `slab ${number} of kind ${kind} is as long as is read`);
  const all = rest === 0 ? parts : [...parts, new Uint8Array(rest)];
  store.slabs.read(file, slab.extent, all);
  let crc = 0;
  // Of no bytes crc32() may answer 0, whatever came before.
  for (const part of all) if (part.length > 0) crc = crc32(part, crc);
  if (crc === slab.crc) return;
  const message = `head store: slab ${number} of kind ${kind} in extent ${slab.extent} is damaged`;
  throw store.damaged(new WeirError('corrupt', message));
}
