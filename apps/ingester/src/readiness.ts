// What an ingester says at /ready: not before each partition that it owns has applied what the log held at the
// start and may be written; not while one is stuck; and in words what operators should know though it is ready.
import { type ClusterView, isLocked } from '@weir/cluster';
import { type Clock, isoTime } from '@weir/runtime';
import type { GroupSeat } from './group-seat.ts';
import type { Departure } from './leaving/departure.ts';
import { lagNotes } from './partition-lag.ts';
import type { PartitionSet } from './partition-set.ts';

/** A member that got no partition by then has none to wait for (a dead one holds them for 15 s). */
const ASSIGNMENT_GRACE_MS = 20_000;

export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
  /** What operators should know though it is ready. */
  readonly notes?: readonly string[];
}

export interface ReadinessParts {
  readonly cluster: { readonly view: ClusterView };
  readonly clock: Clock;
  readonly partitions: PartitionSet;
  readonly seat: GroupSeat;
  readonly departure: Departure;
  /** Owners that a partition needs before it is written. */
  readonly ownersMin: number;
}

export function readinessOf(parts: ReadinessParts): Readiness {
  const { partitions, clock } = parts;
  const { owned, handingOver } = partitions;
  if (isAwaitingPartitions(parts)) return notReady('waiting for partitions to be assigned');
  if (partitions.changing) return notReady('partitions are changing');
  for (const { partition, announced, stuck, reason } of owned.values()) {
    if (handingOver.has(partition)) continue;
    if (stuck) return notReady(`partition ${partition} is stuck: ${reason}`);
    if (!announced) return notReady(`partition ${partition}: ${reason}`);
    if (isPending(partition, parts)) return notReady(`partition ${partition} is not written yet`);
  }
  const notes = [...owned.values()].flatMap(({ partition, notes }) =>
    notes.map((note) => `partition ${partition}: ${note}`),
  );
  const lags = [...owned].map(([partition, { lag }]) => ({ partition, ...lag.at(clock.nowMs()) }));
  return {
    ready: true,
    reason: 'ready',
    notes: [...departureNotes(parts), ...notes, ...lagNotes(lags)],
  };
}

function notReady(reason: string): Readiness {
  return { ready: false, reason };
}

function isAwaitingPartitions({ partitions, seat, departure, clock }: ReadinessParts): boolean {
  if (partitions.everAssigned) return false;
  if (!seat.taken && departure.drainingSinceMs !== undefined) return false;
  return seat.sinceMs === undefined || clock.steadyMs() - seat.sinceMs < ASSIGNMENT_GRACE_MS;
}

/** Nothing can be pushed into it yet, and nobody else has to come for that. */
function isPending(partition: number, { cluster, ownersMin }: ReadinessParts): boolean {
  const entry = cluster.view.partitions.get(partition);
  if (entry === undefined) return !cluster.view.deleted.has(partition);
  return entry.state === 'PENDING' && !isLocked(entry) && ownersMin <= 1;
}

function departureNotes({ departure, seat, partitions }: ReadinessParts): string[] {
  const { drainingSinceMs, shutdownPrepared } = departure;
  const moving = partitions.handingOver.size;
  const notes = shutdownPrepared ? ['prepared for shutdown: its next stop is for good'] : [];
  if (drainingSinceMs === undefined) return notes;
  const how = seat.taken
    ? 'nobody else can have its partitions'
    : moving > 0
      ? `${moving} partitions are answered until others have caught up`
      : 'others have its partitions';
  return [`draining since ${isoTime(drainingSinceMs)}: ${how}`, ...notes];
}
