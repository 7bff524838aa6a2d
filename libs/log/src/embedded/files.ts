// The few calls of the file system that the log makes, as a part, so that tests can make them fail.
import fs from 'node:fs/promises';
import { WeirError } from '@weir/errors';

export type FileHandle = Pick<
  fs.FileHandle,
  'writev' | 'datasync' | 'sync' | 'read' | 'truncate' | 'stat' | 'close'
>;

export interface Files {
  open(path: string, flags: string): Promise<FileHandle>;
  readFile(path: string): Promise<Uint8Array>;
  writeFile(path: string, text: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  mkdir(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export const diskFiles: Files = {
  open: (path, flags) => fs.open(path, flags),
  readFile: (path) => fs.readFile(path),
  writeFile: (path, text) => fs.writeFile(path, text),
  readdir: (path) => fs.readdir(path),
  mkdir: async (path) => {
    await fs.mkdir(path, { recursive: true });
  },
  rename: (from, to) => fs.rename(from, to),
  unlink: (path) => fs.unlink(path),
};

/** Makes created, renamed and unlinked names of a directory durable. */
export async function syncDirectory(files: Files, directory: string): Promise<void> {
  const handle = await files.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes all buffers at `position`; a short write that doesn't go on is an error. */
export async function writeFully(
  handle: FileHandle,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let left: Uint8Array[] = [...buffers];
  let at = position;
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left, at);
    if (bytesWritten === 0) throw new WeirError('unavailable', 'the disk took no bytes');
    at += bytesWritten;
    left = without(left, bytesWritten);
  }
}

function without(buffers: Uint8Array[], size: number): Uint8Array[] {
  let left = size;
  let index = 0;
  while (index < buffers.length && left >= buffers[index]!.length) left -= buffers[index++]!.length;
  const rest = buffers.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

/** Replaces a small file so that after a crash either the old or the new text is there. */
export async function replaceFile(
  files: Files,
  directory: string,
  name: string,
  text: string,
): Promise<void> {
  const temporary = `${directory}/${name}.tmp`;
  const handle = await files.open(temporary, 'w');
  try {
    await writeFully(handle, [Buffer.from(text)], 0);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await files.rename(temporary, `${directory}/${name}`);
  await syncDirectory(files, directory);
}

/** The file's bytes, or undefined when it doesn't exist. */
export async function readIfThere(files: Files, path: string): Promise<Uint8Array | undefined> {
  try {
    return await files.readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
