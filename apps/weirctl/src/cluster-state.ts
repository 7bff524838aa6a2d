// What weirctl knows of a cluster: partitions and ingesters, as one process of it sees them.

export type PartitionState = 'PENDING' | 'ACTIVE' | 'INACTIVE';

export interface OwnerStatus {
  readonly instance: string;
  readonly zone: string;
  /** It was heard of lately. */
  readonly healthy: boolean;
  /** It is healthy, has caught up and answers reads. */
  readonly serving: boolean;
  /** The next offset to be applied, as of its last heartbeat. */
  readonly applied: number | undefined;
  /** What the owner itself says; left out when it wasn't asked or didn't answer. */
  readonly own?: OwnStatus;
}

export interface OwnStatus {
  readonly applied: number;
  readonly end: number;
  readonly lagRecords: number;
  /** How long what is not applied has waited at most; undefined when that is not known. */
  readonly lagSeconds: number | undefined;
  /** Until what is logged now is applied. */
  readonly delaySeconds: number;
  readonly loggedPerSecond: number;
  readonly appliedPerSecond: number;
  readonly series: number;
  readonly status: string;
}

export interface PartitionStatus {
  readonly id: number;
  readonly state: PartitionState;
  readonly locked: boolean;
  /** It is INACTIVE because this ingester is about to leave, and ACTIVE again at its next one. */
  readonly drainedFor: string | undefined;
  /** The offset that the next record will get. */
  readonly end: number | undefined;
  readonly owners: readonly OwnerStatus[];
}

export interface IngesterStatus {
  readonly id: string;
  /** host:port. */
  readonly address: string;
  readonly zone: string;
  readonly healthy: boolean;
  readonly draining: boolean;
}

export interface ClusterState {
  readonly partitions: readonly PartitionStatus[];
  readonly ingesters: readonly IngesterStatus[];
}
