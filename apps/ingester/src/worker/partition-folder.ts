// The folder of one partition on disk: `partition.json` says whose it is, `head` is the store, `blocks`
// the finished blocks. What is damaged or foreign is put aside, not deleted: to
// `<folder>.quarantined-<time>`, of which few are kept, and not for long.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { syncDirectory } from './block-directory.ts';

const IDENTITY_FILE = 'partition.json';
const HEAD_FOLDER = 'head';
const KEPT_ASIDE = 3;
const KEPT_ASIDE_MS = 7 * 24 * 3_600_000;

export interface Identity {
  readonly topicId: string;
  readonly partition: number;
}

export interface PartitionFolder {
  readonly dir: string;
  readonly headDir: string;
  readonly blocksDir: string;
  /** Undefined: there is no head. Rejects with `corrupt` what isn't an identity. */
  readIdentity(): Promise<Identity | undefined>;
  /** Makes the store beside it count: a folder without it holds no head. */
  writeIdentity(identity: Identity): Promise<void>;
  /** Removes a store that doesn't count. */
  removeHead(): Promise<void>;
  /** Moves the store out of the way, with `blocks` the whole folder; returns where to. */
  setAside(blocks: boolean): Promise<string>;
  /** Moves a folder or file below this folder out of the way. */
  setPartAside(path: string): Promise<string>;
}

export function createPartitionFolder(dir: string, clock: Clock): PartitionFolder {
  const headDir = join(dir, HEAD_FOLDER);
  const identityPath = join(dir, IDENTITY_FILE);

  /** A name of its own, also when two things are put aside at the same time. */
  async function asideDir(): Promise<string> {
    const taken = new Set(await readdir(dirname(dir)));
    for (let ms = Math.floor(clock.nowMs()); ; ms++) {
      const aside = `${dir}.quarantined-${ms}`;
      if (!taken.has(basename(aside))) return aside;
    }
  }

  async function move(path: string, aside: string): Promise<void> {
    const target = join(aside, relative(dir, path));
    await mkdir(dirname(target), { recursive: true });
    try {
      await rename(path, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** The newest few stay, for who wants to look what happened. */
  async function removeOldAside(): Promise<void> {
    const prefix = `${basename(dir)}.quarantined-`;
    const names = (await readdir(dirname(dir))).filter((name) => name.startsWith(prefix));
    const times = new Map(names.map((name) => [name, Number(name.slice(prefix.length))]));
    const newestFirst = names.sort((a, b) => times.get(b)! - times.get(a)!);
    const oldestMs = clock.nowMs() - KEPT_ASIDE_MS;
    for (const [index, name] of newestFirst.entries()) {
      if (index < KEPT_ASIDE && times.get(name)! >= oldestMs) continue;
      await rm(join(dirname(dir), name), { recursive: true, force: true });
    }
  }

  return {
    dir,
    headDir,
    blocksDir: join(dir, 'blocks'),
    async readIdentity() {
      let bytes: string;
      try {
        bytes = await readFile(identityPath, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
      return parseIdentity(identityPath, bytes);
    },
    async writeIdentity(identity) {
      await mkdir(dir, { recursive: true });
      const temporary = `${identityPath}.tmp`;
      await writeFile(temporary, `${JSON.stringify(identity)}\n`, { flush: true });
      await rename(temporary, identityPath);
      await syncDirectory(dir);
    },
    removeHead: () => rm(headDir, { recursive: true, force: true }),
    async setAside(blocks) {
      const aside = await asideDir();
      if (blocks) await rename(dir, aside);
      else {
        // The identity first: from then on the store doesn't count.
        await move(identityPath, aside);
        await move(headDir, aside);
      }
      await removeOldAside();
      return aside;
    },
    async setPartAside(path) {
      const aside = await asideDir();
      await move(path, aside);
      await removeOldAside();
      return aside;
    },
  };
}

function parseIdentity(path: string, bytes: string): Identity {
  try {
    const parsed = JSON.parse(bytes) as Identity | null;
    if (typeof parsed?.topicId === 'string') return parsed;
  } catch (error) {
    throw new WeirError('corrupt', `${path} is damaged`, { cause: error });
  }
  throw new WeirError('corrupt', `${path} is damaged`);
}
