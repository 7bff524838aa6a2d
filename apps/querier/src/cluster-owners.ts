// Who answers reads now, from the cluster's view: for each partition one healthy instance, in any zone,
// that owns it and has caught up, or hands it over to one that has not. This process's own partitions are read without the network.

import {
  answererOf,
  type Cluster,
  type ClusterView,
  type InstanceEntry,
  lookBackShard,
  type OwnerEntry,
  tenantSeed,
} from '@weir/cluster';
import { type ErrorKind, toWeirError, WeirError } from '@weir/errors';
import type { Owner, OwnerDirectory, ReadPort, ReadThread } from '@weir/query';
import type { Clock } from '@weir/runtime';

export interface ClusterOwnersParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** This process. */
  readonly instanceId: string;
  /** Reads the partitions of this process, if it is an ingester. */
  readonly localReader?: ReadPort;
  /**
   * Partitions of this process with the same answer are read together. Those of different threads are better read
   * apart, and merged where the query runs: this process's main thread then only passes bytes on.
   */
  localGroupOf?(partition: number): unknown;
  /** The thread of a partition of this process, where it can be read now. */
  localThreadOf?(partition: number): ReadThread | undefined;
  /** How many partitions the tenant writes to; 0 is all. All by default. */
  shardSizeOf?(tenant: string): number;
  /** Reads at another instance; asked once an address. */
  connect(address: string): ReadPort;
}

export interface ClusterOwnersSettings {
  /** An instance without a heartbeat for longer is not asked. */
  readonly heartbeatTimeoutMs: number;
  /** What a tenant with a shard has written elsewhere before is asked for as long. Default 24 h. */
  readonly partitionLookBackMs?: number;
}

const LOOK_BACK_MS = 24 * 3_600_000;
/** Who did not answer is asked as long only where nobody else can be: a kill is seen by its silence much later. */
const SUSPECT_MS = 10_000;
const NO_ANSWER: readonly ErrorKind[] = ['unavailable', 'fenced', 'closed'];

export function createClusterOwners(
  settings: ClusterOwnersSettings,
  parts: ClusterOwnersParts,
): OwnerDirectory {
  const connections = new Map<string, ReadPort>();
  /** Instances that did not answer, and until when that counts. */
  const suspects = new Map<string, number>();
  const portOf = (instance: InstanceEntry): ReadPort => {
    if (instance.id === parts.instanceId && parts.localReader) return parts.localReader;
    const key = `${instance.id}@${instance.address}`;
    const known = connections.get(key);
    if (known) return known;
    const port = noticing(parts.connect(instance.address), () =>
      suspects.set(instance.id, parts.clock.nowMs() + SUSPECT_MS),
    );
    connections.set(key, port);
    return port;
  };
  const suspectsNow = (nowMs: number): ReadonlySet<string> => {
    for (const [id, untilMs] of suspects) if (untilMs <= nowMs) suspects.delete(id);
    return new Set(suspects.keys());
  };
  let seen = '';
  let changedMs = 0;
  return {
    get changedMs() {
      return changedMs;
    },
    async owners(tenant) {
      const { view } = parts.cluster;
      const nowMs = parts.clock.nowMs();
      const doubted = suspectsNow(nowMs);
      const seenNow = `${fingerprint(view)}/${[...doubted].sort()}`;
      if (seenNow !== seen) changedMs = nowMs;
      seen = seenNow;
      const oldestMs = nowMs - settings.heartbeatTimeoutMs;
      const byInstance = new Map<string, number[]>();
      const size = parts.shardSizeOf?.(tenant) ?? 0;
      const sinceMs = nowMs - (settings.partitionLookBackMs ?? LOOK_BACK_MS);
      for (const partition of lookBackShard(tenantSeed(tenant), view, size, sinceMs)) {
        const owner = bestOwner({ view, oldestMs, doubted }, partition, parts);
        if (owner) byInstance.set(owner, [...(byInstance.get(owner) ?? []), partition]);
        // A pending partition has never been written.
        else if (view.partitions.get(partition)!.state !== 'PENDING') {
          throw new WeirError('unavailable', `partition ${partition} has no healthy owner`);
        }
      }
      return [...byInstance].flatMap(([id, partitions]): Owner[] => {
        const port = portOf(view.instances.get(id)!);
        if (port !== parts.localReader) return [{ port, partitions }];
        return inGroups(partitions, parts).map((group) => ({
          ...{ port, partitions: group },
          thread: threadOf(group, parts),
        }));
      });
    },
  };
}

function inGroups(
  partitions: readonly number[],
  { localGroupOf }: ClusterOwnersParts,
): readonly (readonly number[])[] {
  if (localGroupOf === undefined) return [partitions];
  const groups = new Map<unknown, number[]>();
  for (const partition of partitions) {
    const key = localGroupOf(partition);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [partition]);
    else group.push(partition);
  }
  return [...groups.values()];
}

/** The one thread of all of them. */
function threadOf(
  partitions: readonly number[],
  { localThreadOf }: ClusterOwnersParts,
): ReadThread | undefined {
  const [thread, ...others] = partitions.map((partition) => localThreadOf?.(partition));
  return others.every((other) => other === thread) ? thread : undefined;
}

/**
 * Differs when an owner does, or a partition is forgotten: each change of owner raises a claim, and serving
 * begins after it; each change of a partition raises its version.
 */
function fingerprint(view: ClusterView): string {
  let claims = 0;
  let versions = 0;
  for (const { claim, serving } of view.owners.values()) claims += 2 * claim + Number(serving);
  for (const { version } of view.deleted.values()) versions += version;
  return `${claims}/${versions}/${view.deleted.size}`;
}

interface Candidates {
  readonly view: ClusterView;
  readonly oldestMs: number;
  readonly doubted: ReadonlySet<string>;
}

/**
 * The instance to ask for a partition: this one, else the owner with the newest claim that serves it, else one
 * that hands it over. Of those that did not answer lately only where there is no other.
 */
function bestOwner(
  { view, oldestMs, doubted }: Candidates,
  partition: number,
  { instanceId, localReader }: ClusterOwnersParts,
): string | undefined {
  let best: OwnerEntry | undefined;
  const isDoubted = (owner: OwnerEntry) => doubted.has(answererOf(owner)!);
  for (const owner of view.owners.values()) {
    if (owner.partition !== partition) continue;
    const answerer = answererOf(owner);
    const instance = answerer === undefined ? undefined : view.instances.get(answerer);
    if (!instance || instance.heartbeatMs < oldestMs) continue;
    if (instance.id === instanceId && localReader) return instance.id;
    if (!best || (isDoubted(owner) === isDoubted(best) ? isBetter(owner, best) : isDoubted(best))) {
      best = owner;
    }
  }
  return best && answererOf(best);
}

function isBetter(a: OwnerEntry, b: OwnerEntry): boolean {
  return a.serving === b.serving ? a.claim > b.claim : a.serving;
}

/** Tells when a read was not answered; a client that left tells nothing. */
function noticing(port: ReadPort, unanswered: () => void): ReadPort {
  return {
    async *read(request, signal) {
      try {
        yield* port.read(request, signal);
      } catch (error) {
        if (!signal.aborted && NO_ANSWER.includes(toWeirError(error).kind)) unanswered();
        throw error;
      }
    },
  };
}
