// The state of a cluster as the fold of its entries: what replaces what, and how an entry is read from
// bytes that anybody may have written. Pure; the adapters bring the entries in their order.
import type {
  ClusterEntry,
  ClusterView,
  OwnerEntry,
  PartitionEntry,
  ReplicaEntry,
} from './cluster.ts';

const REPLICA = 'replica/';

/**
 * `instance/<id>`, `partition/<n>`, `owner/<partition>/<zone>` or `replica/<tenant>/<cluster>`: what compaction keeps
 * the last of.
 */
export function keyOf(entry: ClusterEntry): string {
  if (entry.kind === 'instance') return `instance/${entry.id}`;
  if (entry.kind === 'partition') return `partition/${entry.partition}`;
  if (entry.kind === 'replica') return `${REPLICA}${entry.tenant}/${entry.cluster}`;
  return `owner/${entry.partition}/${entry.zone}`;
}

/** Whether listeners are told of changes under this key. */
export function isHeard(key: string): boolean {
  return !key.startsWith(REPLICA);
}

export type MutableView = {
  readonly [Key in keyof ClusterView]: ClusterView[Key] extends ReadonlyMap<infer Id, infer Entry>
    ? Map<Id, Entry>
    : ClusterView[Key] extends ReadonlySet<infer Id>
      ? Set<Id>
      : never;
};

export function createView(): MutableView {
  return {
    instances: new Map(),
    partitions: new Map(),
    owners: new Map(),
    replicas: new Map(),
    deleted: new Map(),
    hidden: new Set(),
  };
}

/** The view that these entries make, in their order. */
export function viewOf(entries: Iterable<ClusterEntry>): ClusterView {
  const view = createView();
  for (const entry of entries) putEntry(view, entry);
  return view;
}

/** Takes an entry into the view; returns it when it is an owner's that was outbid, and ignored. */
export function putEntry(view: MutableView, entry: ClusterEntry): OwnerEntry | undefined {
  if (entry.kind === 'instance') view.instances.set(entry.id, entry);
  else if (entry.kind === 'partition') putPartition(view, entry);
  else if (entry.kind === 'replica') putReplica(view, entry);
  else if (isOutbid(view, entry)) return entry;
  else view.owners.set(`${entry.partition}/${entry.zone}`, entry);
  return undefined;
}

/** The partition's newest entry, though it be that it was deleted. */
export function partitionEntry(view: ClusterView, partition: number): PartitionEntry | undefined {
  return view.partitions.get(partition) ?? view.deleted.get(partition);
}

/**
 * Who writes an entry has seen a prefix of the order, so his version is at most one above the present one;
 * a gap is what compaction took away. The same entry twice is a send that was repeated.
 */
function putPartition(view: MutableView, entry: PartitionEntry): void {
  const { partition } = entry;
  const present = partitionEntry(view, partition);
  if (present !== undefined && entry.version <= present.version) {
    if (!sameEntry(present, entry)) view.hidden.add(partition);
    return;
  }
  view.hidden.delete(partition);
  const deleted = entry.state === 'DELETED';
  (deleted ? view.deleted : view.partitions).set(partition, entry);
  (deleted ? view.partitions : view.deleted).delete(partition);
}

/** Of two made from the same version the first counts. One that compaction hides is told anew while it matters. */
function putReplica(view: MutableView, entry: ReplicaEntry): void {
  const key = `${entry.tenant}/${entry.cluster}`;
  const present = view.replicas.get(key);
  if (present === undefined || entry.version > present.version) view.replicas.set(key, entry);
}

/** Whether both say the same of a partition, whatever the order of their fields. */
export function sameEntry(a: PartitionEntry, b: PartitionEntry): boolean {
  return (
    a.version === b.version &&
    a.state === b.state &&
    a.sinceMs === b.sinceMs &&
    a.lockedSinceMs === b.lockedSinceMs &&
    a.drained?.instance === b.drained?.instance &&
    a.drained?.zone === b.drained?.zone
  );
}

/** Whether the present owner has a higher claim, or as another instance had the same one earlier. */
export function isOutbid(view: ClusterView, entry: OwnerEntry): boolean {
  const present = view.owners.get(`${entry.partition}/${entry.zone}`);
  if (present === undefined) return false;
  if (present.claim === entry.claim) return present.instance !== entry.instance;
  return present.claim > entry.claim;
}

export function removeKey(view: MutableView, key: string): void {
  const cut = key.indexOf('/');
  const id = key.slice(cut + 1);
  if (key.startsWith('instance/')) view.instances.delete(id);
  else if (key.startsWith('partition/')) forgetPartition(view, Number(id));
  else if (key.startsWith('owner/')) view.owners.delete(id);
  else if (key.startsWith(REPLICA)) view.replicas.delete(id);
}

/** A tombstone, which only people write: all that was known of it goes. */
function forgetPartition(view: MutableView, partition: number): void {
  view.partitions.delete(partition);
  view.deleted.delete(partition);
  view.hidden.delete(partition);
}

/** An entry, or undefined for anything else; a newer version's kinds are nothing to fail about. */
export function parseEntry(json: string): ClusterEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const expected = FIELDS[String(fields.kind)];
  if (expected === undefined) return undefined;
  const complete = Object.entries(expected).every(([name, type]) =>
    type.endsWith('?') && fields[name] === undefined
      ? true
      : hasType(fields[name], type.replace('?', '')),
  );
  if (!complete || (fields.kind === 'partition' && !isPartition(fields))) return undefined;
  if (fields.kind === 'replica' && !isVersion(fields.version)) return undefined;
  return value as ClusterEntry;
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null;
  return typeof value === type;
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

const STATES: readonly unknown[] = ['PENDING', 'ACTIVE', 'INACTIVE', 'DELETED'];

function isPartition({ partition, version, state, drained }: Record<string, unknown>): boolean {
  if (!Number.isSafeInteger(partition) || (partition as number) < 0) return false;
  if (!isVersion(version)) return false;
  if (drained !== undefined) {
    const { instance, zone } = drained as Record<string, unknown>;
    if (state !== 'INACTIVE' || typeof instance !== 'string' || typeof zone !== 'string') {
      return false;
    }
  }
  return STATES.includes(state);
}

const FIELDS: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = {
  __proto__: null as never,
  instance: {
    id: 'string',
    address: 'string',
    zone: 'string',
    targets: 'array',
    heartbeatMs: 'number',
    drainingSinceMs: 'number?',
    shutdownPreparedMs: 'number?',
    leavingSinceMs: 'number?',
    registeredMs: 'number?',
    applied: 'object?',
    delayMs: 'object?',
  },
  partition: {
    partition: 'number',
    state: 'string',
    sinceMs: 'number',
    version: 'number',
    lockedSinceMs: 'number?',
    drained: 'object?',
  },
  owner: {
    partition: 'number',
    zone: 'string',
    instance: 'string',
    serving: 'boolean',
    claim: 'number',
    servingSinceMs: 'number?',
    handedBy: 'string?',
  },
  replica: {
    tenant: 'string',
    cluster: 'string',
    replica: 'string',
    electedMs: 'number',
    heardMs: 'number',
    changes: 'number',
    version: 'number',
  },
};
