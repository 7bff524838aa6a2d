// Reads over partitions of several workers: what each answers becomes one answer.
import { text } from '@weir/bytes';
import { labelsOf, printLabels } from '@weir/model';
import { decodeChunkedSeries, type LocalReader, type ReadRequest, serveRead } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { createPartitionLag } from './partition-lag.ts';
import { createIngesterRead } from './read.ts';
import type { PartitionHost, PartitionWorkers } from './workers/partition-host.ts';

/** A worker whose partitions each hold one series, named after them. */
function host(requests: ReadRequest[]): PartitionHost {
  const reader = {
    async select({ partitions }: ReadRequest) {
      const batch = [...partitions]
        .sort()
        .map((p) => ({ labels: labelsOf({ a: `${p}` }), chunks: [] }));
      const source = (async function* () {
        yield batch;
      })();
      return { heldBlocks: [], sources: [source] };
    },
    discarded: async ({ partitions }: ReadRequest) =>
      partitions.map((partition) => ({ partition, reasons: [], entries: [] })),
    async *histogramMetrics({ partitions }: ReadRequest) {
      yield partitions.map((partition) => ({ metric: `${partition}` }));
      yield [];
    },
    async cardinality({ partitions }: ReadRequest) {
      const steps = (async function* () {
        for (const partition of partitions) {
          yield { name: 'a', values: [`${partition}`], series: [1] };
          yield { name: 'b', values: [], series: [] };
        }
      })();
      return { series: partitions.length, labels: steps };
    },
  };
  return {
    read(request: ReadRequest, signal: AbortSignal) {
      requests.push(request);
      // Of a reader only what these requests ask for.
      return serveRead(reader as unknown as LocalReader, request, signal);
    },
  } as Partial<PartitionHost> as PartitionHost;
}

function ask(partitions: readonly number[], kind: ReadRequest['kind']) {
  const requests: ReadRequest[] = [];
  const hosts = [host(requests), host(requests)];
  const workers = { hostOf: (partition) => hosts[partition % 2]! } as PartitionWorkers;
  const partition = {
    ...{ serving: true, reason: '', suspect: () => undefined, lag: createPartitionLag() },
    waitApplied: async () => undefined,
  };
  const owned = new Map([0, 1, 2, 3].map((one) => [one, partition]));
  const consistency = { enforce: async () => undefined };
  const request = {
    kind,
    tenant: 't',
    matchers: [],
    minT: 0,
    maxT: 1,
    activeOnly: true,
    partitions,
  };
  const read = createIngesterRead({ owned, workers, consistency, clock: systemClock });
  const messages = read.read(request, new AbortController().signal);
  return { requests, messages: all(messages) };
}

async function all(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const message of messages) found.push(message);
  return found;
}

const json = (message: Uint8Array) => JSON.parse(text(message));

describe('a read over several workers', () => {
  it.each([[[0, 2]], [[0, 1, 2, 3]]])(
    'gathers the cardinality of partitions %j',
    async (partitions) => {
      const { requests, messages } = ask(partitions, 'cardinality');
      const [first, ...steps] = (await messages).map(json);
      expect(first).toEqual({ series: partitions.length });
      expect(steps.map(({ values }) => values[0]).sort()).toEqual(partitions.map(String));
      expect(requests.flatMap((request) => request.partitions).sort()).toEqual(partitions);
      expect(requests.every(({ activeOnly }) => activeOnly)).toBe(true);
    },
  );

  it('gathers metrics of histograms', async () => {
    const messages = (await ask([0, 1, 2, 3], 'histogramMetrics').messages).map(json);
    const found = messages.flatMap((step) => step.map(({ metric }: { metric: string }) => metric));
    expect(found.sort()).toEqual(['0', '1', '2', '3']);
  });

  it('gathers discard logs', async () => {
    const [answer] = (await ask([0, 1, 2, 3], 'discarded').messages).map(json);
    const found = answer.map(({ partition }: { partition: number }) => partition);
    expect(found.sort()).toEqual([0, 1, 2, 3]);
  });

  it('merges active series in label order', async () => {
    const [, ...messages] = await ask([3, 2, 1, 0], 'series').messages;
    const found = messages.flatMap(decodeChunkedSeries).map(({ labels }) => printLabels(labels));
    expect(found).toEqual(['{a="0"}', '{a="1"}', '{a="2"}', '{a="3"}']);
  });
});
