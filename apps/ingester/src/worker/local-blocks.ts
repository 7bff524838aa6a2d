// The finished blocks of one partition on local disk: `<dir>/<tenant>/<ulid>/`. A block is written under
// a temporary name, synced and renamed, so that a folder with a ULID's name is whole; what a crash left
// half-written is removed on opening. Deciding which blocks are shipped, or old enough to go, is the
// main thread's.
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import type { CutSource, TenantWindow } from '@weir/head';
import {
  type BlockReader,
  decodeBlockMeta,
  isUlid,
  META_FILE,
  openBlock,
  writeBlock,
} from '@weir/tsdb/block';
import type { LocalBlock } from '../workers/partition-host.ts';
import {
  createDirectorySink,
  createDirectorySource,
  type DirectorySource,
  syncDirectory,
} from './block-directory.ts';

const TEMPORARY_PREFIX = 'tmp-';

export interface LocalBlocks {
  all(): readonly LocalBlock[];
  /** Blocks of the tenant that overlap [minT, maxT], opened, in the order of their offsets. */
  readers(tenant: string, minT: number, maxT: number): Promise<readonly HeldBlock[]>;
  /** Streams a window into a block; undefined when it holds no sample. */
  write(window: TenantWindow, source: CutSource): Promise<LocalBlock | undefined>;
  delete(ulids: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface HeldBlock {
  readonly ulid: string;
  readonly reader: BlockReader;
}

interface Entry {
  readonly block: LocalBlock;
  opened: { readonly source: DirectorySource; readonly reader: Promise<BlockReader> } | undefined;
}

export interface LocalBlocksSettings {
  readonly dir: string;
  readonly partition: number;
  readonly topicId: string;
}

export async function openLocalBlocks(
  settings: LocalBlocksSettings,
  parts: { readonly nextUlid: () => string },
): Promise<LocalBlocks> {
  const entries = new Map<string, Entry>();
  for (const block of await findBlocks(settings)) {
    entries.set(block.ulid, { block, opened: undefined });
  }

  async function readerOf(entry: Entry): Promise<BlockReader> {
    if (entry.opened === undefined) {
      const source = createDirectorySource(entry.block.dir);
      const reader = readMeta(entry.block.dir).then((meta) => openBlock(source, meta));
      entry.opened = { source, reader };
      reader.catch(() => {
        entry.opened = undefined;
        return source.close();
      });
    }
    return entry.opened.reader;
  }

  async function closeEntry(entry: Entry): Promise<void> {
    const { opened } = entry;
    entry.opened = undefined;
    if (opened === undefined) return;
    await opened.reader.catch(() => undefined);
    await opened.source.close();
  }

  return {
    all: () => [...entries.values()].map(({ block }) => block),
    async readers(tenant, minT, maxT) {
      const wanted = [...entries.values()]
        .filter(({ block: { window } }) => {
          return window.tenant === tenant && window.minT <= maxT && window.maxT > minT;
        })
        .sort((a, b) => a.block.window.firstOffset - b.block.window.firstOffset);
      const held: HeldBlock[] = [];
      for (const entry of wanted) {
        held.push({ ulid: entry.block.ulid, reader: await readerOf(entry) });
      }
      return held;
    },
    async write(window, source) {
      const block = await writeLocalBlock(settings, parts.nextUlid(), window, source);
      if (block !== undefined) entries.set(block.ulid, { block, opened: undefined });
      return block;
    },
    async delete(ulids) {
      for (const ulid of ulids) {
        const entry = entries.get(ulid);
        if (entry === undefined) continue;
        entries.delete(ulid);
        await closeEntry(entry);
        await removeBlock(entry.block.dir);
      }
    },
    async close() {
      for (const entry of entries.values()) await closeEntry(entry);
      entries.clear();
    },
  };
}

async function findBlocks({ dir, partition, topicId }: LocalBlocksSettings): Promise<LocalBlock[]> {
  const blocks: LocalBlock[] = [];
  for (const tenant of await entriesOf(dir)) {
    for (const name of await entriesOf(join(dir, tenant))) {
      const blockDir = join(dir, tenant, name);
      if (!isUlid(name)) {
        if (name.startsWith(TEMPORARY_PREFIX)) await rm(blockDir, { recursive: true });
        continue;
      }
      const { weir, minTime, maxTime } = await readMeta(blockDir);
      if (weir === undefined || weir.partition !== partition || weir.topicId !== topicId) continue;
      const { firstOffset, lastOffset } = weir;
      const window = { tenant, minT: minTime, maxT: maxTime, firstOffset, lastOffset };
      blocks.push({ ulid: name, dir: blockDir, window });
    }
  }
  return blocks.sort((a, b) => (a.ulid < b.ulid ? -1 : 1));
}

async function entriesOf(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readMeta(dir: string) {
  try {
    return decodeBlockMeta(await readFile(join(dir, META_FILE)));
  } catch (error) {
    throw new WeirError('corrupt', `block ${dir} can't be read: ${String(error)}`, {
      cause: error,
    });
  }
}

async function writeLocalBlock(
  { dir, partition, topicId }: LocalBlocksSettings,
  ulid: string,
  window: TenantWindow,
  source: CutSource,
): Promise<LocalBlock | undefined> {
  const { tenant, minT, maxT, firstOffset, lastOffset } = window;
  const parent = join(dir, tenant);
  const temporary = join(parent, `${TEMPORARY_PREFIX}${ulid}`);
  await mkdir(temporary, { recursive: true });
  const sink = createDirectorySink(temporary);
  try {
    const meta = await writeBlock(sink, {
      ulid,
      minTime: minT,
      maxTime: maxT,
      symbols: source.symbols,
      series: source.series(),
      weir: { topicId, partition, firstOffset, lastOffset },
    });
    await sink.finish();
    if (meta.stats.numSamples === 0) {
      await rm(temporary, { recursive: true });
      return undefined;
    }
  } catch (error) {
    await sink.abandon();
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  const final = join(parent, ulid);
  await rename(temporary, final);
  for (const directory of [parent, dir, join(dir, '..')]) await syncDirectory(directory);
  return { ulid, dir: final, window };
}

/** Renames first: a crash half way must not leave a block with missing files. */
async function removeBlock(dir: string): Promise<void> {
  const doomed = join(dir, '..', `${TEMPORARY_PREFIX}deleted-${dir.slice(-26)}`);
  await rename(dir, doomed);
  await rm(doomed, { recursive: true });
}
