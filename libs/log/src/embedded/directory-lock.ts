// One process per directory: a file `lock` that names the process which has the log open. Two of them
// would write the same segments, and acknowledge what the other one overwrites.
//
// Node offers no lock of the kernel's, so the file tells the process id and when that process started (a
// container's processes have the same few ids again and again). A lock whose process is gone, by /proc,
// is taken over. It is a guard against mistakes on one machine: processes that don't see each other (two
// containers on one volume, or a system without /proc) are not found out.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';
import { type Files, readIfThere, writeFully } from './files.ts';

const LOCK_FILE = 'lock';
const ATTEMPTS = 3;

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Rejects with `unavailable` while a living process has the directory. */
export async function lockDirectory(
  files: Files,
  directory: string,
  log: Logger,
): Promise<DirectoryLock> {
  const path = `${directory}/${LOCK_FILE}`;
  const own = `${process.pid} ${await startOf(files, process.pid)}\n`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(files, path, own)) return { release: () => release(files, path, own) };
    const found = await readIfThere(files, path);
    if (found === undefined) continue;
    const holder = text(found);
    const pid = Number.parseInt(holder, 10);
    if (pid !== process.pid && (await isAlive(files, holder))) throw inUse(directory, pid);
    log.warn({ directory, holder: pid }, 'embedded log: lock of an ended process is taken over');
    await removeStale(files, path, holder);
  }
  throw inUse(directory, undefined);
}

async function create(files: Files, path: string, content: string): Promise<boolean> {
  try {
    const handle = await files.open(path, 'wx');
    try {
      await writeFully(handle, [Buffer.from(content)], 0);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** By renaming first: of several that found the same stale lock, one gets it. */
async function removeStale(files: Files, path: string, content: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await files.rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (text(await files.readFile(aside)) === content) await files.unlink(aside);
  // Another one was quicker, and this is its new lock.
  else await files.rename(aside, path);
}

async function release(files: Files, path: string, own: string): Promise<void> {
  const found = await readIfThere(files, path);
  if (found !== undefined && text(found) === own) await files.unlink(path);
}

async function isAlive(files: Files, holder: string): Promise<boolean> {
  const [pidText, started = ''] = holder.trim().split(' ');
  const pid = Number(pidText);
  // Cut short by a crash while it was written: nobody had opened anything yet.
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const startedNow = await startOf(files, pid);
  return startedNow !== '' && (started === '' || started === startedNow);
}

/** When a process started, in clock ticks since boot (proc(5), field 22); empty when there is none. */
async function startOf(files: Files, pid: number): Promise<string> {
  let stat: Uint8Array | undefined;
  try {
    stat = await readIfThere(files, `/proc/${pid}/stat`);
  } catch {
    // Not readable is the same as not there.
  }
  if (stat === undefined) return '';
  const content = text(stat);
  // Behind the name in parentheses, which may hold blanks, stand the fields from 3 on.
  return content.slice(content.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function inUse(directory: string, pid: number | undefined): WeirError {
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new WeirError(
    'unavailable',
    `${directory} is in use by ${who}: a log is opened by one process at a time`,
  );
}
