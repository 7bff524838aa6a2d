// The components of a process and what connects them: only this file knows which of them are threads of
// this process and which are elsewhere.
import { readFileSync } from 'node:fs';
import { type BufferPool, createBufferPool } from '@weir/bytes';
import {
  activePartitions,
  type ClusterView,
  countShares,
  healthyInstances,
  partitionDelays,
} from '@weir/cluster';
import { createDistributor, type Distributor } from '@weir/distributor';
import { type HttpServer, tenantOf } from '@weir/http';
import {
  createIngester,
  createTenantSettings,
  createThreadWorkers,
  type Ingester,
  ingesterSettings,
  type PartitionWorkers,
  parseTrackers,
} from '@weir/ingester';
import type { Limits } from '@weir/limits';
import {
  createClusterOwners,
  createCountingExecutor,
  createDemand,
  createDemandingExecutor,
  createLastProduced,
  createRetryingExecutor,
  createThreadedExecutor,
  querierRoutes,
} from '@weir/querier';
import type { OwnerDirectory } from '@weir/query';
import { createHttpReadPort, createReadAgent, readRoutes } from '@weir/query/remote';
import { type Clock, systemRandom } from '@weir/runtime';
import { strongConsistencyMetrics, type Telemetry } from '@weir/telemetry';
import { waitApplied } from './apply-wait.ts';
import type { Component, Configuration } from './configuration.ts';
import type { Foundations } from './foundations.ts';
import { clusterRoutes } from './pages/cluster-routes.ts';
import { limitsRoutes } from './pages/limits-routes.ts';
import { replicaRoutes } from './pages/replica-routes.ts';
import { userStatsRoutes } from './pages/user-stats-routes.ts';
import { bucketSettings, type Place } from './place.ts';
import { presenceService } from './presence.ts';
import { type Rehearsing, startRehearsing } from './rehearsal.ts';
import { createRuntimeConfig, type RuntimeConfig } from './runtime-config.ts';
import type { Service } from './services.ts';
import { REVISION, VERSION } from './version.ts';

/** Of record values in flight, kept for the next pushes. */
const RECORD_BUFFERS_MAX_BYTES = 8 * 1024 * 1024;

/** Of components that have one. */
const RINGS = ['distributor', 'ingester'] as const;

export interface ComponentParts {
  readonly configuration: Configuration;
  readonly place: Place;
  readonly address: string;
  readonly foundations: Foundations;
  /** For the ingester, where it is a component. */
  readonly partitionWorkers: PartitionWorkers | undefined;
  readonly server: HttpServer;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Comes before the foundations, so that threads load their code while the embedded log opens. */
export function createPartitionWorkers(
  { partitionWorkers, embeddedPartitions }: Place,
  alone: boolean,
  telemetry: Telemetry,
): PartitionWorkers {
  return createThreadWorkers(
    {
      url: new URL('./partition-worker.js', import.meta.url),
      count: partitionWorkers,
      startedAtOnce: alone ? embeddedPartitions : 0,
    },
    { log: telemetry.log },
  );
}

/** Wires the components and registers their routes; nothing runs before its service is started. */
export function createComponents(
  components: readonly Component[],
  parts: ComponentParts,
): readonly Service[] {
  const runtime = createRuntimeConfigOf(parts);
  const { limits } = runtime;
  const recordBuffers = createBufferPool(RECORD_BUFFERS_MAX_BYTES);
  const services: Service[] = [];
  if (parts.configuration.weir.runtimeConfigFile !== '') {
    services.push({ name: 'runtime config', stop: async () => runtime.close() });
  }
  let ingester: Ingester | undefined;
  if (parts.partitionWorkers !== undefined) {
    const { partitionWorkers: workers } = parts;
    ingester = createIngesterOf(components, workers, limits, recordBuffers, parts);
    services.push(ingesterService(ingester));
  }
  if (components.includes('querier')) services.push(createQuerierService(ingester, limits, parts));
  if (components.includes('distributor')) {
    const { start, stop } = createDistributorOf(ingester, runtime, recordBuffers, parts);
    services.push({ name: 'distributor', start, stop });
    if (ingester === undefined) services.push(createPresence(components, parts));
  }
  const { server, foundations, clock, configuration } = parts;
  const { heartbeatTimeoutMs } = configuration.weir;
  if (components.includes('distributor')) {
    const enabled = configuration.distributor.haTrackerEnabled;
    userStatsRoutes(
      server,
      ownersOf(ingester, () => 0, parts),
    );
    replicaRoutes(server, { enabled, cluster: foundations.cluster, limits, clock });
  }
  clusterRoutes(server, components.includes('distributor') ? RINGS : ['ingester'], {
    ...{ cluster: foundations.cluster, log: foundations.log, clock, heartbeatTimeoutMs },
  });
  return services;
}

function createRuntimeConfigOf({
  configuration,
  server,
  clock,
  telemetry,
}: ComponentParts): RuntimeConfig {
  const { runtimeConfigFile: file, runtimeConfigPeriodMs: reloadPeriodMs } = configuration.weir;
  const runtime = createRuntimeConfig(
    {
      ...{ file, reloadPeriodMs, defaults: configuration.limits },
      instanceDefaults: configuration.distributor,
    },
    {
      readFile: (path) => readFileSync(path, 'utf8'),
      check: (limits) => void parseTrackers(limits.activeSeriesTrackers),
      ...{ clock, telemetry },
    },
  );
  if (file !== '') {
    limitsRoutes(server, runtime, (request) => tenantOf(request, configuration.tenants));
  }
  return runtime;
}

function createPresence(
  components: readonly Component[],
  { configuration, address, foundations, clock, telemetry }: ComponentParts,
): Service {
  const { zone, heartbeatPeriodMs } = configuration.ingester;
  const id = configuration.distributor.ringInstanceId || address;
  return presenceService(
    { id, address, zone, targets: components, heartbeatPeriodMs },
    { cluster: foundations.cluster, clock, log: telemetry.log },
  );
}

function createIngesterOf(
  components: readonly Component[],
  workers: PartitionWorkers,
  limits: Limits,
  recordBuffers: BufferPool,
  { configuration, place, address, foundations, server, clock, telemetry }: ComponentParts,
): Ingester {
  const settings = ingesterSettings(configuration.ingester, {
    dataDir: place.dataDir,
    hostName: place.hostName,
    address,
    targets: components,
    heartbeatTimeoutMs: configuration.weir.heartbeatTimeoutMs,
  });
  const shares = followCluster(foundations.cluster, countShares);
  const ingester = createIngester(settings, {
    log: foundations.log,
    bucket: foundations.bucket,
    cluster: foundations.cluster,
    clock,
    telemetry,
    workers,
    limits: createTenantSettings(settings, {
      limits,
      activePartitions: shares,
    }),
    release: (value) => recordBuffers.give(value),
  });
  ingester.routes(server, (request) => tenantOf(request, configuration.tenants));
  readRoutes(server, ingester.read);
  return ingester;
}

/**
 * For what each push or record asks: worked out when it is asked for and the cluster has changed since, because
 * at a start it changes once for each partition and more; and the same value until it differs.
 */
function followCluster<Value>(
  cluster: Foundations['cluster'],
  workOut: (view: ClusterView) => Value,
): () => Value {
  let value = workOut(cluster.view);
  let changed = false;
  cluster.subscribe(() => {
    changed = true;
  });
  return () => {
    if (changed) {
      changed = false;
      const now = workOut(cluster.view);
      if (String(now) !== String(value)) value = now;
    }
    return value;
  };
}

/** Those that are there now; heartbeats change the cluster, so that who is gone is soon not counted. */
function countDistributors(view: ClusterView, { weir }: Configuration, clock: Clock): number {
  const healthy = healthyInstances(view, clock.nowMs(), weir.heartbeatTimeoutMs);
  return healthy.filter(({ targets }) => targets.includes('distributor')).length;
}

/** Worked out when it is asked for, if the cluster has changed since. */
function followDelays(
  { cluster }: Foundations,
  { weir }: Configuration,
  clock: Clock,
): () => ReadonlyMap<number, number> {
  let delays: ReadonlyMap<number, number> | undefined;
  cluster.subscribe(() => {
    delays = undefined;
  });
  return () => {
    delays ??= partitionDelays(cluster.view, clock.nowMs(), weir.heartbeatTimeoutMs);
    return delays;
  };
}

function ingesterService(ingester: Ingester): Service {
  return {
    name: 'ingester',
    start: () => ingester.start(),
    leave: () => ingester.leave(),
    stop: () => ingester.stop(),
    readiness: () => ingester.readiness(),
    ended: () => ingester.stopped,
  };
}

function createQuerierService(
  ingester: Ingester | undefined,
  limits: Limits,
  parts: ComponentParts,
): Service {
  const { configuration, place, foundations, server, clock, telemetry } = parts;
  const owners = ownersOf(ingester, (tenant) => limits.forTenant(tenant).shardSize, parts);
  const threads = createThreadedExecutor(
    {
      querier: configuration.querier,
      bucket: bucketSettings(configuration, place),
      catalog: configuration.catalog,
    },
    {
      workerUrl: new URL('./querier-worker.js', import.meta.url),
      workers: place.queryWorkers,
      owners,
      clock,
      telemetry,
    },
  );
  const metrics = strongConsistencyMetrics(telemetry.metrics);
  const demand = createDemand({
    ...{ owners, clock, metrics },
    lastProduced: createLastProduced(foundations),
  });
  const demanding = createDemandingExecutor(configuration.querier, {
    ...{ executor: threads, demand, clock },
  });
  const retrying = createRetryingExecutor({ executor: demanding, clock });
  const executor = createCountingExecutor({ executor: retrying, telemetry });
  querierRoutes(server, configuration.querier, executor, {
    tenantOf: (request) => tenantOf(request, configuration.tenants),
    limitsFor: (tenant) => limits.forTenant(tenant),
    version: VERSION,
    revision: REVISION,
  });
  let rehearsing: Rehearsing | undefined;
  return {
    name: 'querier',
    async start() {
      const workers = parts.partitionWorkers;
      if (ingester === undefined || workers === undefined) return;
      if (!configuration.querier.rehearsalEnabled) return;
      const rehearsed = { ingester, workers, executor: threads, clock, telemetry };
      rehearsing = startRehearsing({ dataDir: place.dataDir }, rehearsed);
    },
    leave: async () => rehearsing?.stop(),
    async stop() {
      await rehearsing?.stop();
      await executor.close();
    },
  };
}

/** `shardSizeOf` as the directory takes it; 0 of all asks all partitions. */
function ownersOf(
  ingester: Ingester | undefined,
  shardSizeOf: (tenant: string) => number,
  parts: ComponentParts,
): OwnerDirectory {
  const { configuration, place, foundations, partitionWorkers, clock } = parts;
  const agent = createReadAgent();
  return createClusterOwners(
    {
      heartbeatTimeoutMs: configuration.weir.heartbeatTimeoutMs,
      partitionLookBackMs: configuration.querier.partitionLookBackMs,
    },
    {
      shardSizeOf,
      cluster: foundations.cluster,
      clock,
      instanceId: configuration.ingester.instanceId || place.hostName,
      ...(ingester !== undefined && {
        localReader: ingester.read,
        localGroupOf: (partition) => partitionWorkers?.hostOf(partition),
        localThreadOf: (partition) => ingester.readThreadOf(partition),
      }),
      connect: (address) => createHttpReadPort(address, { agent }),
    },
  );
}

function createDistributorOf(
  ingester: Ingester | undefined,
  { limits, instanceLimits }: RuntimeConfig,
  recordBuffers: BufferPool,
  { configuration, foundations, server, clock, telemetry }: ComponentParts,
): Distributor {
  const { cluster, log, alone } = foundations;
  const active = followCluster(cluster, (view) => activePartitions(view, log.partitionCount));
  const distributor = createDistributor(configuration.distributor, {
    log,
    cluster,
    routing: {
      active,
      delays: followDelays(foundations, configuration, clock),
      distributors: followCluster(cluster, (view) => countDistributors(view, configuration, clock)),
    },
    limits,
    instanceLimits,
    clock,
    random: systemRandom,
    telemetry,
    tenantOf: (request) => tenantOf(request, configuration.tenants),
    ...(alone && ingester !== undefined
      ? {
          // The ingester gives a record's memory back once it is applied.
          buffers: recordBuffers,
          afterLogged: (offsets: ReadonlyMap<number, number>) =>
            waitApplied(ingester, offsets, clock),
        }
      : {}),
  });
  distributor.routes(server);
  return distributor;
}
