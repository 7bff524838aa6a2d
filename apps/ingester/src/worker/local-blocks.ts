// The finished blocks of one partition on local disk: `<dir>/<tenant>/<ulid>/`. A block is written under
// a temporary name, synced and renamed, so that a folder with a ULID's name is whole; what a crash left
// half-written is removed on opening. Deciding which blocks are shipped, or old enough to go, is the
// main thread's.
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isKind, WeirError } from '@weir/errors';
import type { CutSource, Pause, TenantWindow } from '@weir/head';
import {
  type BlockReader,
  decodeBlockMeta,
  isUlid,
  type KeptEntries,
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
  write(window: TenantWindow, source: CutSource, pause: Pause): Promise<LocalBlock | undefined>;
  delete(ulids: readonly string[]): Promise<void>;
  /** Blocks found damaged since the last call; they are put aside and not readable any more. */
  takeDamaged(): readonly string[];
  close(): Promise<void>;
}

export interface LocalBlocksParts {
  readonly nextUlid: () => string;
  /** Moves a block's folder out of the way. */
  readonly putAside: (dir: string) => Promise<unknown>;
  readonly keptEntries?: KeptEntries | undefined;
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
  parts: LocalBlocksParts,
): Promise<LocalBlocks> {
  const entries = new Map<string, Entry>();
  let damaged: string[] = [];
  const found = await findBlocks(settings);
  for (const block of found.blocks) entries.set(block.ulid, { block, opened: undefined });
  for (const dir of found.damaged) {
    await parts.putAside(dir);
    damaged.push(basename(dir));
  }

  /** Reads that have it open go on; they get errors of their own where they meet the damage. */
  async function setAside(entry: Entry): Promise<void> {
    if (!entries.delete(entry.block.ulid)) return;
    damaged.push(entry.block.ulid);
    await parts.putAside(entry.block.dir);
  }

  async function guarded<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isMissing =
        isKind(error, 'not-found') || (error as { code?: string }).code === 'ENOENT';
      if (isMissing || isKind(error, 'corrupt')) await setAside(entry);
      throw error;
    }
  }

  /** The reader, which puts the block aside when it meets damage. */
  const watched = (entry: Entry, reader: BlockReader): BlockReader => ({
    meta: reader.meta,
    get sizeBytes() {
      return reader.sizeBytes;
    },
    async *select(select) {
      const batches = reader.select(select)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await guarded(entry, () => batches.next());
          if (next.done) return;
          yield next.value;
        }
      } finally {
        await batches.return?.();
      }
    },
    labelNames: (select) => guarded(entry, () => reader.labelNames(select)),
    labelValues: (name, select) => guarded(entry, () => reader.labelValues(name, select)),
  });

  async function readerOf(entry: Entry): Promise<BlockReader> {
    if (entry.opened === undefined) {
      const source = createDirectorySource(entry.block.dir);
      const reader = readMeta(entry.block.dir).then((meta) =>
        openBlock(source, meta, parts.keptEntries),
      );
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
        .sort((a, b) => byOffset(a.block.window, b.block.window));
      const held: HeldBlock[] = [];
      for (const entry of wanted) {
        const reader = await guarded(entry, () => readerOf(entry));
        held.push({ ulid: entry.block.ulid, reader: watched(entry, reader) });
      }
      return held;
    },
    async write(window, source, pause) {
      const block = await writeLocalBlock(settings, parts.nextUlid(), window, source, pause);
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
    takeDamaged() {
      const taken = damaged;
      damaged = [];
      return taken;
    },
    async close() {
      for (const entry of entries.values()) await closeEntry(entry);
      entries.clear();
    },
  };
}

/** As queries order blocks of the bucket: of two that begin alike, the one that ends first is the earlier. */
function byOffset(a: TenantWindow, b: TenantWindow): number {
  return a.lastOffset - b.lastOffset || a.firstOffset - b.firstOffset;
}

interface FoundBlocks {
  readonly blocks: readonly LocalBlock[];
  /** Folders whose meta.json can't be read. */
  readonly damaged: readonly string[];
}

async function findBlocks(settings: LocalBlocksSettings): Promise<FoundBlocks> {
  const blocks: LocalBlock[] = [];
  const damaged: string[] = [];
  const { dir } = settings;
  for (const tenant of await entriesOf(dir)) {
    for (const name of await entriesOf(join(dir, tenant))) {
      const blockDir = join(dir, tenant, name);
      if (!isUlid(name)) {
        if (name.startsWith(TEMPORARY_PREFIX)) await rm(blockDir, { recursive: true });
        continue;
      }
      try {
        const block = await readBlock(settings, tenant, name);
        if (block !== undefined) blocks.push(block);
      } catch (error) {
        if (!isKind(error, 'corrupt')) throw error;
        damaged.push(blockDir);
      }
    }
  }
  blocks.sort((a, b) => (a.ulid < b.ulid ? -1 : 1));
  return { blocks, damaged };
}

/** Undefined for a block of another log. */
async function readBlock(
  { dir, partition, topicId }: LocalBlocksSettings,
  tenant: string,
  ulid: string,
): Promise<LocalBlock | undefined> {
  const blockDir = join(dir, tenant, ulid);
  const { weir, minTime, maxTime } = await readMeta(blockDir);
  if (weir === undefined || weir.partition !== partition || weir.topicId !== topicId) {
    return undefined;
  }
  const { firstOffset, lastOffset } = weir;
  const window = { tenant, minT: minTime, maxT: maxTime, firstOffset, lastOffset };
  return { ulid, dir: blockDir, window };
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
  pause: Pause,
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
      symbols: await source.symbols(),
      pause,
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
