// Elections of replicas through the cluster's state, so that all distributors listen to the same one. What a push
// asks is answered from the view at once, except where a replica is to be elected: then the push waits until the
// state says who it is. That the elected one still sends is told now and then, and nobody waits for it.
//
// Entries of senders that were silent for long are removed by whichever distributor sees it first.
import type { Cluster, ReplicaEntry } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import type { TenantLimits } from '@weir/limits';
import type { Clock, Random } from '@weir/runtime';
import { Counter, Gauge, type Telemetry } from '@weir/telemetry';
import { judgeReplica, type Sight, type Verdict } from './election.ts';

/** Lost against others so often in a row, clocks differ by more than the failover timeout. */
const ATTEMPTS_MAX = 4;
const SWEEP_PERIOD_MS = 60_000;
/** Silent for longer, a sender is forgotten. */
const FORGOTTEN_AFTER_MS = 30 * 60_000;

export interface ReplicaTrackerParts {
  readonly cluster: Pick<Cluster, 'view' | 'put' | 'remove'>;
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly random: Pick<Random, 'next'>;
  readonly telemetry: Telemetry;
}

export type ReplicaVerdict = Exclude<Verdict, { readonly kind: 'elected' }>;
export type Sender = Pick<Sight, 'tenant' | 'cluster' | 'replica'>;

/** Whether the sender has a sample earlier than so, ms. */
export type SenderSamples = (timestampMs: number) => Promise<boolean>;

export interface ReplicaTracker {
  /** Throws `unavailable` where the cluster's state can't be written. */
  judge(sender: Sender, limits: TenantLimits, samples?: SenderSamples): Promise<ReplicaVerdict>;
  start(): void;
  stop(): void;
}

export function createReplicaTracker(parts: ReplicaTrackerParts): ReplicaTracker {
  const { cluster, clock, telemetry } = parts;
  const metrics = createMetrics(parts);
  /** By process, so that not all tell at once. */
  const jitter = 2 * parts.random.next() - 1;
  const putting = new Map<string, Promise<void>>();
  let sweep: { cancel(): void } | undefined;

  /** One at a time for each sender. */
  function put(key: string, entry: ReplicaEntry): Promise<void> {
    const running = putting.get(key);
    if (running !== undefined) return running;
    metrics.put(key, entry);
    const done = cluster.put(entry).finally(() => putting.delete(key));
    putting.set(key, done);
    return done;
  }

  function refresh(key: string, entry: ReplicaEntry): void {
    if (putting.has(key)) return;
    const { tenant, cluster: name } = entry;
    put(key, entry).catch((error) => {
      telemetry.log.warn({ err: error, tenant, cluster: name }, 'elected replica not told of');
    });
  }

  async function elect(key: string, entry: ReplicaEntry): Promise<void> {
    const { tenant, cluster: name, version } = entry;
    await put(key, entry);
    const present = cluster.view.replicas.get(key);
    if (present?.version !== version || present.replica !== entry.replica) return;
    metrics.elected(entry);
    telemetry.log.info({ tenant, cluster: name, replica: entry.replica }, 'replica elected');
  }

  async function sweepOnce(): Promise<void> {
    const nowMs = clock.nowMs();
    for (const entry of [...cluster.view.replicas.values()]) {
      if (nowMs - entry.heardMs < FORGOTTEN_AFTER_MS) continue;
      await cluster.remove(entry);
      metrics.forgotten.inc();
    }
    metrics.keepOnly(cluster.view.replicas);
  }

  function sweepLater(): void {
    sweep = clock.after(SWEEP_PERIOD_MS, () => {
      sweepOnce()
        .catch((error) => telemetry.log.warn({ err: error }, 'silent senders not forgotten'))
        .finally(() => {
          if (sweep !== undefined) sweepLater();
        });
    });
  }

  return {
    async judge(sender, limits, samples) {
      const key = `${sender.tenant}/${sender.cluster}`;
      const settings = {
        updateAfterMs: limits.haUpdateTimeoutMs + jitter * limits.haUpdateJitterMaxMs,
        failoverAfterMs: limits.haFailoverTimeoutMs,
        clustersMax: limits.haClustersMax,
      };
      const clusters = () => countOf(cluster.view.replicas.values(), sender.tenant);
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        const sight = { ...sender, nowMs: clock.nowMs() };
        const present = cluster.view.replicas.get(key);
        const verdict = judgeReplica(present, sight, clusters, settings);
        if (verdict.kind !== 'elected') {
          if (verdict.kind === 'accepted' && verdict.refreshed) refresh(key, verdict.refreshed);
          return verdict;
        }
        if (present !== undefined && (await isEarly(present, sight.nowMs, limits, samples))) {
          return { kind: 'deduplicated', elected: present.replica };
        }
        await elect(key, verdict.entry);
      }
      throw new WeirError('unavailable', `no replica of ${sender.cluster} stays elected`);
    },
    start: sweepLater,
    stop() {
      sweep?.cancel();
      sweep = undefined;
    },
  };
}

/** Whether what is to be elected sends samples too close to those of the elected one. */
async function isEarly(
  { heardMs }: ReplicaEntry,
  nowMs: number,
  { haFailoverSampleTimeoutMs: timeoutMs }: TenantLimits,
  hasSampleBefore: SenderSamples | undefined,
): Promise<boolean> {
  if (timeoutMs <= 0) return false;
  const dueMs = heardMs + timeoutMs;
  return nowMs < dueMs || ((await hasSampleBefore?.(dueMs)) ?? false);
}

function countOf(entries: Iterable<ReplicaEntry>, tenant: string): number {
  let count = 0;
  for (const entry of entries) if (entry.tenant === tenant) count++;
  return count;
}

function createMetrics({ cluster, telemetry }: ReplicaTrackerParts) {
  const registers = [telemetry.metrics];
  const labelNames = ['user', 'cluster'] as const;
  new Gauge({
    name: 'cortex_ha_tracker_elected_replica_timestamp_seconds',
    help: 'When the elected replica was last heard of, as the cluster knows it.',
    ...{ labelNames, registers },
    collect() {
      this.reset();
      for (const { tenant, cluster: name, heardMs } of cluster.view.replicas.values()) {
        this.set({ user: tenant, cluster: name }, heardMs / 1000);
      }
    },
  });
  const changes = new Counter({
    name: 'cortex_ha_tracker_elected_replica_changes_total',
    help: 'Elections of replicas by this process.',
    ...{ labelNames, registers },
  });
  const puts = new Counter({
    name: 'cortex_ha_tracker_kv_store_cas_total',
    help: 'Entries of elected replicas that this process put into the state of the cluster.',
    ...{ labelNames, registers },
  });
  const forgotten = new Counter({
    name: 'cortex_ha_tracker_replicas_cleanup_deleted_total',
    help: 'Senders that were silent for so long that this process forgot them.',
    registers,
  });
  const known = new Map<string, { readonly user: string; readonly cluster: string }>();
  return {
    forgotten,
    put(key: string, { tenant, cluster: name }: ReplicaEntry) {
      known.set(key, { user: tenant, cluster: name });
      puts.inc({ user: tenant, cluster: name });
    },
    elected: ({ tenant, cluster: name }: ReplicaEntry) =>
      changes.inc({ user: tenant, cluster: name }),
    /** Senders come and go: what is counted of those that went is forgotten, too. */
    keepOnly(present: ReadonlyMap<string, unknown>) {
      for (const [key, labels] of known) {
        if (present.has(key)) continue;
        changes.remove(labels);
        puts.remove(labels);
        known.delete(key);
      }
    },
  };
}
