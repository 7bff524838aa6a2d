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
}

export type PartitionState = 'PENDING' | 'ACTIVE' | 'INACTIVE';

export interface PartitionEntry {
  readonly kind: 'partition';
  readonly partition: number;
  readonly state: PartitionState;
  readonly sinceMs: number;
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
}

export type ClusterEntry = InstanceEntry | PartitionEntry | OwnerEntry;

export interface ClusterView {
  readonly instances: ReadonlyMap<string, InstanceEntry>;
  readonly partitions: ReadonlyMap<number, PartitionEntry>;
  /** Keyed `${partition}/${zone}`. */
  readonly owners: ReadonlyMap<string, OwnerEntry>;
}

/** Entries of owners that lost against the present ones and changed nothing. */
export type OutbidEntries = readonly OwnerEntry[];

export interface Cluster {
  readonly view: ClusterView;
  /** Appends an entry; resolves when it is in the view here. */
  put(entry: ClusterEntry): Promise<void>;
  /** Removes an entry by the identity of the one given. */
  remove(entry: ClusterEntry): Promise<void>;
  /**
   * Calls back after every change of the view, and with entries that were outbid; returns the unsubscription.
   * Of a compacted topic an outbid entry may be all that is left: who holds the place repeats his own.
   */
  subscribe(listener: (outbid: OutbidEntries) => void): () => void;
  close(): Promise<void>;
}
