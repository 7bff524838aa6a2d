// The read path of the system behind the conformance cases: samples are records applied to a head, and
// read from it over the internal protocol, or from blocks cut of it.
import { hashBytes } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { openPartitionHead, type PartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { createMatcher, type LabelBytes } from '@weir/model';
import type { Queryable } from '@weir/promql';
import {
  type BlockCatalog,
  createQueryable,
  evaluatePart,
  type LocalReader,
  type OwnerDirectory,
  type QueryBlock,
  type ReadPort,
  type ReadRequest,
  serveRead,
} from '@weir/query';
import { systemClock } from '@weir/runtime';
import { type BlockSink, type BlockSource, openBlock, writeBlock } from '@weir/tsdb/block';
import type { TestStorage } from './memory-storage.ts';
import { floatRequest, histogramRequest } from './write-request.ts';

const TENANT = 'one';

/**
 * A head, or blocks cut of it in the bucket, that are asked for series; two heads, or blocks that they hold, that
 * evaluate what parts of a plan they can; or blocks in the bucket of what is old, and a head of what is new, with
 * some minutes in both.
 */
export type StorageKind = 'head' | 'blocks' | 'heads' | 'held' | 'seam';

const OVERLAP_MS = 5 * 60_000;

interface TestRecord {
  readonly partition: number;
  readonly value: Uint8Array;
}

/** `seamMs` is where the old ends and the new begins. */
export function createSystemStorage(from: StorageKind, seamMs = 0): TestStorage {
  let records: TestRecord[] = [];
  let heads: readonly PartitionHead[] = [];
  const partitions = from === 'heads' || from === 'held' || from === 'seam' ? 2 : 1;
  /** Of the records so far. */
  let ready: Promise<Queryable> | undefined;
  const add = (labels: LabelBytes, value: Uint8Array, partition = hashOf(labels) % partitions) => {
    records.push({ partition, value });
    ready = undefined;
  };
  /** Every record, or its old part for the first head and its new part for the second. */
  const split = <T>(
    t: readonly number[],
    values: readonly T[],
    st: readonly number[] = t.map(() => 0),
    write: (
      t: readonly number[],
      values: readonly T[],
      st: readonly number[],
      partition?: number,
    ) => void,
  ) => {
    if (from !== 'seam') return write(t, values, st);
    const isOld = (time: number) => time <= seamMs + OVERLAP_MS;
    const isNew = (time: number) => time >= seamMs - OVERLAP_MS;
    for (const [partition, wanted] of [isOld, isNew].entries()) {
      const times = t.filter(wanted);
      if (times.length === 0) continue;
      write(
        times,
        values.filter((_, at) => wanted(t[at]!)),
        st.filter((_, at) => wanted(t[at]!)),
        partition,
      );
    }
  };
  const fresh = async () => {
    for (const head of heads) await head.close();
    const opened = Array.from({ length: partitions }, (_, partition) =>
      openPartitionHead({ partition }, { store: createMemoryHeadStore() }),
    );
    heads = await Promise.all(opened);
    const settings = { outOfOrderWindowMs: 1e12, seriesMax: 0, startTimestamps: true };
    for (const head of heads) head.configure(TENANT, settings);
    for (const { partition, value } of records) {
      const head = heads[partition]!;
      const offset = head.position;
      head.apply([{ offset, timestampMs: 0, tenant: TENANT, value, version: 1 }], offset + 1);
    }
    return heads;
  };
  const open = async () => {
    const filled = await fresh();
    if (from === 'blocks') {
      const catalog = catalogOf((await Promise.all(filled.map(cutAll))).flat());
      return createQueryable({ tenant: TENANT }, { owners: directory(), catalog });
    }
    if (from === 'seam') {
      const catalog = catalogOf(await cutAll(filled[0]!));
      const owners = directory(portOf(filled[1]!));
      return createQueryable({ tenant: TENANT }, { owners, catalog });
    }
    const ports = filled.map(async (head) => {
      if (from === 'head') return portOf(head);
      return evaluatingPort(
        from === 'held' ? [] : [head],
        from === 'held' ? await cutAll(head) : [],
      );
    });
    const owners = directory(...(await Promise.all(ports)));
    return createQueryable({ tenant: TENANT }, { owners, catalog: catalogOf([]) });
  };
  return {
    append: (labels, t, v, st) =>
      split(t, v, st, (times, values, starts, partition) =>
        add(labels, floatRequest(labels, times, values, starts), partition),
      ),
    appendHistograms: (labels, t, h, st) =>
      split(t, h, st, (times, values, starts, partition) =>
        add(labels, histogramRequest(labels, times, values, starts), partition),
      ),
    clear: () => {
      records = [];
      ready = undefined;
    },
    queryable: () => {
      ready ??= open();
      return ready;
    },
    async close() {
      for (const head of heads) await head.close();
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

function hashOf(labels: LabelBytes): number {
  return hashBytes(labels, 0, labels.length) >>> 0;
}

/** As a partition's owner answers, from its heads and blocks. */
function evaluatingPort(heads: readonly PartitionHead[], blocks: readonly QueryBlock[]): ReadPort {
  const overlapping = ({ minT, maxT }: ReadRequest) =>
    blocks.filter(({ meta }) => meta.minTime <= maxT && meta.maxTime > minT);
  const reader: Pick<LocalReader, 'select' | 'evaluate'> = {
    async select(request) {
      const { matchers, minT, maxT, newestOnly = false } = request;
      const select = {
        tenant: TENANT,
        matchers: matchers.map(createMatcher),
        minT,
        maxT,
        newestOnly,
      };
      const held = await Promise.all(overlapping(request).map((block) => block.open()));
      return { heldBlocks: [], sources: [...held, ...heads].map((one) => one.select(select)) };
    },
    async evaluate(request, signal) {
      const held = await Promise.all(overlapping(request).map((block) => block.open()));
      const parts = { heads, blocks: held, clock: systemClock };
      return { heldBlocks: [], messages: evaluatePart(request, parts, signal) };
    },
  };
  return { read: (request, signal) => serveRead(reader as LocalReader, request, signal) };
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
