// The state of a cluster as the fold of its entries: what replaces what, and how an entry is read from
// bytes that anybody may have written. Pure; the adapters bring the entries in their order.
import type { ClusterEntry, ClusterView, OwnerEntry } from './cluster.ts';

/** `instance/<id>`, `partition/<n>` or `owner/<partition>/<zone>`: what compaction keeps the last of. */
export function keyOf(entry: ClusterEntry): string {
  if (entry.kind === 'instance') return `instance/${entry.id}`;
  if (entry.kind === 'partition') return `partition/${entry.partition}`;
  return `owner/${entry.partition}/${entry.zone}`;
}

export type MutableView = {
  readonly [Key in keyof ClusterView]: ClusterView[Key] extends ReadonlyMap<infer Id, infer Entry>
    ? Map<Id, Entry>
    : never;
};

export function createView(): MutableView {
  return { instances: new Map(), partitions: new Map(), owners: new Map() };
}

/** Takes an entry into the view; returns it when it is an owner's that was outbid, and ignored. */
export function putEntry(view: MutableView, entry: ClusterEntry): OwnerEntry | undefined {
  if (entry.kind === 'instance') view.instances.set(entry.id, entry);
  else if (entry.kind === 'partition') view.partitions.set(entry.partition, entry);
  else if (isOutbid(view, entry)) return entry;
  else view.owners.set(`${entry.partition}/${entry.zone}`, entry);
  return undefined;
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
  else if (key.startsWith('partition/')) view.partitions.delete(Number(id));
  else if (key.startsWith('owner/')) view.owners.delete(id);
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
    type === 'array' ? Array.isArray(fields[name]) : typeof fields[name] === type,
  );
  return complete ? (value as ClusterEntry) : undefined;
}

const FIELDS: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = {
  __proto__: null as never,
  instance: {
    id: 'string',
    address: 'string',
    zone: 'string',
    targets: 'array',
    heartbeatMs: 'number',
  },
  partition: { partition: 'number', state: 'string', sinceMs: 'number' },
  owner: {
    partition: 'number',
    zone: 'string',
    instance: 'string',
    serving: 'boolean',
    claim: 'number',
  },
};
