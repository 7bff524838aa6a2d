// Which record a partition failed at, remembered while it is reopened from its last checkpoint: a record
// that fails twice is the fault of its tenant's state, and that tenant is parked. In memory only; a worker
// that starts anew finds out again.
export interface FailedRecord {
  readonly tenant: string;
  readonly offset: number;
}

export interface FailedRecords {
  failed(partition: number, record: FailedRecord): void;
  /** The records that failed twice. */
  toPark(partition: number): readonly FailedRecord[];
}

export function createFailedRecords(): FailedRecords {
  const last = new Map<number, FailedRecord>();
  const twice = new Map<number, FailedRecord[]>();
  return {
    failed(partition, { tenant, offset }) {
      const before = last.get(partition);
      last.set(partition, { tenant, offset });
      if (before?.offset !== offset || before.tenant !== tenant) return;
      twice.set(partition, [...(twice.get(partition) ?? []), { tenant, offset }]);
    },
    toPark: (partition) => twice.get(partition) ?? [],
  };
}
