// The partitions that this instance has: those that the group assigned, and those that it took away (in order, or
// because it had not heard of us) and that another ingester of the zone has not caught up with yet. The latter go on
// applying and answering, without shipping or committing, so that queries have somebody to ask; a moment after the
// successor serves they are closed. Whoever claims such a partition names this instance in his claim, so that
// readers know.
import type { ClusterView } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import type { GroupEvents } from '@weir/log';
import type { Clock, Timer } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { OwnedPartition } from './owned-partition.ts';

/** Reads that were sent here before their sender saw the successor serve. */
const HANDED_OVER_GRACE_MS = 2_000;
/** Nothing is shipped meanwhile, so memory grows. */
const HAND_OVER_MAX_MS = 10 * 60_000;

export interface PartitionSetSettings {
  readonly instanceId: string;
  readonly zone: string;
}

export interface PartitionSetParts {
  readonly cluster: { readonly view: ClusterView; subscribe(listener: () => void): () => void };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Begins to own it. */
  open(partition: number): OwnedPartition;
}

export interface PartitionSet {
  /** Those that are handed over, too. */
  readonly owned: ReadonlyMap<number, OwnedPartition>;
  readonly handingOver: ReadonlySet<number>;
  /** The group has ever assigned one. */
  readonly everAssigned: boolean;
  /** Assigned, but still to be opened. */
  readonly changing: boolean;
  /** For one membership of the group; those of the ones before say nothing any more. */
  events(): GroupEvents;
  /** The membership was given up: whatever is left is handed over. */
  left(): void;
  /** Waits for a partition that is not owned yet. */
  waitFor(partition: number, signal?: AbortSignal): Promise<OwnedPartition>;
  /** Resolves when nothing is handed over any more. */
  handedOver(): Promise<void>;
  /** Takes no more. */
  close(): void;
  /** Closes all there are. */
  releaseAll(): Promise<void>;
}

export function createPartitionSet(
  { instanceId, zone }: PartitionSetSettings,
  { cluster, clock, logger, open }: PartitionSetParts,
): PartitionSet {
  const owned = new Map<number, OwnedPartition>();
  const leaving = new Map<number, Promise<void>>();
  const assigned = new Set<number>();
  const handingOver = new Map<number, Timer>();
  /** Wakes those who wait for a partition, and for the end of handing over. */
  const waiting = new Set<() => void>();
  let memberships = 0;
  let everAssigned = false;
  let closed = false;

  const unsubscribe = cluster.subscribe(() => {
    for (const partition of handingOver.keys()) look(partition);
  });

  function wake(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  function onAssigned(partitions: readonly number[]): void {
    everAssigned = true;
    logger.info({ partitions }, 'partitions assigned');
    for (const partition of partitions) {
      assigned.add(partition);
      void take(partition);
    }
  }

  async function take(partition: number): Promise<void> {
    if (handingOver.has(partition)) {
      // Assigned again before anybody else has claimed it: it just goes on.
      if (owned.get(partition)!.restore()) return keep(partition);
      void release(partition);
    }
    await leaving.get(partition);
    if (closed || !assigned.has(partition) || owned.has(partition)) return;
    owned.set(partition, open(partition));
    wake();
  }

  function onRevoked(partitions: readonly number[]): void {
    logger.info({ partitions }, 'partitions revoked');
    for (const partition of partitions) {
      assigned.delete(partition);
      handOver(partition);
    }
  }

  function onLost(partitions: readonly number[]): void {
    logger.warn({ partitions }, 'partitions lost');
    for (const partition of partitions) {
      assigned.delete(partition);
      handOver(partition);
    }
  }

  function handOver(partition: number): void {
    const leaver = owned.get(partition);
    if (leaver === undefined || handingOver.has(partition)) return;
    leaver.disown();
    const timer = clock.after(HAND_OVER_MAX_MS, () => {
      logger.warn(
        { partition },
        'no other ingester of the zone has caught up: closed all the same',
      );
      void release(partition);
    });
    handingOver.set(partition, timer);
    look(partition);
  }

  function keep(partition: number): void {
    handingOver.get(partition)?.cancel();
    handingOver.delete(partition);
    wake();
  }

  /** Closes a partition that nobody is sent here for any more. */
  function look(partition: number): void {
    const owner = cluster.view.owners.get(`${partition}/${zone}`);
    const successor = owner?.instance === instanceId ? undefined : owner;
    if (owned.get(partition)?.serving !== true) void release(partition);
    else if (successor?.serving === true) releaseSoon(partition);
    else if (successor !== undefined && successor.handedBy !== instanceId) void release(partition);
  }

  function releaseSoon(partition: number): void {
    handingOver.get(partition)?.cancel();
    handingOver.set(
      partition,
      clock.after(HANDED_OVER_GRACE_MS, () => void release(partition)),
    );
  }

  function release(partition: number): Promise<void> {
    handingOver.get(partition)?.cancel();
    handingOver.delete(partition);
    const leaver = owned.get(partition);
    if (leaver === undefined) return leaving.get(partition) ?? Promise.resolve();
    owned.delete(partition);
    const done = leaver
      .stop()
      .catch((error) => logger.error({ err: error, partition }, 'closing a partition failed'))
      .finally(() => leaving.delete(partition));
    leaving.set(partition, done);
    wake();
    return done;
  }

  function changed(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      waiting.add(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  return {
    owned,
    get handingOver() {
      return new Set(handingOver.keys());
    },
    get everAssigned() {
      return everAssigned;
    },
    get changing() {
      return [...assigned].some((partition) => !owned.has(partition));
    },
    events() {
      const membership = ++memberships;
      const ifCurrent = (handle: (partitions: readonly number[]) => void) => {
        return (partitions: readonly number[]) => {
          if (membership === memberships) handle(partitions);
        };
      };
      return {
        assigned: ifCurrent(onAssigned),
        revoked: ifCurrent(onRevoked),
        lost: ifCurrent(onLost),
      };
    },
    left() {
      memberships++;
      if (assigned.size > 0) onRevoked([...assigned]);
    },
    async waitFor(partition, signal) {
      for (;;) {
        const found = owned.get(partition);
        if (found !== undefined) return found;
        if (closed) throw new WeirError('unavailable', 'the ingester is stopping');
        signal?.throwIfAborted();
        await changed(signal);
      }
    },
    async handedOver() {
      while (handingOver.size > 0) await changed();
    },
    close() {
      closed = true;
      wake();
    },
    async releaseAll() {
      unsubscribe();
      await Promise.all([...owned.keys()].map(release));
      await Promise.all(leaving.values());
    },
  };
}
