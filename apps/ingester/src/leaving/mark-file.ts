// A mark that outlives the process: a file in the ingesters' folder, whose being there says that something
// was asked for, and whose text says since when. Written so that after a crash it is there as a whole or not.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isoTime } from '@weir/runtime';
import { syncDirectory } from '../worker/block-directory.ts';

export interface MarkFile {
  /** When it was set; undefined while it isn't. */
  readonly sinceMs: number | undefined;
  /** Keeps the time of a mark that is set. Rejects when the disk refuses. */
  set(nowMs: number): Promise<void>;
  unset(): Promise<void>;
}

/** Reads the mark; one whose text says no time counts since now. */
export async function openMarkFile(path: string, nowMs: number): Promise<MarkFile> {
  let sinceMs = await readMark(path, nowMs);
  return {
    get sinceMs() {
      return sinceMs;
    },
    async set(atMs) {
      if (sinceMs !== undefined) return;
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.tmp`, `${isoTime(atMs)}\n`, { flush: true });
      await rename(`${path}.tmp`, path);
      await syncDirectory(dirname(path));
      sinceMs = atMs;
    },
    async unset() {
      if (sinceMs === undefined) return;
      await rm(path, { force: true });
      await syncDirectory(dirname(path));
      sinceMs = undefined;
    },
  };
}

async function readMark(path: string, nowMs: number): Promise<number | undefined> {
  try {
    const timeMs = Date.parse((await readFile(path, 'utf8')).trim());
    return Number.isNaN(timeMs) ? nowMs : timeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
