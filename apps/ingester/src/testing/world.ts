// A small world for tests of the ingester: a log, a bucket, a disk and a clock that outlive a process,
// and processes that can die at any call that leaves them. A dead process's calls never return, so it
// can do nothing any more; what it had done by then stays.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bucket } from '@weir/bucket';
import { createMemoryBucket } from '@weir/bucket/memory';
import { utf8 } from '@weir/bytes';
import type { Cluster } from '@weir/cluster';
import { createMemoryCluster } from '@weir/cluster/memory';
import { defaultsOf } from '@weir/config';
import { type HeadRecord, type HeadStore, openPartitionHead, type PartitionHead } from '@weir/head';
import type { PartitionLog } from '@weir/log';
import { createMemoryLog } from '@weir/log/memory';
import { SampleColumns } from '@weir/model';
import { decodeChunkedSeries, type SeriesChunks } from '@weir/query';
import { type Clock, seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { decodeBlockMeta, openBlock } from '@weir/tsdb/block';
import { decodeXorChunk } from '@weir/tsdb/chunk';
import { ingesterFlags, ingesterSettings } from '../flags.ts';
import { createIngester, type Ingester } from '../ingester.ts';
import { createUlids } from '../worker/ulids.ts';
import { createInlineWorkers } from '../workers/inline-workers.ts';
import type { PartitionHost } from '../workers/partition-host.ts';
import {
  encodeFakeRecord,
  type FakeDisk,
  type FakeSample,
  type FakeStore,
  openFakeHead,
  openFakeStore,
} from './fake-head.ts';
import { openRowStore, type RowDisk } from './row-disk.ts';
import { encodeWriteRequest } from './write-request.ts';

export const TENANT = 'tenant-a';
export const START_MS = Date.parse('2026-01-01T00:00:00Z');

export interface ManualClock extends Clock {
  advance(ms: number): void;
}

/** Time stands still until a test moves it. */
export function createManualClock(startMs: number): ManualClock {
  let now = startMs;
  const timers = new Set<{ atMs: number; fire: () => void }>();
  const clock: ManualClock = {
    nowMs: () => now,
    steadyMs: () => now,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          timer.cancel();
          reject(signal?.reason);
        };
        const timer = clock.after(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    after(ms, fire) {
      const timer = { atMs: now + ms, fire };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    yield: () => systemClock.yield(),
    advance(ms) {
      now += ms;
      for (const timer of [...timers].filter(({ atMs }) => atMs <= now)) {
        timers.delete(timer);
        timer.fire();
      }
    },
  };
  return clock;
}

/** Counts the calls that leave a process, and lets it die at one of them. */
export interface Fate {
  calls: number;
  /** Die at this call (each has two places: before and after it took effect); 0 is never. */
  dieAt: number;
  readonly dead: boolean;
}

export function createFate(dieAt = 0): Fate {
  return {
    calls: 0,
    dieAt,
    get dead() {
      return this.dieAt > 0 && this.calls >= this.dieAt;
    },
  };
}

const NEVER = new Promise<never>(() => {});

/** The same port, whose promises never settle once the process is dead. */
export function mortal<Port extends object>(port: Port, fate: Fate): Port {
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const call = () => Reflect.apply(member, target, args);
        if (name === 'read' || name === 'subscribe' || name === 'list') return call();
        fate.calls++;
        if (fate.dead) return NEVER;
        const result = call();
        if (!(result instanceof Promise)) return result;
        return result.then(
          (value) => {
            fate.calls++;
            return fate.dead ? NEVER : value;
          },
          (error) => (fate.dead ? NEVER : Promise.reject(error)),
        );
      };
    },
  });
}

export interface WorldSettings {
  readonly partitions?: number;
  /** The head of production over rows in memory, instead of the fake one. */
  readonly realHead?: boolean;
  /** With a real head: called before records are applied; what it throws is a bug in applying them. */
  readonly beforeApply?: (head: PartitionHead, records: readonly HeadRecord[]) => void;
  /** With a real head: called before its store is opened, which waits for it. */
  readonly beforeOpen?: (path: string) => Promise<void>;
}

export interface ProcessSettings {
  readonly fate?: Fate;
  readonly bucket?: Bucket;
  /** Each host has a disk of its own. */
  readonly hostName?: string;
  readonly zone?: string;
  readonly cluster?: Cluster;
  /** Other than the defaults. */
  readonly flags?: Partial<ReturnType<typeof defaultsOf<typeof ingesterFlags>>>;
}

export interface Process {
  readonly ingester: Ingester;
  readonly fate: Fate;
  readonly workersClosed: boolean;
  /** What kill -9 leaves behind: the group forgets the member. */
  kill(): Promise<void>;
}

export interface World {
  readonly log: PartitionLog;
  readonly bucket: Bucket;
  readonly clock: ManualClock;
  readonly disk: FakeDisk;
  readonly dir: string;
  /** Rows of the heads by path, with a real head; what a test damages here is damaged on disk. */
  readonly rows: RowDisk;
  readonly cluster: Cluster;
  begin(fate?: Fate, bucket?: Bucket, hostName?: string): Promise<Process>;
  beginWith(settings: ProcessSettings): Promise<Process>;
  push(samples: readonly FakeSample[], partition?: number, tenant?: string): Promise<void>;
  /** Forgets the disk, as a new node would have it. */
  loseDisk(): Promise<void>;
  destroy(): Promise<void>;
}

export async function createWorld({
  partitions = 1,
  realHead = false,
  beforeApply,
  beforeOpen,
}: WorldSettings = {}): Promise<World> {
  const clock = createManualClock(START_MS);
  const random = seededRandom(1);
  const log = createMemoryLog({ partitions }, { clock, random });
  const bucket = createMemoryBucket({ clock });
  const cluster = createMemoryCluster();
  const dir = await mkdtemp(join(tmpdir(), 'weir-ingester-'));
  const disk: FakeDisk = new Map();
  const rows: RowDisk = new Map();
  const nextUlid = createUlids(clock, random);
  const alive = new Set<Ingester>();

  const heads = realHead
    ? {
        async openStore(path: string) {
          await beforeOpen?.(path);
          return openRowStore(path, rows);
        },
        async openHead(partition: number, store: HeadStore): Promise<PartitionHead> {
          const head = await openPartitionHead({ partition }, { store });
          if (beforeApply === undefined) return head;
          const apply: typeof head.apply = (records, nextOffset) => {
            beforeApply(head, records);
            head.apply(records, nextOffset);
          };
          return Object.create(head, { apply: { value: apply } });
        },
      }
    : {
        openStore: (path: string) => openFakeStore(path, disk),
        openHead: async (partition: number, store: HeadStore) =>
          openFakeHead(partition, (store as FakeStore).path, disk),
      };
  const encode = realHead ? encodeWriteRequest : encodeFakeRecord;

  const world: World = {
    log,
    bucket,
    clock,
    cluster,
    disk,
    rows,
    dir,
    begin: (fate = createFate(), ownBucket = bucket, hostName = 'host-1') =>
      world.beginWith({ fate, bucket: ownBucket, hostName }),
    async beginWith({
      fate = createFate(),
      bucket: ownBucket = bucket,
      hostName = 'host-1',
      zone,
      cluster: ownCluster = cluster,
      flags: ownFlags = {},
    }) {
      const inline = createInlineWorkers({ ...heads, clock, nextUlid });
      const host: PartitionHost = mortal(inline.hostOf(0), fate);
      const leaves: (() => Promise<void>)[] = [];
      const mortalLog = mortal(
        {
          ...log,
          topicId: log.topicId,
          async join(...args: Parameters<PartitionLog['join']>) {
            const member = await log.join(...args);
            leaves.push(() => member.close());
            return mortal(member, fate);
          },
        } satisfies PartitionLog,
        fate,
      );
      const flags = {
        ...{ ...defaultsOf(ingesterFlags), ...ownFlags },
        ...(zone === undefined ? {} : { zone }),
      };
      let workersClosed = false;
      const settings = ingesterSettings(flags, {
        dataDir: hostName === 'host-1' ? dir : join(dir, hostName),
        hostName,
        address: '127.0.0.1:1',
        targets: ['ingester'],
      });
      const ingester = createIngester(settings, {
        log: mortalLog,
        bucket: mortal(ownBucket, fate),
        cluster: mortal(ownCluster, fate),
        clock,
        telemetry: silentTelemetry(),
        workers: {
          hostOf: () => host,
          threadOf: () => undefined,
          pinned: inline.pinned,
          async close() {
            workersClosed = true;
          },
        },
        limits: {
          settingsFor: () => ({
            ...{ outOfOrderWindowMs: 0, seriesMax: 0 },
            activeIdleMs: settings.activeSeriesIdleMs,
          }),
        },
      });
      void ingester.start();
      alive.add(ingester);
      return {
        ingester,
        fate,
        get workersClosed() {
          return workersClosed;
        },
        async kill() {
          alive.delete(ingester);
          fate.calls = Number.POSITIVE_INFINITY;
          fate.dieAt = 1;
          for (const leave of leaves) await leave();
        },
      };
    },
    async push(samples, partition = 0, tenant = TENANT) {
      const key = utf8(tenant);
      const value = encode(samples);
      await log.produce([{ partition, key, value, version: 1 }]);
    },
    async loseDisk() {
      disk.clear();
      rows.clear();
      await rm(join(dir, 'tsdb'), { recursive: true, force: true });
    },
    async destroy() {
      for (const ingester of alive) await stopped(clock, ingester);
      await rm(dir, { recursive: true, force: true });
    },
  };
  return world;
}

/** Stops it while time goes on: what it waits for may be dead, or need a moment. */
export async function stopped(clock: ManualClock, ingester: Ingester): Promise<void> {
  let done = false;
  const stopping = ingester.stop().finally(() => {
    done = true;
  });
  while (!done) {
    clock.advance(1000);
    for (let turn = 0; turn < 100 && !done; turn++) await clock.yield();
  }
  await stopping;
}

/** Lets everything that can happen at this moment happen, disk work too, until the condition holds. */
export async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (let turn = 0; turn < 1_000_000; turn++) {
    if (condition()) return;
    await systemClock.yield();
  }
  throw new Error(`never happened: ${what()}`);
}

/** `name@t=v`, sorted; a sample that is there twice stands twice. */
export function printSamples(series: readonly SeriesChunks[]): string[] {
  const out: string[] = [];
  for (const { labels, chunks } of series) {
    for (const { bytes } of chunks) {
      const columns = new SampleColumns();
      decodeXorChunk(bytes, columns, -Infinity, Infinity);
      for (let at = 0; at < columns.count; at++) {
        out.push(`${printName(labels)}@${columns.t[at]! - START_MS}=${columns.v[at]}`);
      }
    }
  }
  return out.sort();
}

function printName(labels: Uint8Array): string {
  return new TextDecoder().decode(labels).replace(/[^a-z0-9_]/g, '');
}

export interface ReadAnswer {
  readonly heldBlocks: readonly string[];
  readonly samples: readonly string[];
}

export async function readAll(ingester: Ingester, partitions = [0]): Promise<ReadAnswer> {
  const signal = new AbortController().signal;
  const request = { tenant: TENANT, matchers: [], minT: 0, maxT: 2 ** 50, partitions };
  const messages: Uint8Array[] = [];
  for await (const message of ingester.read.read({ kind: 'select', ...request }, signal)) {
    messages.push(message);
  }
  const header = JSON.parse(new TextDecoder().decode(messages[0])) as { heldBlocks: string[] };
  const series = messages.slice(1).flatMap(decodeChunkedSeries);
  return { heldBlocks: header.heldBlocks, samples: printSamples(series) };
}

/** The samples of every whole block in the bucket, by ULID. */
export async function readBucket(bucket: Bucket): Promise<Map<string, string[]>> {
  const blocks = new Map<string, string[]>();
  for await (const page of bucket.list(`${TENANT}/`)) {
    for (const { key } of page.objects) {
      if (!key.endsWith('/meta.json')) continue;
      const prefix = key.slice(0, -'meta.json'.length);
      const meta = decodeBlockMeta((await bucket.get(key)).body);
      const source = {
        size: async (file: string) => (await bucket.info(prefix + file))!.sizeBytes,
        read: (file: string, offset: number, length: number) =>
          bucket.getRange(prefix + file, offset, length),
      };
      const reader = await openBlock(source, meta);
      const series: SeriesChunks[] = [];
      for await (const batch of reader.select({ matchers: [], minT: 0, maxT: 2 ** 50 })) {
        series.push(...batch);
      }
      blocks.set(meta.ulid, printSamples(series));
    }
  }
  return blocks;
}
