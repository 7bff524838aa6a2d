// Collects rows into batches of a few MB: larger ones cost several times their size in memory, and a
// single row per batch costs several times its time.
import type { HeadStore } from '../head.ts';

export const BATCH_BYTES = 2_500_000;

export class BatchWriter {
  readonly #store: HeadStore;
  #puts: [Uint8Array, Uint8Array][] = [];
  #deletes: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(store: HeadStore) {
    this.#store = store;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#puts.push([key, value]);
    this.#sizeBytes += key.length + value.length;
  }

  delete(key: Uint8Array): void {
    this.#deletes.push(key);
    this.#sizeBytes += key.length + 32;
  }

  get isFull(): boolean {
    return this.#sizeBytes >= BATCH_BYTES;
  }

  /** Writes what was collected, if anything. */
  async flush(sync = false): Promise<void> {
    if (this.#sizeBytes === 0) return;
    const batch = { puts: this.#puts, deletes: this.#deletes };
    this.#puts = [];
    this.#deletes = [];
    this.#sizeBytes = 0;
    await this.#store.write(batch, sync);
  }
}
