// A block's files in a directory, as the block writer and reader take them. The sink syncs each file and
// directory when it is closed, so that a rename afterwards publishes a block that survives power loss.
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WeirError } from '@weir/errors';
import type { BlockSink, BlockSource } from '@weir/tsdb/block';

export interface DirectorySink extends BlockSink {
  /** Syncs and closes all files, and syncs the directories. */
  finish(): Promise<void>;
  /** Closes the files of a block that was given up. */
  abandon(): Promise<void>;
}

export function createDirectorySink(dir: string): DirectorySink {
  const files = new Map<string, FileHandle>();
  const directories = new Set<string>([dir]);
  const fileOf = async (name: string): Promise<FileHandle> => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const path = join(dir, name);
    directories.add(dirname(path));
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a');
    files.set(name, file);
    return file;
  };
  return {
    async write(name, bytes) {
      const file = await fileOf(name);
      await file.appendFile(bytes);
    },
    async finish() {
      for (const file of files.values()) {
        await file.sync();
        await file.close();
      }
      files.clear();
      for (const directory of directories) await syncDirectory(directory);
    },
    async abandon() {
      for (const file of files.values()) await file.close();
      files.clear();
    },
  };
}

export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface DirectorySource extends BlockSource {
  close(): Promise<void>;
}

/** A disk's: what is copied and thrown away costs as much as a call. */
const GAP_MAX_BYTES = 32 * 1024;

/** Files are opened when first read and stay open until close(). */
export function createDirectorySource(dir: string): DirectorySource {
  const files = new Map<string, Promise<FileHandle>>();
  const fileOf = (name: string): Promise<FileHandle> => {
    let file = files.get(name);
    if (file === undefined) {
      file = open(join(dir, name), 'r');
      file.catch(() => files.delete(name));
      files.set(name, file);
    }
    return file;
  };
  return {
    gapMaxBytes: GAP_MAX_BYTES,
    async size(name) {
      const file = await fileOf(name).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        throw new WeirError('not-found', `${join(dir, name)} does not exist`, { cause: error });
      });
      return (await file.stat()).size;
    },
    async read(name, offset, length) {
      const file = await fileOf(name);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
        if (bytesRead === 0) {
          throw new WeirError('corrupt', `${join(dir, name)} ends before ${offset + length}`);
        }
        at += bytesRead;
      }
      return bytes;
    },
    async close() {
      const opened = await Promise.allSettled(files.values());
      files.clear();
      for (const file of opened) if (file.status === 'fulfilled') await file.value.close();
    },
  };
}
