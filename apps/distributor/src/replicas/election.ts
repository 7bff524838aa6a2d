// Which of several replicas of a sender is listened to, as a pure function of what is known: the first that sends
// is elected, and stays so until it was silent for the failover timeout while another sends. Whoever acts on a
// verdict puts its entry into the cluster's state, where of two made from the same version the first counts.
import type { ReplicaEntry } from '@weir/cluster';

export interface Sight {
  readonly tenant: string;
  /** What the replicas have in common. */
  readonly cluster: string;
  readonly replica: string;
  readonly nowMs: number;
}

export interface ElectionSettings {
  /** The elected one's entry is put again when it is as old, ms. */
  readonly updateAfterMs: number;
  readonly failoverAfterMs: number;
  /** 0 is no limit. */
  readonly clustersMax: number;
}

export type Verdict =
  /** It is the elected one; `refreshed` is due to be put. */
  | { readonly kind: 'accepted'; readonly refreshed?: ReplicaEntry }
  /** Put the entry, then ask again: another process may have been first. */
  | { readonly kind: 'elected'; readonly entry: ReplicaEntry }
  | { readonly kind: 'deduplicated'; readonly elected: string }
  | { readonly kind: 'too-many-clusters' };

/** `clusters` is how many the tenant has; asked only for a new one. */
export function judgeReplica(
  present: ReplicaEntry | undefined,
  { tenant, cluster, replica, nowMs }: Sight,
  clusters: () => number,
  settings: ElectionSettings,
): Verdict {
  const identity = { kind: 'replica', tenant, cluster, replica } as const;
  if (present === undefined) {
    const { clustersMax } = settings;
    if (clustersMax > 0 && clusters() >= clustersMax) return { kind: 'too-many-clusters' };
    const times = { electedMs: nowMs, heardMs: nowMs };
    return { kind: 'elected', entry: { ...identity, ...times, changes: 0, version: 1 } };
  }
  const silentMs = nowMs - present.heardMs;
  const version = present.version + 1;
  if (present.replica === replica) {
    if (silentMs < settings.updateAfterMs) return { kind: 'accepted' };
    return { kind: 'accepted', refreshed: { ...present, heardMs: nowMs, version } };
  }
  if (silentMs < settings.failoverAfterMs) {
    return { kind: 'deduplicated', elected: present.replica };
  }
  const changes = present.changes + 1;
  const entry = { ...identity, electedMs: nowMs, heardMs: nowMs, changes, version };
  return { kind: 'elected', entry };
}
