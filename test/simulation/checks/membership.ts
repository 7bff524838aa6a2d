// What the cluster's topic says beside what processes make of it: the newest claim of a partition is its owner in
// everybody's view, and nobody writes to a partition that has not been ACTIVE for a while. Folds the topic
// without Weir's own code. Counts what happens to partitions and instances.
import type { ClusterView, InstanceEntry, OwnerEntry, PartitionEntry } from '@weir/cluster';
import type { Appended } from '../broker.ts';
import type { Coverage } from '../coverage.ts';
import { Violation } from '../violation.ts';

/** Views are held back, processes pause, requests are late: all of it ends within this. */
const ROUTED_LATE_MS = 1_500_000;

type Entry = OwnerEntry | PartitionEntry | InstanceEntry;

export class MembershipChecks {
  readonly #coverage: Coverage;
  readonly #owners = new Map<string, OwnerEntry>();
  readonly #partitions = new Map<
    number,
    { readonly entry: PartitionEntry; readonly atMs: number }
  >();
  readonly #draining = new Set<string>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  /** A record of the cluster's topic. */
  appended({ value, atMs }: Appended): void {
    if (value.length === 0) return;
    const entry = JSON.parse(Buffer.from(value).toString('utf8')) as Entry;
    if (entry.kind === 'owner') this.#owner(entry);
    else if (entry.kind === 'partition') this.#partition(entry, atMs);
    else this.#instance(entry);
  }

  #owner(entry: OwnerEntry): void {
    const id = `${entry.partition}/${entry.zone}`;
    const present = this.#owners.get(id);
    const isOther = present !== undefined && present.instance !== entry.instance;
    if (isOther && entry.claim <= present.claim) {
      this.#coverage.note('stale claim ignored');
      return;
    }
    if (present !== undefined && entry.claim < present.claim) return;
    if (isOther) this.#coverage.note('partition has another owner');
    const { handedBy } = present ?? {};
    if (entry.serving && !present?.serving && handedBy !== undefined) {
      this.#coverage.note('partition handed over');
    }
    this.#owners.set(id, entry);
  }

  #partition(entry: PartitionEntry, atMs: number): void {
    const present = this.#partitions.get(entry.partition);
    if (present !== undefined && entry.version <= present.entry.version) {
      this.#coverage.note('stale state of a partition ignored');
      return;
    }
    const before = present?.entry.state;
    if (entry.state === before) return;
    if (present !== undefined) {
      const why = entry.drained === undefined ? '' : ', drained';
      this.#coverage.note(`partition turned ${entry.state}${why}`);
    }
    this.#partitions.set(entry.partition, { entry, atMs });
  }

  #instance({ id, drainingSinceMs }: InstanceEntry): void {
    if (drainingSinceMs === undefined) this.#draining.delete(id);
    else if (!this.#draining.has(id)) {
      this.#draining.add(id);
      this.#coverage.note('instance drains');
    }
  }

  /** A distributor's record arrives. */
  written(partition: number, nowMs: number): void {
    const present = this.#partitions.get(partition);
    if (present === undefined || present.entry.state === 'ACTIVE') return;
    this.#coverage.note('written to a partition just made INACTIVE');
    const forMs = nowMs - present.atMs;
    if (forMs < ROUTED_LATE_MS) return;
    const text = `partition ${partition} is written, ${forMs} ms after it was ${present.entry.state}`;
    throw new Violation(1, 'routing', text);
  }

  /** Views of the whole topic are all the same, and have the newest claims. What in this one is not, if anything. */
  compare(name: string, view: ClusterView): Violation | undefined {
    for (const [id, { instance, claim, serving }] of this.#owners) {
      const seen = view.owners.get(id);
      const same = seen?.instance === instance && seen.claim === claim && seen.serving === serving;
      if (same) continue;
      const has = seen && `${seen.instance} with claim ${seen.claim}, serving ${seen.serving}`;
      const is = `${instance} with ${claim}, serving ${serving}`;
      return new Violation(6, 'claims', `${name} takes ${has} for the owner of ${id}, it is ${is}`);
    }
    for (const [partition, { entry }] of this.#partitions) {
      const { state } = view.partitions.get(partition) ?? {};
      if (state === entry.state) continue;
      return new Violation(6, 'view', `${name} takes partition ${partition} for ${state}`);
    }
    this.#coverage.note('views of the cluster compared');
    return undefined;
  }
}
