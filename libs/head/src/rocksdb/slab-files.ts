// The slab files of a store in its folder: `slabs/groups`, `slabs/blocks`, `slabs/arenas`, made when they are
// first written. RocksDB leaves a folder that it doesn't know alone. Reads wait for the disk: a thread that
// opens a head has nothing else to do. Which bytes are sound is for the directory's checksums to say.
import { readvSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import type { SlabFile, SlabFiles } from '../head.ts';
import { EXTENT_BYTES } from '../slabs/extents.ts';
import { failure, fromDisk } from './failure.ts';

const FOLDER = 'slabs';
const FILES = Object.keys(EXTENT_BYTES) as SlabFile[];

export interface OpenSlabFiles extends SlabFiles {
  /** Waits for what is under way. */
  close(): Promise<void>;
}

interface OpenFile {
  readonly handle: FileHandle;
  /** Written since it was last synced. */
  isDirty: boolean;
}

/** Opens the files that are there. `path` is the store's folder, which is there. */
export async function openSlabFiles(path: string): Promise<OpenSlabFiles> {
  const folder = join(path, FOLDER);
  const files: Partial<Record<SlabFile, OpenFile>> = {};
  const making: Partial<Record<SlabFile, Promise<OpenFile>>> = {};
  const running = new Set<Promise<void>>();
  /** Files may have been made, also before this opening, whose names a loss of power would still take. */
  let isNew = true;
  let closing: Promise<void> | undefined;

  async function make(file: SlabFile): Promise<OpenFile> {
    await mkdir(folder, { recursive: true });
    const made = { handle: await open(join(folder, file), 'w+'), isDirty: false };
    isNew = true;
    files[file] = made;
    return made;
  }

  async function openAll(): Promise<void> {
    for (const file of FILES) {
      const handle = await openThere(join(folder, file));
      if (handle !== undefined) files[file] = { handle, isDirty: false };
    }
  }

  async function fileFor(file: SlabFile): Promise<OpenFile> {
    const there = files[file];
    if (there !== undefined) return there;
    making[file] ??= make(file).finally(() => {
      delete making[file];
    });
    return making[file];
  }

  function run(work: () => Promise<void>): Promise<void> {
    assertOpen();
    const started = fromDisk(work());
    const ended = started.catch(() => {}).then(() => void running.delete(ended));
    running.add(ended);
    return started;
  }

  function assertOpen(): void {
    if (closing !== undefined) throw new WeirError('closed', 'head store is closed');
  }

  async function syncFile(file: SlabFile): Promise<void> {
    const there = files[file];
    if (!there?.isDirty) return;
    there.isDirty = false;
    try {
      await there.handle.datasync();
    } catch (error) {
      there.isDirty = true;
      throw error;
    }
  }

  async function close(): Promise<void> {
    await Promise.all(running);
    for (const { handle } of Object.values(files)) await handle.close();
  }

  try {
    await fromDisk(openAll());
  } catch (error) {
    await close();
    throw error;
  }
  return {
    read(file, extent, parts) {
      assertOpen();
      const there = files[file];
      if (there === undefined) throw new WeirError('corrupt', `head store: no slab file ${file}`);
      readParts(there.handle.fd, file, extent, parts);
    },
    write: async (file, extent, bytes) =>
      run(async () => {
        const there = await fileFor(file);
        there.isDirty = true;
        await writeAll(there.handle, bytes, extent * EXTENT_BYTES[file]);
        // Again: it may have been synced in between.
        there.isDirty = true;
      }),
    sync: async () =>
      run(async () => {
        await Promise.all(FILES.map(syncFile));
        if (!isNew || Object.keys(files).length === 0) return;
        await syncFolder(folder);
        await syncFolder(path);
        isNew = false;
      }),
    truncate: async (file, extents) =>
      run(async () => {
        const handle = files[file]?.handle;
        const end = extents * EXTENT_BYTES[file];
        if (handle !== undefined && (await handle.stat()).size > end) await handle.truncate(end);
      }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function openThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readParts(fd: number, file: SlabFile, extent: number, parts: readonly Uint8Array[]): void {
  let left = parts.filter(({ length }) => length > 0);
  for (let at = extent * EXTENT_BYTES[file]; left.length > 0; ) {
    let count = readSome(fd, left, at);
    if (count === 0) {
      throw new WeirError('corrupt', `head store: slab file ${file} ends in extent ${extent}`);
    }
    at += count;
    while (left.length > 0 && left[0].length <= count) count -= left.shift()!.length;
    if (count > 0) left = [left[0].subarray(count), ...left.slice(1)];
  }
}

function readSome(fd: number, parts: readonly Uint8Array[], at: number): number {
  try {
    return readvSync(fd, parts, at);
  } catch (error) {
    throw failure(error as Error);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, from: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, from + at);
    at += bytesWritten;
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
