// Objects as files. Every write goes to a temporary file that is synced and renamed (or linked, for
// create-only), and the directory is synced, so that what was acknowledged survives a power loss and a
// reader sees the old object or the new. The etag is made of inode, time and size: a new version is
// always a new inode. Directories that become empty are removed, best effort, as object stores have none.
import type { BigIntStats } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { type Clock, systemClock, systemRandom } from '@weir/runtime';
import type { Bucket, ListPage, ObjectInfo, PutCondition } from '../bucket.ts';
import { checkAborted, checkKey, conditionFailed, tooShort } from '../keys.ts';
import { walk } from './directory-listing.ts';
import { codeOf, fileError, isAbsent } from './file-errors.ts';
import { ObjectLocks } from './object-lock.ts';

/** At the root of the bucket: temporary files and locks, on the same file system as the objects. */
const HIDDEN = '.weir-tmp';
const PAGE_SIZE = 1000;

export function createFilesystemBucket(
  settings: { readonly directory: string },
  parts: { readonly clock?: Clock } = {},
): Bucket {
  return new FilesystemBucket(settings.directory, parts.clock ?? systemClock);
}

class FilesystemBucket implements Bucket {
  readonly #root: string;
  readonly #temporary: string;
  readonly #locks: ObjectLocks;
  #writes = 0;
  readonly #prefix = Buffer.from(systemRandom.bytes(8)).toString('hex');

  constructor(root: string, clock: Clock) {
    this.#root = resolve(root);
    this.#temporary = join(this.#root, HIDDEN);
    this.#locks = new ObjectLocks(join(this.#temporary, 'locks'), clock);
  }

  get(key: string, signal?: AbortSignal) {
    return this.#opened(key, signal, async (file, stats) => {
      const body = await readExactly(file, key, 0, Number(stats.size));
      return { body, etag: etagOf(stats) };
    });
  }

  getRange(key: string, offset: number, length: number, signal?: AbortSignal) {
    return this.#opened(key, signal, (file, stats) => {
      if (offset + length > Number(stats.size)) throw tooShort(key, offset, length);
      return readExactly(file, key, offset, length);
    });
  }

  async info(key: string): Promise<ObjectInfo | undefined> {
    const path = this.#path(key);
    try {
      const stats = await stat(path, { bigint: true });
      return stats.isFile() ? infoOf(key, stats) : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw fileError(error, key);
    }
  }

  put(key: string, body: Uint8Array, condition: PutCondition = {}): Promise<string> {
    return this.#replace(key, condition, async (temporary) => {
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(body);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  async putFile(key: string, path: string): Promise<void> {
    await this.#replace(key, {}, async (temporary) => {
      await copyFile(path, temporary);
      await syncPath(temporary);
    });
  }

  async putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<number> {
    let sizeBytes = 0;
    await this.#replace(key, {}, async (temporary) => {
      const file = await open(temporary, 'wx');
      try {
        for await (const piece of body) {
          await file.appendFile(piece);
          sizeBytes += piece.length;
        }
        await file.sync();
      } finally {
        await file.close();
      }
    });
    return sizeBytes;
  }

  async *list(prefix: string, delimiter?: '/'): AsyncIterable<ListPage> {
    let objects: ObjectInfo[] = [];
    let prefixes: string[] = [];
    for await (const { kind, key } of walk(this.#root, HIDDEN, prefix, delimiter)) {
      if (kind === 'prefix') prefixes.push(key);
      else {
        const info = await this.info(key);
        if (info) objects.push(info);
      }
      if (objects.length + prefixes.length < PAGE_SIZE) continue;
      yield { objects, prefixes };
      objects = [];
      prefixes = [];
    }
    if (objects.length + prefixes.length > 0) yield { objects, prefixes };
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      await unlink(path);
      await syncPath(dirname(path));
    } catch (error) {
      if (isAbsent(error)) return;
      throw fileError(error, key);
    }
    await this.#removeEmpty(dirname(path));
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    checkKey(key);
    return join(this.#root, ...key.split('/'));
  }

  async #opened<T>(
    key: string,
    signal: AbortSignal | undefined,
    read: (file: FileHandle, stats: BigIntStats) => Promise<T>,
  ): Promise<T> {
    checkAborted(signal);
    try {
      const file = await open(this.#path(key), 'r');
      try {
        return await read(file, await file.stat({ bigint: true }));
      } finally {
        await file.close();
      }
    } catch (error) {
      throw fileError(error, key);
    }
  }

  async #replace(
    key: string,
    condition: PutCondition,
    write: (temporary: string) => Promise<void>,
  ): Promise<string> {
    const path = this.#path(key);
    const temporary = join(this.#temporary, `${this.#prefix}-${this.#writes++}`);
    try {
      await mkdir(this.#temporary, { recursive: true });
      try {
        await write(temporary);
        const stats = await stat(temporary, { bigint: true });
        const etag = etagOf(stats);
        if (condition.ifNoneMatch !== undefined) await this.#create(key, temporary, path);
        else if (condition.ifMatch === undefined) await this.#move(temporary, path);
        else {
          await this.#locks.run(key, Number(stats.mtimeMs), async () => {
            if ((await this.info(key))?.etag !== condition.ifMatch) throw conditionFailed(key);
            await this.#move(temporary, path);
          });
        }
        return etag;
      } finally {
        await unlink(temporary).catch(ignoreAbsent);
      }
    } catch (error) {
      throw isAbsent(error) ? fileError(withoutCode(error), key) : fileError(error, key);
    }
  }

  /** link(2) fails if the target exists: create-only without a lock. */
  async #create(key: string, temporary: string, path: string): Promise<void> {
    await this.#inDirectoryOf(path, async () => {
      try {
        await link(temporary, path);
      } catch (error) {
        if (codeOf(error) === 'EEXIST') throw conditionFailed(key, error);
        throw error;
      }
    });
  }

  #move(temporary: string, path: string): Promise<void> {
    return this.#inDirectoryOf(path, () => rename(temporary, path));
  }

  /** Makes the directory, does the work, syncs. A delete may remove the empty directory in between. */
  async #inDirectoryOf(path: string, work: () => Promise<void>): Promise<void> {
    const directory = dirname(path);
    for (let attempt = 0; ; attempt++) {
      const first = await mkdir(directory, { recursive: true });
      try {
        await work();
      } catch (error) {
        if (codeOf(error) === 'ENOENT' && attempt < 10) continue;
        throw error;
      }
      await syncPath(directory);
      for (let parent = directory; first !== undefined && parent.length >= first.length; ) {
        parent = dirname(parent);
        await syncPath(parent);
      }
      return;
    }
  }

  async #removeEmpty(start: string): Promise<void> {
    for (let directory = start; directory.startsWith(this.#root + sep); ) {
      try {
        await rmdir(directory);
      } catch {
        // Not empty, or gone already, or busy: it does no harm where it is.
        return;
      }
      directory = dirname(directory);
    }
  }
}

/** The inode's change time is left out: linking and unlinking the temporary name changes it. */
function etagOf(stats: BigIntStats): string {
  return `"${stats.ino.toString(36)}-${stats.mtimeNs.toString(36)}-${stats.size.toString(36)}"`;
}

function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return {
    key,
    sizeBytes: Number(stats.size),
    modifiedMs: Number(stats.mtimeMs),
    etag: etagOf(stats),
  };
}

async function readExactly(
  file: FileHandle,
  key: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw tooShort(key, offset, length);
    at += bytesRead;
  }
  return bytes;
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function ignoreAbsent(error: unknown): void {
  if (!isAbsent(error)) throw error;
}

/** While writing, an absent file isn't "no such object": the source or the bucket's directory is gone. */
function withoutCode(error: unknown): Error {
  return new Error(error instanceof Error ? error.message : String(error), { cause: error });
}
