// A partition host behind a MessagePort, over the real head: what crosses, what moves, what is bounded.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { WeirError } from '@weir/errors';
import { openPartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { SampleColumns } from '@weir/model';
import { decodeChunkedSeries } from '@weir/query';
import { connectStreams } from '@weir/query/threads';
import { seededRandom, systemClock } from '@weir/runtime';
import { mergeSamples } from '@weir/tsdb/merge';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeSample } from '../testing/fake-head.ts';
import { printSamples, START_MS, TENANT } from '../testing/world.ts';
import { encodeWriteRequest } from '../testing/write-request.ts';
import { createPartitionHost } from '../worker/host.ts';
import { createUlids } from '../worker/ulids.ts';
import { createHostClient, serveHost } from './host-client.ts';
import type { PartitionHost } from './partition-host.ts';

const signal = new AbortController().signal;
const everything = { tenant: TENANT, matchers: [], minT: 0, maxT: 2 ** 50, partitions: [3] };

let dir: string;
let channel: MessageChannel;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-host-'));
  channel = new MessageChannel();
});
afterEach(async () => {
  channel.port1.close();
  await rm(dir, { recursive: true, force: true });
});

function sample(atMs: number, v: number): FakeSample {
  return { labels: { __name__: 'up' }, t: START_MS + atMs, v };
}

async function openHost(): Promise<PartitionHost> {
  serveHost(
    channel.port2,
    createPartitionHost({
      openStore: async () => createMemoryHeadStore(),
      openHead: (partition, store) => openPartitionHead({ partition }, { store }),
      clock: systemClock,
      nextUlid: createUlids(systemClock, seededRandom(1)),
    }),
  );
  const gone = () => new WeirError('unavailable', 'worker died');
  const host = createHostClient(connectStreams(channel.port1, gone));
  expect(await host.open({ partition: 3, dir, topicId: 't' })).toEqual({
    position: undefined,
    aside: undefined,
    blocks: [],
  });
  await host.start({ partition: 3, position: 7, shipped: [] });
  return host;
}

async function apply(
  host: PartitionHost,
  fromOffset: number,
  value: Uint8Array,
  outOfOrderWindowMs = 0,
) {
  const record = { offset: fromOffset, timestampMs: START_MS, tenant: TENANT, value, version: 1 };
  const settings = { outOfOrderWindowMs, seriesMax: 0 };
  return host.apply({
    ...{ partition: 3, fromOffset, nextOffset: fromOffset + 1 },
    ...{ records: [record], settings: [[TENANT, settings] as const] },
  });
}

async function read(host: PartitionHost): Promise<{ held: string[]; samples: string[] }> {
  const messages: Uint8Array[] = [];
  for await (const bytes of host.read({ kind: 'select', ...everything }, signal)) {
    messages.push(bytes);
  }
  const { heldBlocks } = JSON.parse(new TextDecoder().decode(messages[0]));
  const samples = printSamples(messages.slice(1).flatMap(decodeChunkedSeries));
  return { held: heldBlocks, samples };
}

/** Values of the only series, as a querier merges what the host sends. */
async function readMerged(host: PartitionHost): Promise<number[]> {
  const columns = new SampleColumns();
  let isHeader = true;
  for await (const bytes of host.read({ kind: 'select', ...everything }, signal)) {
    const series = isHeader ? [] : decodeChunkedSeries(bytes);
    isHeader = false;
    for (const { chunks } of series) mergeSamples(chunks, columns, 0, 2 ** 50);
  }
  return [...columns.v.subarray(0, columns.count)];
}

describe('a partition host behind a port', () => {
  it('applies moved records, cuts, drops, and reads on without a seam', async () => {
    const host = await openHost();
    const value = encodeWriteRequest([sample(0, 1), sample(15_000, 2)]);
    const applied = await apply(host, 7, value);
    expect(applied).toMatchObject({ position: 8, samples: 2, seriesCount: 1, discards: [] });
    expect(value.byteLength).toBe(0);
    const wanted = ['__name__up@0=1', '__name__up@15000=2'];
    expect(await read(host)).toEqual({ held: [], samples: wanted });

    const [cut] = await host.cut({ partition: 3, all: true, tenants: [] });
    expect(cut?.window).toMatchObject({ tenant: TENANT, firstOffset: 7, lastOffset: 7 });
    expect(await host.cut({ partition: 3, all: true, tenants: [] })).toEqual([]);
    await host.drop({ partition: 3, windows: [cut!.window] });
    expect(await read(host)).toEqual({ held: [cut!.block!.ulid], samples: wanted });
    expect(await host.checkpoint({ partition: 3, force: true })).toEqual({
      checkpointPosition: 8,
      safeOffset: 8,
      damagedBlocks: [],
      parked: [],
    });
    await host.close({ partition: 3, checkpoint: false });
  });

  it('answers the earlier of two values, though it is in a block and the later one in the head', async () => {
    const host = await openHost();
    const push = (offset: number, ...samples: FakeSample[]) =>
      apply(host, offset, encodeWriteRequest(samples), 60_000);
    const flush = async () => {
      for (const { window } of await host.cut({ partition: 3, all: true, tenants: [] })) {
        await host.drop({ partition: 3, windows: [window] });
      }
    };
    await push(7, sample(0, 1), sample(15_000, 2));
    await flush();
    await push(8, sample(30_000, 3), sample(0, -1));
    expect(await readMerged(host)).toEqual([1, 2, 3]);
    await flush();
    await push(9, sample(45_000, 4), sample(0, -2));
    expect(await readMerged(host)).toEqual([1, 2, 3, 4]);
    await host.close({ partition: 3, checkpoint: false });
  });

  it('does not detach a value that shares its buffer', async () => {
    const host = await openHost();
    const value = encodeWriteRequest([sample(0, 1)]);
    const shared = new Uint8Array(value.length + 8);
    shared.set(value, 4);
    await apply(host, 7, shared.subarray(4, 4 + value.length));
    expect(shared.byteLength).toBe(value.length + 8);
    await host.close({ partition: 3, checkpoint: false });
  });

  it('refuses a batch that does not follow, and everything behind it', async () => {
    const host = await openHost();
    const batch = () => encodeWriteRequest([sample(0, 1)]);
    await expect(apply(host, 9, batch())).rejects.toThrow('batch at 9, head at 7');
    await expect(apply(host, 7, batch())).rejects.toThrow('batch at 9, head at 7');
    await host.close({ partition: 3, checkpoint: false });
  });

  it('carries the kind of an error', async () => {
    const host = await openHost();
    await expect(host.stats({ partition: 4 })).rejects.toMatchObject({ kind: 'unavailable' });
    const asked = { ...everything, kind: 'select' as const, partitions: [4] };
    const reading = host.read(asked, signal)[Symbol.asyncIterator]().next();
    await expect(reading).rejects.toMatchObject({ kind: 'unavailable' });
    await host.close({ partition: 3, checkpoint: false });
  });

  it('fails what waits, and what is asked later, when the worker is gone', async () => {
    const host = await openHost();
    const waiting = host.stats({ partition: 3 });
    channel.port2.close();
    await expect(waiting).rejects.toThrow('worker died');
    await expect(host.stats({ partition: 3 })).rejects.toThrow('worker died');
  });
});
