// The queryable and the metadata reader over fake owners and blocks: which sources are read, which
// sample wins, and that nothing of a closed or failed query goes on.
import { createMatcher, decodeLabels, labelsOf, SampleColumns } from '@weir/model';
import type { SelectRequest } from '@weir/promql';
import { CHUNK_XOR, type Chunk, encodeXorChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import type { BlockCatalog, QueryBlock } from './block-catalog.ts';
import { type LocalReader, serveRead } from './local-reader.ts';
import { createMetadataReader } from './metadata-reader.ts';
import { createQueryable } from './queryable.ts';
import { decodeChunkedSeries, decodeTexts } from './read-message.ts';
import type { OwnerDirectory, ReadPort, ReadRequest } from './read-port.ts';
import type { SeriesBatches, SeriesChunks } from './series-chunks.ts';

const never = new AbortController().signal;
const ALL = { matchers: [createMatcher({ name: 'a', op: '!=', value: '' })], minT: 0, maxT: 1000 };

const chunk = (...samples: [number, number][]): Chunk => {
  const t = Float64Array.from(samples, ([time]) => time);
  const v = Float64Array.from(samples, ([, value]) => value);
  const bytes = encodeXorChunk(t, v, 0, t.length);
  return { minT: t[0]!, maxT: t[t.length - 1]!, encoding: CHUNK_XOR, bytes };
};

const series = (value: string, ...chunks: Chunk[]): SeriesChunks => ({
  labels: labelsOf({ a: value }),
  chunks,
});

async function* once(...batch: SeriesChunks[]): SeriesBatches {
  yield batch;
}

function owner(reader: Partial<LocalReader>, requests: ReadRequest[] = []): ReadPort {
  const whole: LocalReader = {
    select: async () => ({ heldBlocks: [], sources: [] }),
    labelNames: async () => ({ heldBlocks: [], lists: [] }),
    labelValues: async () => ({ heldBlocks: [], lists: [] }),
    metadata: async () => [],
    async *histogramMetrics() {},
    cardinality: async () => ({ series: 0, labels: (async function* () {})() }),
    discarded: async () => [],
    freshness: async () => [],
    tenantStats: async () => [],
    exemplars: async () => [],
    ...reader,
  };
  return {
    read(request, signal) {
      requests.push(request);
      return serveRead(whole, request, signal);
    },
  };
}

const directory = (...ports: ReadPort[]): OwnerDirectory => ({
  owners: async () => ports.map((port, at) => ({ port, partitions: [at] })),
});

const block = (ulid: string, ...batch: SeriesChunks[]): QueryBlock =>
  blockOf(ulid, { firstOffset: Number(ulid), lastOffset: Number(ulid) }, ...batch);

const blockOf = (
  ulid: string,
  offsets: { firstOffset: number; lastOffset: number },
  ...batch: SeriesChunks[]
): QueryBlock => ({
  meta: { ulid, minTime: 0, maxTime: 1000, weir: { partition: 0, ...offsets } },
  open: async () => ({
    select: () => once(...batch),
    labelNames: async () => ['a', `of_${ulid}`],
    labelValues: async () => batch.map(({ labels }) => decodeLabels(labels)[0]!.value),
  }),
});

const catalogOf = (...blocks: QueryBlock[]): BlockCatalog => ({ blocks: async () => blocks });

async function readAll(
  owners: OwnerDirectory,
  catalog: BlockCatalog,
  request: SelectRequest = ALL,
) {
  const queryable = createQueryable({ tenant: 't' }, { owners, catalog });
  const stream = await queryable.select(request, never);
  const found: Record<string, [number, number][]> = {};
  while (await stream.next()) {
    const out = new SampleColumns();
    stream.samples(out);
    found[decodeLabels(stream.labels)[0]!.value] = Array.from({ length: out.count }, (_, at) => [
      out.t[at]!,
      out.v[at]!,
    ]);
  }
  stream.close();
  return found;
}

describe('queryable', () => {
  it('merges owners and blocks, the block winning on equal timestamps', async () => {
    const head = owner({
      select: async () => ({
        heldBlocks: [],
        sources: [once(series('x', chunk([20, 2], [30, 3])), series('z', chunk([5, 5])))],
      }),
    });
    const found = await readAll(
      directory(head, owner({})),
      catalogOf(block('01', series('x', chunk([10, 1], [20, -2])), series('y', chunk([7, 7])))),
    );
    expect(found).toEqual({
      x: [
        [10, 1],
        [20, -2],
        [30, 3],
      ],
      y: [[7, 7]],
      z: [[5, 5]],
    });
  });

  it('lets the block with the earlier offset win, though an owner holds it and not the later one', async () => {
    const mine = [series('x', chunk([10, 1]))] as const;
    const head = owner({
      select: async () => ({ heldBlocks: ['01'], sources: [once(...mine)] }),
    });
    const later = block('02', series('x', chunk([10, 2], [20, 2])));
    expect(await readAll(directory(head), catalogOf(block('01', ...mine), later))).toEqual({
      x: [
        [10, 1],
        [20, 2],
      ],
    });
  });

  it('lets the block that ends first win of two that begin alike, whoever holds it', async () => {
    // Records 12 to 14 were in a block already when the maker of the later one came to them: it passed them.
    const first = blockOf('01', { firstOffset: 2, lastOffset: 14 }, series('x', chunk([10, 1])));
    const later = blockOf('02', { firstOffset: 2, lastOffset: 52 }, series('x', chunk([10, 2])));
    for (const held of ['01', '02']) {
      const mine = held === '01' ? chunk([10, 1]) : chunk([10, 2]);
      const head = owner({
        select: async () => ({ heldBlocks: [held], sources: [once(series('x', mine))] }),
      });
      expect(await readAll(directory(head), catalogOf(later, first))).toEqual({ x: [[10, 1]] });
    }
    expect(await readAll(directory(), catalogOf(later, first))).toEqual({ x: [[10, 1]] });
  });

  it('lets the block with the earlier offset win, in whatever order blocks are listed', async () => {
    const later = block('02', series('x', chunk([10, 2], [20, 2])));
    const earlier = block('01', series('x', chunk([10, 1])));
    for (const catalog of [catalogOf(later, earlier), catalogOf(earlier, later)]) {
      expect(await readAll(directory(), catalog)).toEqual({
        x: [
          [10, 1],
          [20, 2],
        ],
      });
    }
  });

  it('does not read blocks that an owner holds', async () => {
    const head = owner({
      select: async () => ({ heldBlocks: ['03'], sources: [once(series('x', chunk([1, 1])))] }),
    });
    const held = { ...block('03'), open: () => Promise.reject(new Error('opened')) };
    const found = await readAll(directory(head), catalogOf(held, block('02', series('y'))));
    expect(Object.keys(found)).toEqual(['x', 'y']);
  });

  it('leaves samples outside the asked range out', async () => {
    const request = { ...ALL, minT: 2, maxT: 3 };
    const wide = series('x', chunk([1, 1], [2, 2], [3, 3], [4, 4]));
    expect(await readAll(directory(), catalogOf(block('01', wide)), request)).toEqual({
      x: [
        [2, 2],
        [3, 3],
      ],
    });
  });

  it('decodes only what may hold the newest sample where no other is wanted', async () => {
    const request = { ...ALL, minT: 0, maxT: 25, newestOnly: true };
    const damaged = { ...chunk([5, 1], [15, 2]), bytes: new Uint8Array(1) };
    const head = owner({
      select: async () => ({ heldBlocks: [], sources: [once(series('x', chunk([18, 3])))] }),
    });
    const later = series('x', chunk([20, 4], [30, 5]));
    const catalog = catalogOf(block('01', series('x', damaged)), block('02', later));
    expect(await readAll(directory(head), catalog, request)).toEqual({
      x: [
        [18, 3],
        [20, 4],
      ],
    });
  });

  it('refuses chunks of kinds it does not know', async () => {
    const unknown = { minT: 0, maxT: 1, encoding: 7, bytes: new Uint8Array(3) };
    const answer = readAll(directory(), catalogOf(block('01', series('x', unknown))));
    await expect(answer).rejects.toThrow('chunk encoding 7');
  });

  it('fails when an owner fails, and tells the others to stop', async () => {
    let stopped = false;
    const failing: ReadPort = {
      // biome-ignore lint/correctness/useYield: it fails before its first message.
      async *read() {
        throw new Error('broken');
      },
    };
    const waiting: ReadPort = {
      async *read(_request, signal) {
        yield Buffer.from('{"heldBlocks":[]}');
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve());
        });
      },
    };
    const spied: ReadPort = {
      read(request, signal) {
        signal.addEventListener('abort', () => {
          stopped = true;
        });
        return waiting.read(request, signal);
      },
    };
    await expect(readAll(directory(spied, failing), catalogOf())).rejects.toThrow('broken');
    expect(stopped).toBe(true);
  });
});

describe('metadata reader', () => {
  const request = { matcherSets: [ALL.matchers], minT: 0, maxT: 10, limit: 0 };

  it('unites names and values of owners and blocks, up to the limit', async () => {
    const requests: ReadRequest[] = [];
    const heldBlocks = ['02'];
    const head = owner(
      {
        labelNames: async () => ({ heldBlocks, lists: [['job'], ['a', 'job']] }),
        labelValues: async () => ({ heldBlocks, lists: [['z']] }),
      },
      requests,
    );
    // Block 02 has been asked by its owner.
    const catalog = catalogOf(block('01', series('y')), block('02', series('b')));
    const parts = { owners: directory(head), catalog };
    const reader = createMetadataReader({ tenant: 't' }, parts);
    expect(await reader.labelNames(request, never)).toEqual({
      items: ['a', 'job', 'of_01'],
      truncated: false,
    });
    expect(await reader.labelValues('a', { ...request, limit: 1 }, never)).toEqual({
      items: ['y'],
      truncated: true,
    });
    expect(requests[1]).toMatchObject({ kind: 'labelValues', name: 'a', partitions: [0] });
    expect(requests[1]!.matchers).toEqual([{ name: 'a', op: '!=', value: '' }]);
  });

  it('lists series of several selectors once, in order', async () => {
    const head = owner({
      select: async () => ({ heldBlocks: [], sources: [once(series('x'), series('z'))] }),
    });
    const parts = { owners: directory(head), catalog: catalogOf(block('01', series('y'))) };
    const reader = createMetadataReader({ tenant: 't' }, parts);
    const twice = { ...request, matcherSets: [ALL.matchers, ALL.matchers] };
    const values = (items: readonly Uint8Array[]) =>
      items.map((item) => decodeLabels(item)[0]!.value);
    const all = await reader.series(twice, never);
    expect([values(all.items), all.truncated]).toEqual([['x', 'y', 'z'], false]);
    const some = await reader.series({ ...twice, limit: 2 }, never);
    expect([values(some.items), some.truncated]).toEqual([['x', 'y'], true]);
    const exact = await reader.series({ ...twice, limit: 3 }, never);
    expect(exact.truncated).toBe(false);
  });

  it('is told no more by an owner than the limit needs', async () => {
    const asked: string[] = [];
    async function* batches() {
      for (const value of ['a', 'b', 'c', 'd']) {
        asked.push(value);
        yield [series(value)];
      }
    }
    const sent: Uint8Array[] = [];
    const reader = owner({
      select: async () => ({ heldBlocks: [], sources: [batches()] }),
      labelNames: async () => ({
        heldBlocks: [],
        lists: [
          ['a', 'c'],
          ['b', 'd'],
        ],
      }),
    });
    const question = { tenant: 't', matchers: [], minT: 0, maxT: 10, partitions: [0], limit: 2 };
    for await (const message of reader.read({ kind: 'series', ...question }, never)) {
      sent.push(message);
    }
    expect(asked).toEqual(['a', 'b']);
    expect(sent.slice(1).flatMap(decodeChunkedSeries)).toHaveLength(2);
    for await (const names of reader.read({ kind: 'labelNames', ...question }, never)) {
      expect(decodeTexts(names).texts).toEqual(['a', 'b']);
    }
  });

  it('gives each distinct entry of metadata once', async () => {
    const entry = { metric: 'm', type: 'counter', help: 'h', unit: '' } as const;
    const parts = {
      owners: directory(
        owner({ metadata: async () => [entry] }),
        owner({ metadata: async () => [{ ...entry, help: 'other' }, entry] }),
      ),
      catalog: catalogOf(),
    };
    const found = await createMetadataReader({ tenant: 't' }, parts).metadata(never);
    expect(found).toEqual([entry, { ...entry, help: 'other' }]);
  });
});
