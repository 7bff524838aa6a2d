// Records that no program can apply for now, as if its code had a bug that they meet: the tenants of such
// records must be parked, and nobody else may notice. Mended at the end, and then nothing is missing.
import type { HeadRecord } from '@weir/head';
import type { Coverage } from './coverage.ts';
import type { Faults } from './faults.ts';
import type { Model } from './model.ts';
import type { Scheduler } from './scheduler.ts';

/** It takes a process a while to find out whose fault it is. */
const FOUND_OUT_MS = 60_000;

interface BuggyWorld {
  readonly model: Model;
  readonly coverage: Coverage;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
}

export class Bugs {
  readonly #world: BuggyWorld;
  /** Offsets by partition. */
  readonly #met = new Map<number, Set<number>>();
  #tenant: string | undefined;

  constructor(world: BuggyWorld) {
    this.#world = world;
  }

  /** The tenant's next record that can be read is such a one. */
  meet(tenant: string): void {
    this.#tenant = tenant;
  }

  appended(
    partition: number,
    { key, offset }: { readonly key: Uint8Array; readonly offset: number },
  ) {
    const { model, coverage, scheduler } = this.#world;
    const tenant = Buffer.from(key).toString('utf8');
    if (tenant !== this.#tenant || model.records[partition]![offset] === undefined) return;
    this.#tenant = undefined;
    coverage.note('record that can not be applied');
    scheduler.note(`bug at ${offset} of ${partition}`);
    const offsets = this.#met.get(partition) ?? new Set();
    this.#met.set(partition, offsets.add(offset));
    model.park(partition, tenant, offset);
  }

  /** Throws where a head would apply one of them. */
  check(partition: number, { tenant, offset }: HeadRecord): void {
    if (!this.#met.get(partition)?.has(offset)) return;
    this.#world.coverage.note('applying failed');
    this.#world.faults.disturb(FOUND_OUT_MS);
    throw new Error(`simulated: a bug at record ${offset} of ${tenant} in partition ${partition}`);
  }

  /** Whether there were any. */
  mend(): boolean {
    const { model, coverage } = this.#world;
    this.#tenant = undefined;
    if (this.#met.size === 0) return false;
    coverage.note('parked tenants taken up again');
    this.#met.clear();
    model.unpark();
    return true;
  }
}
