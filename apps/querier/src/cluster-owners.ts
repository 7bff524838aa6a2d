// Who answers reads now, from the cluster's view: for each partition one healthy instance, in any zone,
// that owns it and has caught up. This process's own partitions are read without the network.

import type { Cluster, ClusterView, InstanceEntry, OwnerEntry } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import type { OwnerDirectory, ReadPort } from '@weir/query';
import type { Clock } from '@weir/runtime';

export interface ClusterOwnersParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** This process. */
  readonly instanceId: string;
  /** Reads the partitions of this process, if it is an ingester. */
  readonly localReader?: ReadPort;
  /** Reads at another instance; asked once an address. */
  connect(address: string): ReadPort;
}

export interface ClusterOwnersSettings {
  /** An instance without a heartbeat for longer is not asked. */
  readonly heartbeatTimeoutMs: number;
}

export function createClusterOwners(
  settings: ClusterOwnersSettings,
  parts: ClusterOwnersParts,
): OwnerDirectory {
  const connections = new Map<string, ReadPort>();
  const portOf = (instance: InstanceEntry): ReadPort => {
    if (instance.id === parts.instanceId && parts.localReader) return parts.localReader;
    const known = connections.get(instance.address);
    if (known) return known;
    const port = parts.connect(instance.address);
    connections.set(instance.address, port);
    return port;
  };
  let claims = -1;
  let changedMs = 0;
  return {
    get changedMs() {
      return changedMs;
    },
    async owners() {
      const { view } = parts.cluster;
      const claimsNow = sumOfClaims(view);
      if (claimsNow !== claims) changedMs = parts.clock.nowMs();
      claims = claimsNow;
      const oldestMs = parts.clock.nowMs() - settings.heartbeatTimeoutMs;
      const byInstance = new Map<string, number[]>();
      for (const { partition, state } of view.partitions.values()) {
        const owner = bestOwner(view, partition, oldestMs, parts);
        if (owner) byInstance.set(owner, [...(byInstance.get(owner) ?? []), partition]);
        // A pending partition has never been written.
        else if (state !== 'PENDING') {
          throw new WeirError('unavailable', `partition ${partition} has no healthy owner`);
        }
      }
      return [...byInstance].map(([id, partitions]) => ({
        port: portOf(view.instances.get(id)!),
        partitions: partitions.sort((a, b) => a - b),
      }));
    },
  };
}

/** Differs when an owner does: each change of owner raises a claim, and serving begins after it. */
function sumOfClaims(view: ClusterView): number {
  let sum = 0;
  for (const { claim, serving } of view.owners.values()) sum += 2 * claim + Number(serving);
  return sum;
}

/** The instance to ask for a partition: this one, else the one with the newest claim. */
function bestOwner(
  view: ClusterView,
  partition: number,
  oldestMs: number,
  { instanceId, localReader }: ClusterOwnersParts,
): string | undefined {
  let best: OwnerEntry | undefined;
  for (const owner of view.owners.values()) {
    if (owner.partition !== partition || !owner.serving) continue;
    const instance = view.instances.get(owner.instance);
    if (!instance || instance.heartbeatMs < oldestMs) continue;
    if (owner.instance === instanceId && localReader) return owner.instance;
    if (!best || owner.claim > best.claim) best = owner;
  }
  return best?.instance;
}
