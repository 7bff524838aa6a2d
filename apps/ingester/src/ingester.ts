// The ingester: joins its zone's consumer group, owns the partitions it is given, and answers reads for
// those that have caught up. It is ready when all of them have. What happens inside a partition is
// owned-partition.ts's and the worker's; this file is assignment, life cycle and the whole's answers.
import type { Bucket } from '@weir/bucket';
import { type Cluster, hasSuccessor, type InstanceEntry, othersStay } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import type { TenantActivity, TenantSettings } from '@weir/head';
import type { PartitionLog } from '@weir/log';
import type { ReadPort, ReadThread } from '@weir/query';
import { type Clock, createSemaphore } from '@weir/runtime';
import { strongConsistencyMetrics, type Telemetry } from '@weir/telemetry';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { batchBytesOf } from './consume-loop.ts';
import { createDiscardLog } from './discards.ts';
import { createEndWatch } from './end-watch.ts';
import type { IngesterSettings } from './flags.ts';
import { createGroupSeat } from './group-seat.ts';
import { createDeparture } from './leaving/departure.ts';
import { leavingRoutes } from './leaving/routes.ts';
import { createIngesterMetrics } from './metrics.ts';
import { createOwnedPartition, type OwnedPartition } from './owned-partition.ts';
import type { Grace } from './pages/tenant-data.ts';
import { type PartitionKeeper, startPartitionKeeper } from './partition-keeper.ts';
import { delayFields } from './partition-lag.ts';
import { createPartitionSet } from './partition-set.ts';
import { partitionStatusRoutes } from './partition-status.ts';
import type { Maintenance } from './partition-upkeep.ts';
import { createIngesterRead } from './read.ts';
import { createReadConsistency } from './read-consistency.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import { type FlushRequest, registerRoutes } from './routes.ts';
import type { PartitionStats, PartitionWorkers } from './workers/partition-host.ts';

/** Partitions that cut and ship at the same time. */
const UPKEEP_CONCURRENCY = 2;
/** How long a stop waits for others to catch up with what it hands over to them. */
const HAND_OVER_PATIENCE_MS = 20_000;

const NO_GRACE: Grace = { creationGraceMs: Infinity, pastGraceMs: 0, outOfOrderWindowMs: 0 };

export interface IngesterParts {
  readonly log: PartitionLog;
  readonly bucket: Bucket;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly workers: PartitionWorkers;
  readonly limits: {
    settingsFor(tenant: string): TenantSettings;
    /** When the page of tenants warns of their times; never when left out. */
    graceOf?(tenant: string): Grace;
  };
  /** Takes the memory of record values that were applied, to be used again. */
  readonly release?: (value: Uint8Array) => void;
}

export interface Ingester {
  start(): Promise<void>;
  readiness(): Readiness;
  readonly read: ReadPort;
  /** The thread that reads a partition can be asked of directly; undefined where the partition can't be read now. */
  readThreadOf(partition: number): ReadThread | undefined;
  /** `tenantOf` throws `unauthenticated`. */
  routes(server: FastifyInstance, tenantOf: (request: FastifyRequest) => string): void;
  /**
   * Resolves when each partition's head has applied everything below its position (the next offset, as
   * endOffset() gives it). Waits for partitions that are not owned yet; rejects with the signal's reason.
   */
  waitApplied(positions: ReadonlyMap<number, number>, signal?: AbortSignal): Promise<void>;
  /** Cuts everything in the heads into blocks and ships them. */
  flush(request: FlushRequest): Promise<void>;
  /** A partition that can't tell, because it is being opened or has failed, is left out. */
  stats(): Promise<readonly PartitionStats[]>;
  /**
   * The first part of a stop that is no pause: hands the partitions over while reads are still answered.
   * Resolves at once where nobody can have them, and in any case after some time.
   */
  leave(): Promise<void>;
  /**
   * Checkpoints, commits, leaves the group (unless it was told to come back), closes. What fails keeps
   * nothing else from being closed, the workers least of all; rejects with the first failure, at the end.
   */
  stop(): Promise<void>;
  /** Has stopped, by itself or because it was asked over HTTP, which ends no process. */
  readonly stopped: boolean;
}

export function createIngester(settings: IngesterSettings, parts: IngesterParts): Ingester {
  const { log, cluster, clock, telemetry, workers } = parts;
  const logger = telemetry.log.child({ component: 'ingester' });
  const suspects = createSemaphore(1);
  const stopping = new AbortController();
  const upkeepSlots = createSemaphore(UPKEEP_CONCURRENCY);
  const partitions = createPartitionSet(settings, { cluster, clock, logger, open: own });
  const { owned } = partitions;
  const metrics = createIngesterMetrics(telemetry.metrics, {
    series: () => [...owned.values()].reduce((sum, { seriesCount }) => sum + seriesCount, 0),
    partitions() {
      const serving = [...owned.values()].filter((partition) => partition.serving).length;
      return { serving, others: owned.size - serving };
    },
    lags: () => [...owned].map(([partition, { lag }]) => [partition, lag.at(clock.nowMs())]),
    activity: readActivity,
    shutdownPrepared: () => departure.shutdownPrepared,
  });
  const departure = createDeparture(settings, {
    ...{ cluster, clock },
    tell: () => cluster.put(instanceEntry()),
    changed: () => void settleSeat(),
  });
  const seat = createGroupSeat(settings, {
    ...{ cluster, clock, logger, left: partitions.left },
    join: () => log.join(settings.consumerGroup, settings.instanceId, partitions.events()),
    drainingSinceMs: () => departure.drainingSinceMs,
  });
  const discards = createDiscardLog({ clock, log: logger, metrics });
  const ends = createEndWatch({ log, clock, logger, owned });
  const consistency = createReadConsistency(settings, {
    ...{ clock, metrics: strongConsistencyMetrics(telemetry.metrics), askEnds: ends.askNow },
  });
  let state: 'new' | 'running' | 'stopping' | 'stopped' = 'new';
  let started = false;
  let stopped: Promise<void> | undefined;
  /** Its own entry was gone and is being put again. */
  let telling = false;
  let registeredMs = 0;
  let leavingSinceMs: number | undefined;
  let going: Promise<void> | undefined;
  let keeper: PartitionKeeper | undefined;
  let unsubscribe: (() => void) | undefined;

  /** A partition that can't tell, because it is being opened or has failed, is left out. */
  async function readActivity(): Promise<readonly TenantActivity[]> {
    const asked = [...owned.values()].map(({ partition, serving }) => {
      // Of one that replays, log time alone says how recent its samples are.
      const atMs = serving ? clock.nowMs() : 0;
      return workers.hostOf(partition).activity({ partition, atMs });
    });
    return fulfilled(await Promise.allSettled(asked)).flat();
  }

  /** What fails is tried again with the next heartbeat. */
  async function settleSeat(): Promise<void> {
    if (!started || state !== 'running') return;
    await seat
      .settle()
      .catch((error) => logger.error({ err: error }, 'joining or leaving the group failed'));
  }

  function own(partition: number): OwnedPartition {
    return createOwnedPartition(
      { ...settings, partition },
      {
        ...{ log, bucket: parts.bucket, cluster, clock, logger, metrics, discards },
        host: () => workers.hostOf(partition),
        member: seat.member,
        batchBytes: () => batchBytesOf(settings, owned.size),
        suspects,
        settingsFor: (tenant) => parts.limits.settingsFor(tenant),
        release: parts.release ?? (() => undefined),
      },
    );
  }

  const instanceEntry = (): InstanceEntry => ({
    kind: 'instance',
    id: settings.instanceId,
    address: settings.address,
    zone: settings.zone,
    targets: settings.targets,
    heartbeatMs: clock.nowMs(),
    registeredMs,
    ...(leavingSinceMs !== undefined && { leavingSinceMs }),
    ...departure.entryFields(),
    applied: Object.fromEntries([...owned].map(([number, { applied }]) => [number, applied])),
    ...delayFields(owned.values(), clock.nowMs()),
  });

  /** Who takes it for one that went for good removes its entry, also when it has just come back. */
  function stayKnown(): void {
    if (telling || cluster.view.instances.has(settings.instanceId)) return;
    telling = true;
    cluster
      .put(instanceEntry())
      .catch((err) => logger.warn({ err }, 'instance not registered again yet'))
      .finally(() => {
        telling = false;
      });
  }

  /** Calls until stopped; a failure is told and the next turn tries again. */
  async function every(periodMs: number, what: string, work: () => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(periodMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await work().catch((error) => logger.error({ err: error }, `${what} failed`));
    }
  }

  async function maintain(partition: OwnedPartition, maintenance: Maintenance): Promise<void> {
    const release = await upkeepSlots.acquire();
    try {
      await partition.maintain(maintenance);
    } finally {
      release();
    }
  }

  /** Partitions tell of their failures themselves, once per change. */
  async function upkeep(cut: Maintenance['cut']): Promise<void> {
    await Promise.allSettled(
      [...owned.values()].map((partition) => maintain(partition, { cut, tenants: [] })),
    );
  }

  async function closeAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
    const failures: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => failures.push(error));
    for (const error of failures.slice(1)) logger.error({ err: error }, 'closing failed, too');
    if (failures.length > 0) throw failures[0];
  }

  async function flushAll(tenants: readonly string[]): Promise<void> {
    await Promise.all(
      [...owned.values()].map((partition) => maintain(partition, { cut: 'all', tenants })),
    );
  }

  /** Whether what is here must be in the bucket before it goes: nobody else will be there to ship it. */
  const isLast = (): boolean =>
    departure.shutdownPrepared && !othersStay(cluster.view, settings, clock.nowMs());

  /** What failed of it is told to who asked first. */
  function stop(flushed: boolean): Promise<void> {
    if (stopped !== undefined) return stopped.catch(() => undefined);
    stopped = state === 'new' ? Promise.resolve() : stopNow(flushed);
    return stopped;
  }

  /** Ships what has to be shipped, and leaves the group; others catch up while reads are answered here. */
  async function go(flushed: boolean): Promise<void> {
    state = 'stopping';
    const flushes = flushed || settings.flushOnShutdown || isLast();
    await closeAll([
      async () => {
        if (flushes) await flushAll([]);
      },
      async () => {
        if (departure.unregister) await handOver();
      },
    ]);
  }

  /** Where all of a zone stop at once, nobody waits for the others. */
  async function handOver(): Promise<void> {
    leavingSinceMs = clock.nowMs();
    await cluster.put(instanceEntry());
    if (!isSucceeded()) return;
    await seat.close(false);
    const patience = new AbortController();
    const endIfAlone = cluster.subscribe(() => {
      if (!isSucceeded()) patience.abort();
    });
    const waited = clock.sleep(HAND_OVER_PATIENCE_MS, patience.signal).catch(() => undefined);
    await Promise.race([partitions.handedOver(), waited]);
    endIfAlone();
    patience.abort();
  }

  const isSucceeded = (): boolean =>
    hasSuccessor(cluster.view, settings, clock.nowMs(), clock.nowMs());

  async function stopNow(flushed: boolean): Promise<void> {
    const forGood = flushed || departure.shutdownPrepared;
    going ??= go(flushed);
    await closeAll([
      () => going!,
      async () => {
        stopping.abort(new WeirError('closed', 'the ingester is stopping'));
        partitions.close();
        unsubscribe?.();
        keeper?.stop();
        await partitions.releaseAll();
      },
      () => seat.close(!departure.unregister),
      () => cluster.remove(instanceEntry()),
      async () => {
        if (forGood) await departure.done();
      },
      () => workers.close(),
    ]).finally(() => {
      state = 'stopped';
    });
  }

  const ingester: Ingester = {
    async start() {
      state = 'running';
      registeredMs = clock.nowMs();
      await departure.open();
      await cluster.put(instanceEntry());
      const keeping = startPartitionKeeper(settings, { cluster, log, clock, logger, owned });
      keeper = keeping;
      // A tenant's limits are divided by what the first look finds, so before anything is applied.
      await keeping.look();
      await seat.settle();
      started = true;
      unsubscribe = cluster.subscribe(() => {
        if (departure.drainingSinceMs !== undefined) void settleSeat();
        stayKnown();
      });
      const { heartbeatPeriodMs, headCompactionIntervalMs, shipIntervalMs } = settings;
      void every(heartbeatPeriodMs, 'heartbeat', () => cluster.put(instanceEntry()));
      void every(heartbeatPeriodMs, 'joining or leaving', settleSeat);
      void every(heartbeatPeriodMs, 'keeping partitions', () => keeping.look());
      void every(settings.endsPollMs, 'asking for lags', ends.poll);
      void every(headCompactionIntervalMs, 'cutting blocks', () => upkeep('due'));
      void every(shipIntervalMs, 'shipping blocks', () => upkeep('none'));
    },
    get stopped() {
      return state === 'stopped';
    },
    readiness() {
      if (state !== 'running') return { ready: false, reason: `ingester is ${state}` };
      if (!started) return { ready: false, reason: 'waiting for partitions to be assigned' };
      const { ownersMin } = settings;
      return readinessOf({ cluster, clock, partitions, seat, departure, ownersMin });
    },
    read: createIngesterRead({ owned, workers, consistency, clock }),
    readThreadOf: (partition) =>
      owned.get(partition)?.serving ? workers.threadOf(partition) : undefined,
    routes(server, tenantOf) {
      partitionStatusRoutes(server, { instanceId: settings.instanceId, owned, clock });
      registerRoutes(server, ingester, {
        nowMs: () => clock.nowMs(),
        running: () => state === 'running',
        partitionCount: () => owned.size,
        uploadedMs: (partition, ulid) => owned.get(partition)?.uploadedMs(ulid),
        graceOf: (tenant) => parts.limits.graceOf?.(tenant) ?? NO_GRACE,
        tenantOf,
      });
      leavingRoutes(server, {
        departure,
        get running() {
          return started && state === 'running';
        },
        shutdown() {
          departure.setUnregister(true);
          return stop(true);
        },
      });
    },
    async waitApplied(positions, signal) {
      await Promise.all(
        [...positions].map(async ([number, position]) => {
          const partition = await partitions.waitFor(number, signal);
          await partition.waitApplied(position, signal);
        }),
      );
    },
    async flush({ tenants = [], wait }) {
      const done = flushAll(tenants);
      if (wait) await done;
      else done.catch(() => undefined);
    },
    async stats() {
      const asked = [...owned.keys()].map((partition) =>
        workers.hostOf(partition).stats({ partition }),
      );
      return fulfilled(await Promise.allSettled(asked));
    },
    async leave() {
      if (state !== 'running') return;
      going ??= go(false);
      await going;
    },
    stop: () => stop(false),
  };
  return ingester;
}

function fulfilled<Value>(answers: readonly PromiseSettledResult<Value>[]): Value[] {
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
}
