// The read path of the system behind the conformance cases: samples are records applied to a head, and
// read from it over the internal protocol, or from blocks cut of it.
import { WeirError } from '@weir/errors';
import { openPartitionHead, type PartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { createMatcher } from '@weir/model';
import type { Queryable } from '@weir/promql';
import {
  type BlockCatalog,
  createQueryable,
  type LocalReader,
  type OwnerDirectory,
  type QueryBlock,
  type ReadPort,
  serveRead,
} from '@weir/query';
import { type BlockSink, type BlockSource, openBlock, writeBlock } from '@weir/tsdb/block';
import type { TestStorage } from './memory-storage.ts';
import { floatRequest, histogramRequest } from './write-request.ts';

const TENANT = 'one';

export function createSystemStorage(from: 'head' | 'blocks'): TestStorage {
  let records: Uint8Array[] = [];
  let head: PartitionHead | undefined;
  /** Of the records so far. */
  let ready: Promise<Queryable> | undefined;
  const add = (record: Uint8Array) => {
    records.push(record);
    ready = undefined;
  };
  const fresh = async () => {
    await head?.close();
    head = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
    head.configure(TENANT, { outOfOrderWindowMs: 1e12, seriesMax: 0 });
    for (const value of records) {
      const offset = head.position;
      head.apply([{ offset, timestampMs: 0, tenant: TENANT, value, version: 1 }], offset + 1);
    }
    return head;
  };
  const open = async () => {
    const filled = await fresh();
    const [owners, catalog] =
      from === 'head'
        ? [directory(portOf(filled)), catalogOf([])]
        : [directory(), catalogOf(await cutAll(filled))];
    return createQueryable({ tenant: TENANT }, { owners, catalog });
  };
  return {
    append: (labels, t, v) => add(floatRequest(labels, t, v)),
    appendHistograms: (labels, t, h) => add(histogramRequest(labels, t, h)),
    clear: () => {
      records = [];
      ready = undefined;
    },
    queryable: () => {
      ready ??= open();
      return ready;
    },
    async close() {
      await head?.close();
    },
  };
}

function directory(...ports: ReadPort[]): OwnerDirectory {
  return { owners: async () => ports.map((port) => ({ port, partitions: [0] })) };
}

function catalogOf(blocks: readonly QueryBlock[]): BlockCatalog {
  return {
    blocks: async (_tenant, minT, maxT) =>
      blocks.filter(({ meta }) => meta.minTime <= maxT && meta.maxTime > minT),
  };
}

/** Only selections are asked for. */
function portOf(head: PartitionHead): ReadPort {
  const reader: Pick<LocalReader, 'select'> = {
    async select({ matchers, minT, maxT, newestOnly = false }) {
      const select = { tenant: TENANT, matchers: matchers.map(createMatcher), minT, maxT };
      return { heldBlocks: [], sources: [head.select({ ...select, newestOnly })] };
    },
  };
  return { read: (request, signal) => serveRead(reader as LocalReader, request, signal) };
}

/** One block a window, in memory. */
async function cutAll(head: PartitionHead): Promise<QueryBlock[]> {
  const blocks: QueryBlock[] = [];
  for (const window of head.cutDue(true)) {
    const source = head.cut(window);
    const files = new BlockFiles();
    const meta = await writeBlock(files, {
      ulid: `01ARZ3NDEKTSV4RRFFQ6${String(blocks.length).padStart(6, '0')}`,
      minTime: window.minT,
      maxTime: window.maxT,
      symbols: await source.symbols(),
      series: source.series(),
    });
    blocks.push({ meta, open: () => openBlock(files, meta) });
  }
  return blocks;
}

class BlockFiles implements BlockSink, BlockSource {
  readonly #files = new Map<string, Uint8Array>();

  async write(file: string, bytes: Uint8Array): Promise<void> {
    const before = this.#files.get(file);
    this.#files.set(file, before ? Buffer.concat([before, bytes]) : bytes.slice());
  }

  async size(file: string): Promise<number> {
    return this.#bytes(file).length;
  }

  async read(file: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#bytes(file).slice(offset, offset + length);
  }

  #bytes(file: string): Uint8Array {
    const bytes = this.#files.get(file);
    if (bytes === undefined) throw new WeirError('not-found', file);
    return bytes;
  }
}
