// The life of a partition: which entry follows when something happens. Pure: what is there, what happens and
// the time come in, the next entry or none comes out. SPEC.md has the table as prose, and a test that both
// agree. Invariants: a version is one above the one it replaces; a locked partition changes only by unlock;
// nothing goes back to PENDING but what was DELETED. When something happens is reconcile.ts's to say.
import { WeirError } from '@weir/errors';
import type { PartitionEntry } from './cluster.ts';

/** DRAINED is INACTIVE for an instance that is about to leave. */
export type LifeState = 'ABSENT' | 'DELETED' | 'PENDING' | 'ACTIVE' | 'INACTIVE' | 'DRAINED';

export type PartitionEvent =
  /** The log has it. */
  | { readonly kind: 'found' }
  /** Enough owners have served it for long enough. */
  | { readonly kind: 'owners-ready' }
  /** An instance that owns it is about to leave. */
  | { readonly kind: 'drain'; readonly instance: string; readonly zone: string }
  /** It stays after all. */
  | { readonly kind: 'undrain'; readonly instance: string }
  /** Another instance in the zone of the one it was drained for owns it and has caught up. */
  | { readonly kind: 'taken-over' }
  /** INACTIVE for longer than look-back, and its owner holds nothing of it outside the bucket. */
  | { readonly kind: 'expired' }
  /** Deleted, and yet its owner holds samples: somebody wrote who didn't know. */
  | { readonly kind: 'holds-data' }
  /** People, and scaling. */
  | { readonly kind: 'activate' }
  | { readonly kind: 'deactivate' }
  | { readonly kind: 'lock' }
  | { readonly kind: 'unlock' }
  /** A stale entry is the newest in the log: the same is said again, under a higher version. */
  | { readonly kind: 'hidden' };

export type PartitionEventKind = PartitionEvent['kind'];

/** A state to go to; `keep`: nothing changes; otherwise refused. `again`: the same under the next version. */
type Outcome = LifeState | 'keep' | 'again' | 'lock' | 'missing' | 'pending';

const TABLE: Readonly<Record<PartitionEventKind, Readonly<Record<LifeState, Outcome>>>> = {
  found: row('PENDING', 'keep', 'keep', 'keep', 'keep', 'keep'),
  'owners-ready': row('keep', 'keep', 'ACTIVE', 'keep', 'keep', 'keep'),
  drain: row('missing', 'keep', 'pending', 'DRAINED', 'keep', 'keep'),
  undrain: row('missing', 'keep', 'keep', 'keep', 'keep', 'ACTIVE'),
  'taken-over': row('keep', 'keep', 'keep', 'keep', 'keep', 'ACTIVE'),
  expired: row('keep', 'keep', 'keep', 'keep', 'DELETED', 'keep'),
  'holds-data': row('keep', 'INACTIVE', 'keep', 'keep', 'keep', 'keep'),
  activate: row('missing', 'PENDING', 'ACTIVE', 'keep', 'ACTIVE', 'ACTIVE'),
  deactivate: row('missing', 'keep', 'INACTIVE', 'INACTIVE', 'keep', 'INACTIVE'),
  lock: row('missing', 'missing', 'lock', 'lock', 'lock', 'lock'),
  unlock: row('missing', 'missing', 'keep', 'keep', 'keep', 'keep'),
  hidden: row('keep', 'again', 'again', 'again', 'again', 'again'),
};

/** What asks for it gets an error when a lock stands against it; the others wait until it is gone. */
const ASKED: ReadonlySet<PartitionEventKind> = new Set([
  'drain',
  'undrain',
  'activate',
  'deactivate',
]);

function row(...outcomes: Outcome[]): Record<LifeState, Outcome> {
  const [ABSENT, DELETED, PENDING, ACTIVE, INACTIVE, DRAINED] = outcomes as [
    Outcome,
    Outcome,
    Outcome,
    Outcome,
    Outcome,
    Outcome,
  ];
  return { ABSENT, DELETED, PENDING, ACTIVE, INACTIVE, DRAINED };
}

export function lifeStateOf(entry: PartitionEntry | undefined): LifeState {
  if (entry === undefined) return 'ABSENT';
  return entry.drained === undefined ? entry.state : 'DRAINED';
}

export const isLocked = (entry: PartitionEntry | undefined): boolean =>
  entry?.lockedSinceMs !== undefined;

/**
 * The entry that replaces `present` after the event, or undefined when nothing changes. Throws `invalid` with
 * status 409 when a lock or the state forbids what is asked for, `not-found` when there is no such partition.
 */
export function nextPartition(
  partition: number,
  present: PartitionEntry | undefined,
  event: PartitionEvent,
  nowMs: number,
): PartitionEntry | undefined {
  const outcome = TABLE[event.kind][lifeStateOf(present)];
  if (outcome === 'missing') {
    throw new WeirError('not-found', `partition ${partition} does not exist`);
  }
  if (outcome === 'again') return { ...present!, version: present!.version + 1 };
  if (event.kind === 'lock') return isLocked(present) ? undefined : locked(present!, nowMs);
  if (event.kind === 'unlock') return isLocked(present) ? locked(present!, undefined) : undefined;
  if (outcome === 'keep' || outcome === 'lock') return undefined;
  if (event.kind === 'undrain' && present?.drained?.instance !== event.instance) return undefined;
  if (outcome === 'pending') throw conflict(`partition ${partition} is PENDING`);
  if (isLocked(present)) {
    if (!ASKED.has(event.kind)) return undefined;
    throw conflict(`the state of partition ${partition} is locked; unlock it to change it`);
  }
  return entered(partition, present, outcome, event, nowMs);
}

function entered(
  partition: number,
  present: PartitionEntry | undefined,
  to: LifeState,
  event: PartitionEvent,
  nowMs: number,
): PartitionEntry {
  const state = to === 'DRAINED' ? 'INACTIVE' : (to as PartitionEntry['state']);
  return {
    kind: 'partition',
    partition,
    state,
    // Of a DRAINED one that is to stay INACTIVE, writes ended when it was drained.
    sinceMs: present?.state === state ? present.sinceMs : nowMs,
    version: (present?.version ?? 0) + 1,
    ...(event.kind === 'drain' ? { drained: { instance: event.instance, zone: event.zone } } : {}),
  };
}

function locked(present: PartitionEntry, sinceMs: number | undefined): PartitionEntry {
  const { lockedSinceMs: _, ...rest } = present;
  const version = present.version + 1;
  return sinceMs === undefined
    ? { ...rest, version }
    : { ...rest, version, lockedSinceMs: sinceMs };
}

function conflict(message: string): WeirError {
  return new WeirError('invalid', message, { status: 409 });
}
