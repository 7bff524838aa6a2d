// The port of cluster state: a small set of entries that every process sees. On Kafka they live in a
// compacted topic whose order decides; in one process, in memory.

export type Target = 'distributor' | 'ingester' | 'querier';

export interface InstanceEntry {
  readonly kind: 'instance';
  readonly id: string;
  /** host:port of its HTTP server. */
  readonly address: string;
  readonly zone: string;
  readonly targets: readonly Target[];
  readonly heartbeatMs: number;
  /** It is about to leave: its partitions are not written, and go to others. */
  readonly drainingSinceMs?: number;
  /** Its next stop is for good. */
  readonly shutdownPreparedMs?: number;
  /** It is stopping. */
  readonly leavingSinceMs?: number;
  /** When it began to tell of itself. */
  readonly registeredMs?: number;
  /** Of each partition it owns: the next offset to be applied. */
  readonly applied?: Readonly<Record<string, number>>;
  /** How long what is logged now will wait until it is applied, ms, of each partition where that is a second or more. */
  readonly delayMs?: Readonly<Record<string, number>>;
}

/** DELETED is what is left of a partition that was forgotten: views keep it apart, so that its version goes on. */
export type PartitionState = 'PENDING' | 'ACTIVE' | 'INACTIVE' | 'DELETED';

export interface PartitionEntry {
  readonly kind: 'partition';
  readonly partition: number;
  readonly state: PartitionState;
  /** When it came into this state, as the clock of who wrote it says. */
  readonly sinceMs: number;
  /** One above the version that it replaces; the first is 1. */
  readonly version: number;
  /** Its state doesn't change while this is set. */
  readonly lockedSinceMs?: number;
  /** It is INACTIVE because this instance is about to leave; the next owner in the zone turns it ACTIVE. */
  readonly drained?: { readonly instance: string; readonly zone: string };
}

export interface OwnerEntry {
  readonly kind: 'owner';
  readonly partition: number;
  readonly zone: string;
  readonly instance: string;
  /** The owner has caught up and answers reads. */
  readonly serving: boolean;
  /** Grows with every change of owner: the highest wins; of two instances with the same, the first. */
  readonly claim: number;
  /** When it began to serve. */
  readonly servingSinceMs?: number;
  /** Who had it before, and answers reads until this owner serves. */
  readonly handedBy?: string;
}

/** Which of the replicas that send the same series is listened to. */
export interface ReplicaEntry {
  readonly kind: 'replica';
  readonly tenant: string;
  /** Of senders: the value of their cluster label. */
  readonly cluster: string;
  readonly replica: string;
  /** When it was elected, and when it was last heard of, told now and then; by the writers' clocks. */
  readonly electedMs: number;
  readonly heardMs: number;
  /** How often another one was elected. */
  readonly changes: number;
  /** One above the version that it replaces; the first is 1. */
  readonly version: number;
}

export type ClusterEntry = InstanceEntry | PartitionEntry | OwnerEntry | ReplicaEntry;

export interface ClusterView {
  readonly instances: ReadonlyMap<string, InstanceEntry>;
  readonly partitions: ReadonlyMap<number, PartitionEntry>;
  /** Keyed `${partition}/${zone}`. */
  readonly owners: ReadonlyMap<string, OwnerEntry>;
  /** Keyed `${tenant}/${cluster}`. */
  readonly replicas: ReadonlyMap<string, ReplicaEntry>;
  /** Partitions that were forgotten. */
  readonly deleted: ReadonlyMap<number, PartitionEntry>;
  /** Partitions whose newest entry was stale: compaction would leave it alone, so the present one is due again. */
  readonly hidden: ReadonlySet<number>;
}

/** Entries of owners that lost against the present ones and changed nothing. */
export type OutbidEntries = readonly OwnerEntry[];

export interface Cluster {
  readonly view: ClusterView;
  /**
   * Appends an entry; resolves when it is in the view here, or was ignored: an owner's that is outbid, a
   * partition's or replica's whose version does not exceed the present one's.
   */
  put(entry: ClusterEntry): Promise<void>;
  /** Removes an entry by the identity of the one given. Partitions are deleted by an entry that says so. */
  remove(entry: ClusterEntry): Promise<void>;
  /**
   * Calls back after every change of the view, and with entries that were outbid; returns the unsubscription.
   * Not after changes of replicas, which are many: who needs them looks when he needs them.
   * Of a compacted topic an outbid entry may be all that is left: who holds the place repeats his own.
   */
  subscribe(listener: (outbid: OutbidEntries) => void): () => void;
  /** Resolves when the view holds every change whose put() or remove() had resolved anywhere before this call. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
