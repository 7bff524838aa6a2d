// A head with a log of its own, for tests: records are numbered as they come, and restarts go on from the
// rows of the last checkpoint.
import type { HeadStore, PartitionHead } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { type FixtureSeries, record, writeRequest } from '../records/record-fixture.ts';

export const MINUTE = 60_000;
export const SETTINGS = { outOfOrderWindowMs: 0, seriesMax: 0 };

export class World {
  readonly store: HeadStore;
  head: PartitionHead;
  offset = 0;

  constructor(store: HeadStore, head: PartitionHead) {
    this.store = store;
    this.head = head;
  }

  push(atMs: number, body: Uint8Array | FixtureSeries[], tenant = 'one', version = 1): void {
    const value = body instanceof Uint8Array ? body : writeRequest(...body);
    const one = { ...record(this.offset, value, tenant, version), timestampMs: atMs };
    this.head.apply([one], ++this.offset);
  }

  /** Checkpoints, and goes on with a head from the same rows. */
  async restart(): Promise<void> {
    await this.head.checkpoint();
    const { store } = this;
    this.head = await openPartitionHead({ partition: 0 }, { store });
  }
}

export async function open(): Promise<World> {
  const store = createMemoryHeadStore();
  return new World(store, await openPartitionHead({ partition: 0 }, { store }));
}
