// Who gets the directory: living and ended holders, and what is left behind.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from './directory-lock.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import { diskFiles } from './files.ts';

const { log } = silentTelemetry();
/** Above what any kernel gives out. */
const NO_PROCESS = 2 ** 30;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-lock-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});
const lock = () => lockDirectory(diskFiles, directory, log);
const leave = (content: string) => writeFile(join(directory, 'lock'), content);

describe('the lock of a directory', () => {
  it('names its process, and goes when released', async () => {
    const held = await lock();
    expect(await readFile(join(directory, 'lock'), 'utf8')).toMatch(
      new RegExp(`^${process.pid} \\d*\n$`),
    );
    await held.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is refused while its process lives', async () => {
    await leave(`${process.ppid} \n`);
    await expect(lock()).rejects.toMatchObject({
      kind: 'unavailable',
      message: `${directory} is in use by process ${process.ppid}: a log is opened by one process at a time`,
    });
    expect(await readFile(join(directory, 'lock'), 'utf8')).toBe(`${process.ppid} \n`);
  });

  it.each([
    ['of a process that is gone', `${NO_PROCESS} 17\n`],
    ['of an earlier process with an id in use again', `${process.ppid} 1\n`],
    ['of an earlier process with our id', `${process.pid} 1\n`],
    ['that was not written to its end', ''],
  ])('is taken over from a lock %s', async (_name, content) => {
    await leave(content);
    const held = await lock();
    expect(await readFile(join(directory, 'lock'), 'utf8')).toContain(`${process.pid} `);
    await held.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not released by one that lost it', async () => {
    const held = await lock();
    await leave('4711 4711\n');
    await held.release();
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('is held by an open log, and not by one that failed to open', async () => {
    const open = () =>
      openEmbeddedLog(
        { directory, partitions: 1 },
        { clock: systemClock, random: seededRandom(1) },
      );
    const opened = await open();
    expect(await readdir(directory)).toContain('lock');
    await opened.close();
    expect(await readdir(directory)).not.toContain('lock');
    await leave(`${process.ppid} \n`);
    await expect(open()).rejects.toThrow('is in use');
    await writeFile(join(directory, 'meta.json'), '{');
    await rm(join(directory, 'lock'));
    await expect(open()).rejects.toThrow('meta.json');
    expect(await readdir(directory)).not.toContain('lock');
  });
});
