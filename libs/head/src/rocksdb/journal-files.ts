// The files of a store's journal: `journal/<number>` in its folder, which RocksDB leaves alone. One is open for
// appending at a time. Reads wait for the disk, as slab-files.ts does. Nothing is synced.
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import type { JournalFiles } from '../head.ts';

const FOLDER = 'journal';
const NAME = /^[1-9]\d{0,8}$/;

export interface OpenJournalFiles extends JournalFiles {
  /** Waits for what is under way. */
  close(): Promise<void>;
}

interface OpenFile {
  readonly file: number;
  readonly handle: FileHandle;
}

/** `path` is the store's folder. Nothing is opened or made before it is needed. */
export function createJournalFiles(path: string): OpenJournalFiles {
  const folder = join(path, FOLDER);
  let current: OpenFile | undefined;
  let reading: { readonly file: number; readonly descriptor: number } | undefined;
  let working: Promise<unknown> = Promise.resolve();
  let isClosed = false;

  /** One thing at a time, in the order that they were asked for. */
  function run<T>(work: () => Promise<T>): Promise<T> {
    if (isClosed) return Promise.reject(new WeirError('closed', 'head store is closed'));
    const done = working.then(work).catch((error: Error) => {
      throw failure(error);
    });
    working = done.catch(() => undefined);
    return done;
  }

  async function fileFor(file: number): Promise<FileHandle> {
    if (current?.file === file) return current.handle;
    await closeCurrent();
    await mkdir(folder, { recursive: true });
    current = { file, handle: await open(join(folder, String(file)), 'a') };
    return current.handle;
  }

  async function closeCurrent(): Promise<void> {
    const handle = current?.handle;
    current = undefined;
    await handle?.close();
  }

  function endReading(): void {
    if (reading !== undefined) closeSync(reading.descriptor);
    reading = undefined;
  }

  function descriptorOf(file: number): number {
    if (reading?.file === file) return reading.descriptor;
    endReading();
    reading = { file, descriptor: openSync(join(folder, String(file)), 'r') };
    return reading.descriptor;
  }

  return {
    list: () => run(() => numbersIn(folder)),
    read(file, at, into) {
      try {
        return readAll(descriptorOf(file), at, into);
      } catch (error) {
        throw failure(error as Error);
      }
    },
    append: (file, bytes) =>
      run(async () => {
        endReading();
        const handle = await fileFor(file);
        for (let at = 0; at < bytes.length; ) {
          at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
        }
      }),
    remove: (files) =>
      run(async () => {
        endReading();
        if (current !== undefined && files.includes(current.file)) await closeCurrent();
        for (const file of files) await rm(join(folder, String(file)), { force: true });
      }),
    async close() {
      isClosed = true;
      await working;
      endReading();
      await closeCurrent();
    },
  };
}

async function numbersIn(folder: string): Promise<number[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => NAME.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readAll(descriptor: number, from: number, into: Uint8Array): number {
  let at = 0;
  while (at < into.length) {
    const count = readSync(descriptor, into, at, into.length - at, from + at);
    if (count === 0) break;
    at += count;
  }
  return at;
}

function failure(cause: Error): WeirError {
  return new WeirError('unavailable', `head journal: ${cause.message}`, { cause });
}
