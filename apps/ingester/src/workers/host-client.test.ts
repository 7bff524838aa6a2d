// A partition host behind a MessagePort, over the real head: what crosses, what moves, what is bounded.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { openPartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { decodeChunkedSeries } from '@weir/query';
import { seededRandom, systemClock } from '@weir/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeSample } from '../testing/fake-head.ts';
import { printSamples, START_MS, TENANT } from '../testing/world.ts';
import { encodeWriteRequest } from '../testing/write-request.ts';
import { createPartitionHost } from '../worker/host.ts';
import { createUlids } from '../worker/ulids.ts';
import { createHostClient, serveHost } from './host-client.ts';
import type { PartitionHost } from './partition-host.ts';
import { createRpcClient, type RpcPort, serveRpc } from './rpc.ts';

const asRpc = (port: MessagePort) => port as unknown as RpcPort;
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
    asRpc(channel.port2),
    createPartitionHost({
      openStore: async () => createMemoryHeadStore(),
      openHead: (partition, store) => openPartitionHead({ partition }, { store }),
      clock: systemClock,
      nextUlid: createUlids(systemClock, seededRandom(1)),
    }),
  );
  const host = createHostClient(createRpcClient(asRpc(channel.port1)));
  expect(await host.open({ partition: 3, dir, topicId: 't' })).toEqual({
    position: undefined,
    aside: undefined,
    blocks: [],
  });
  await host.start({ partition: 3, position: 7, shipped: [] });
  return host;
}

async function apply(host: PartitionHost, fromOffset: number, value: Uint8Array) {
  const record = { offset: fromOffset, timestampMs: START_MS, tenant: TENANT, value, version: 1 };
  const settings = { outOfOrderWindowMs: 0, seriesMax: 0 };
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
    });
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
});

describe('a stream over a port', () => {
  function serveCounting(): { sent: number; ended: boolean } {
    const state = { sent: 0, ended: false };
    serveRpc(asRpc(channel.port2), {
      call: async () => undefined,
      async *stream() {
        try {
          for (;;) {
            yield new Uint8Array(8);
            state.sent++;
          }
        } finally {
          state.ended = true;
        }
      },
    });
    return state;
  }

  async function turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await systemClock.yield();
  }

  it('sends no more than the reader granted, and ends when the reader leaves', async () => {
    const state = serveCounting();
    const client = createRpcClient(asRpc(channel.port1));
    const items = client.stream('read', {}, signal)[Symbol.asyncIterator]();
    await items.next();
    await turns(50);
    expect(state.sent).toBeLessThanOrEqual(8);
    for (let taken = 1; taken < 6; taken++) await items.next();
    await turns(50);
    expect(state.sent).toBeGreaterThan(8);
    expect(state.sent).toBeLessThanOrEqual(12);
    await items.return?.();
    await turns(50);
    expect(state.ended).toBe(true);
  });

  it('ends on both sides when the signal aborts', async () => {
    const state = serveCounting();
    const client = createRpcClient(asRpc(channel.port1));
    const abort = new AbortController();
    const items = client.stream('read', {}, abort.signal)[Symbol.asyncIterator]();
    await items.next();
    abort.abort();
    const drained = async () => {
      while (!(await items.next()).done);
    };
    await expect(drained()).rejects.toMatchObject({ kind: 'canceled' });
    await turns(50);
    expect(state.ended).toBe(true);
  });

  it('fails what waits when the other side is gone', async () => {
    const client = createRpcClient(asRpc(channel.port1));
    const waiting = client.call('stats', {});
    const { WeirError } = await import('@weir/errors');
    client.fail(new WeirError('unavailable', 'worker died'));
    await expect(waiting).rejects.toThrow('worker died');
    await expect(client.call('stats', {})).rejects.toThrow('worker died');
  });
});
