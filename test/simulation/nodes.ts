// The processes of the simulated cluster, put together as the composition root does it: an ingester node
// owns partitions, a front node takes pushes and answers queries. Only the ports are the simulation's.
import type { Bucket } from '@weir/bucket';
import { catalogFlags, createCatalog } from '@weir/catalog';
import { activePartitions, type Cluster } from '@weir/cluster';
import { openLogCluster } from '@weir/cluster/log';
import { defaultsOf } from '@weir/config';
import { createDistributor, type Distributor, distributorFlags } from '@weir/distributor';
import { WeirError } from '@weir/errors';
import {
  createIngester,
  createInlineWorkers,
  createTenantSettings,
  createUlids,
  type Ingester,
  type IngesterFlagSettings,
  ingesterFlags,
  ingesterSettings,
} from '@weir/ingester';
import type { Limits } from '@weir/limits';
import { createClusterOwners, createDemand, createLastProduced, type Demand } from '@weir/querier';
import type { BlockCatalog, OwnerDirectory, ReadPort } from '@weir/query';
import { silentTelemetry, strongConsistencyMetrics } from '@weir/telemetry';
import type { Coordinator, Topic } from './broker.ts';
import { createBucketClient } from './bucket-client.ts';
import type { HeadChecks } from './checks/heads.ts';
import { StoreHistory } from './checks/heads.ts';
import type { ShippingChecks } from './checks/shipping.ts';
import { openSound } from './checks/soundness.ts';
import { type Control, createControl } from './control.ts';
import type { Coverage } from './coverage.ts';
import type { Disk } from './disk/disk.ts';
import { locate, mount } from './disk/fs-promises.ts';
import type { OpenableStore } from './disk/memory-store-node.ts';
import type { Faults } from './faults.ts';
import { createLogClient } from './log-client.ts';
import type { SimProcess } from './process.ts';

/** Virtual time is long and events are few: periods are minutes where production has seconds. */
const HEARTBEAT_MS = 300_000;
export const HEARTBEAT_TIMEOUT_MS = 620_000;
const CUT_MS = 600_000;
const SHIP_MS = 1_100_000;
const STRONG_READ_WAIT_MS = 100_000;
export const RETENTION_MS = 2 * 3_600_000;

export interface NodeParts {
  readonly topic: Topic;
  readonly clusterTopic: Topic;
  readonly coordinator: Coordinator;
  readonly store: Bucket;
  readonly faults: Faults;
  readonly coverage: Coverage;
  readonly limits: Limits;
  /** The same in every process, as an operator would have them. */
  readonly flags: Partial<IngesterFlagSettings>;
  readonly heads: HeadChecks;
  readonly shipping: ShippingChecks;
  readonly createStore: () => OpenableStore;
  readonly histories: WeakMap<object, StoreHistory>;
  /** A check that was waited for has thrown. */
  failed(error: unknown): never;
  /** Runs a check; what it throws ends the run. */
  guard<T>(check: () => T): T;
  /** Reads at the process that has the address now. */
  readerAt(address: string): IngesterNode | undefined;
}

export interface IngesterNode {
  readonly process: SimProcess;
  readonly ingester: Ingester;
  readonly cluster: Cluster;
  readonly control: Control;
}

function portsOf(process: SimProcess, parts: NodeParts) {
  const { faults, store, shipping } = parts;
  const watch = {
    wrote: (key: string, by: SimProcess) => shipping.wrote(key, by).catch(parts.failed),
    deleted: () => undefined,
  };
  return {
    log: createLogClient({ topic: parts.topic, coordinator: parts.coordinator, process, faults }),
    bucket: createBucketClient({ store, process, faults, watch }),
  };
}

async function clusterOf(process: SimProcess, parts: NodeParts): Promise<Cluster> {
  const { clusterTopic: topic, faults } = parts;
  const { log } = silentTelemetry();
  for (;;) {
    try {
      const clusterLog = createLogClient({ topic, process, faults });
      return await openLogCluster({ clusterLog, log });
    } catch {
      // A process whose start fails is started again.
      await process.clock.sleep(5_000);
    }
  }
}

/** The same array as long as it holds the same, as the distributor's tables are made of it. */
function followActive(cluster: Cluster): () => readonly number[] {
  let active = activePartitions(cluster.view);
  cluster.subscribe(() => {
    const now = activePartitions(cluster.view);
    if (String(now) !== String(active)) active = now;
  });
  return () => active;
}

export interface IngesterPlaceSettings {
  readonly host: string;
  readonly zone: string;
}

export async function startIngester(
  { host, zone }: IngesterPlaceSettings,
  process: SimProcess,
  disk: Disk,
  parts: NodeParts,
): Promise<IngesterNode> {
  const { log, bucket } = portsOf(process, parts);
  const { clock } = process;
  const cluster = await clusterOf(process, parts);
  const settings = ingesterSettings(
    {
      ...defaultsOf(ingesterFlags),
      zone,
      heartbeatPeriodMs: HEARTBEAT_MS,
      headCompactionIntervalMs: CUT_MS,
      shipIntervalMs: SHIP_MS,
      retentionPeriodMs: RETENTION_MS,
      endsPollMs: SHIP_MS,
      strongReadWaitMs: STRONG_READ_WAIT_MS,
      ...parts.flags,
    },
    {
      ...{ dataDir: mount(process, disk), hostName: host, address: host, targets: ['ingester'] },
      heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS,
    },
  );
  const active = followActive(cluster);
  const workers = createInlineWorkers({
    openStore: (path) => openStore(path, parts),
    async openHead(partition, store, _pause, endOffset) {
      const node = stores.get(store)!;
      const raw = await openSound(partition, store, {
        isDamaged: () => node.isDamaged,
        guard: (check) => parts.guard(check),
        name: `partition ${partition} of ${process.name}`,
        endOffset,
      });
      const history = parts.histories.get(node) ?? new StoreHistory();
      parts.histories.set(node, history);
      return parts.guard(() =>
        parts.heads.watch(raw, process, history, (window) =>
          parts.guard(() => parts.shipping.dropped(partition, window)),
        ),
      );
    },
    clock,
    nextUlid: createUlids(clock, process.random),
  });
  const ingester = createIngester(settings, {
    log,
    bucket,
    cluster,
    clock,
    telemetry: silentTelemetry(),
    workers,
    limits: createTenantSettings(settings, {
      limits: parts.limits,
      activePartitions: () => active().length,
    }),
  });
  const control = createControl(ingester);
  await ingester.start();
  return { process, ingester, cluster, control };
}

const stores = new WeakMap<object, OpenableStore>();

/** The store at the path, made where there is none: it lies on the disk and moves with its folder. */
async function openStore(path: string, { createStore }: NodeParts) {
  const { process, disk, path: at } = locate(path);
  let node = disk.lookUp(at);
  if (node === undefined) {
    disk.makeDirectories(at.split('/').slice(0, -1).join('/'));
    const [parent, name] = disk.parentOf(at);
    node = createStore();
    parent.entries.set(name, node);
    parent.synced.set(name, node);
  }
  if (node.kind !== 'store') throw new WeirError('internal', `${path} is no store`);
  const store = await (node as OpenableStore).open(process);
  stores.set(store, node as OpenableStore);
  return store;
}

export interface FrontNode {
  readonly process: SimProcess;
  readonly cluster: Cluster;
  readonly distributor: Distributor;
  readonly owners: OwnerDirectory;
  readonly catalog: BlockCatalog;
  /** What a strong read demands of owners. */
  readonly demand: Demand;
  /** Who stands behind a port that `owners` names. */
  ingesterOf(port: ReadPort): IngesterNode | undefined;
  endOffset(partition: number): Promise<number>;
}

export async function startFront(process: SimProcess, parts: NodeParts): Promise<FrontNode> {
  const { log, bucket } = portsOf(process, parts);
  const { clock } = process;
  const telemetry = silentTelemetry();
  const cluster = await clusterOf(process, parts);
  const addresses = new WeakMap<ReadPort, string>();
  const owners = createClusterOwners(
    { heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS },
    {
      cluster,
      clock,
      instanceId: process.name,
      shardSizeOf: (tenant) => parts.limits.forTenant(tenant).shardSize,
      connect(address) {
        const port = createRemoteRead(address, process, parts);
        addresses.set(port, address);
        return port;
      },
    },
  );
  const distributor = createDistributor(defaultsOf(distributorFlags), {
    log,
    routing: { active: followActive(cluster) },
    limits: parts.limits,
    clock,
    random: process.random,
    telemetry,
    tenantOf: () => {
      throw new WeirError('internal', 'no HTTP here');
    },
  });
  return {
    process,
    cluster,
    distributor,
    owners,
    demand: createDemand({
      ...{ owners, clock, metrics: strongConsistencyMetrics(telemetry.metrics) },
      lastProduced: createLastProduced({ cluster, log }),
    }),
    catalog: createCatalog(defaultsOf(catalogFlags), { bucket, clock }),
    ingesterOf: (port) => parts.readerAt(addresses.get(port) ?? ''),
    endOffset: (partition) => log.endOffset(partition),
  };
}

/** Reads over the network: the other side may be gone, or go away in the middle. */
function createRemoteRead(address: string, process: SimProcess, parts: NodeParts): ReadPort {
  return {
    async *read(request, signal) {
      await process.local(`read at ${address}`, 2, () => undefined);
      const target = parts.readerAt(address);
      if (target === undefined) throw new WeirError('unavailable', `${address} is not there`);
      const gone = new Promise<never>((_, reject) => {
        target.process.onDeath(() => reject(new WeirError('unavailable', `${address} went away`)));
      });
      gone.catch(() => undefined);
      const arrived = target.process.local('read asked', 2, () => undefined);
      await Promise.race([arrived, gone]);
      signal.throwIfAborted();
      const messages = target.ingester.read.read(request, signal)[Symbol.asyncIterator]();
      // A reader that gives up or dies closes its connection, and the other side learns of it.
      const hangUp = () => {
        target.process.scheduler.after(1_000, target.process, 'connection closed', () => {
          messages.return?.().catch(() => undefined);
        });
      };
      const forget = process.onDeath(hangUp);
      signal.addEventListener('abort', hangUp, { once: true });
      try {
        for (;;) {
          const next = await Promise.race([messages.next(), gone]);
          await process.local(`read from ${address}`, 2, () => undefined);
          signal.throwIfAborted();
          if (next.done) return;
          yield next.value;
        }
      } finally {
        forget();
        signal.removeEventListener('abort', hangUp);
        messages.return?.().catch(() => undefined);
      }
    },
  };
}
