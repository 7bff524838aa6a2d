// Keeps the entries of partitions in the cluster up with what happens: looks at every change of the view, and
// now and then for what time alone brings, and puts what is due (libs/cluster decides what that is). A change
// that fails, or that another process made first, is due again at the next look.
import {
  type Cluster,
  dueChanges,
  type LifeCycleSettings,
  type PartitionEntry,
} from '@weir/cluster';
import type { PartitionLog } from '@weir/log';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { OwnedPartition } from './owned-partition.ts';

export interface PartitionKeeperSettings extends LifeCycleSettings {
  readonly instanceId: string;
}

export interface PartitionKeeperParts {
  readonly cluster: Cluster;
  readonly log: Pick<PartitionLog, 'partitionCount' | 'endOffset'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly owned: ReadonlyMap<number, OwnedPartition>;
}

export interface PartitionKeeper {
  /** Looks for what time brings, too. Rejects when something could not be found out or put. */
  look(): Promise<void>;
  stop(): void;
}

export function startPartitionKeeper(
  settings: PartitionKeeperSettings,
  { cluster, log, clock, logger, owned }: PartitionKeeperParts,
): PartitionKeeper {
  let holdsData: ReadonlyMap<number, boolean> = new Map();
  let looking: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  async function putDue(): Promise<void> {
    do {
      again = false;
      const own = { instance: settings.instanceId, partitionCount: log.partitionCount, holdsData };
      const { put, remove } = dueChanges(cluster.view, own, settings, clock.nowMs());
      for (const entry of put) tell(entry);
      for (const { id } of remove)
        logger.warn({ instance: id }, 'instance forgotten: no heartbeat');
      const work = [...put.map((entry) => cluster.put(entry)), ...remove.map(cluster.remove)];
      await Promise.all(work);
    } while (again && !stopped);
  }

  function tell({ partition, state, drained }: PartitionEntry): void {
    logger.info({ partition, state, ...(drained && { drained }) }, 'partition changes state');
  }

  /** One look at a time; what changes meanwhile is looked at by the same. */
  function lookNow(): Promise<void> {
    if (looking !== undefined) {
      again = true;
      return looking;
    }
    looking = putDue().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  /** Asked of the log only for partitions that may be deleted, or are. */
  async function findHoldsData(): Promise<Map<number, boolean>> {
    const found = new Map<number, boolean>();
    for (const { partition, serving, empty, applied } of owned.values()) {
      if (!serving) continue;
      if (cluster.view.deleted.has(partition)) found.set(partition, !empty);
      else if (isOld(partition)) {
        found.set(partition, !empty || applied < (await log.endOffset(partition)));
      }
    }
    return found;
  }

  function isOld(partition: number): boolean {
    const entry = cluster.view.partitions.get(partition);
    const { deleteInactiveMs } = settings;
    if (entry?.state !== 'INACTIVE' || deleteInactiveMs === 0) return false;
    return clock.nowMs() - entry.sinceMs > deleteInactiveMs;
  }

  const unsubscribe = cluster.subscribe(() => {
    if (stopped) return;
    lookNow().catch((error) => logger.warn({ err: error }, 'partitions not changed yet'));
  });
  return {
    async look() {
      if (stopped) return;
      holdsData = await findHoldsData();
      await lookNow();
    },
    stop() {
      stopped = true;
      unsubscribe();
    },
  };
}
