// Collects rows into batches of half a megabyte, in memory that is used again: the store copies a batch
// before write() returns. That size stays in the processor's cache and needs no fresh pages from the
// system at each batch; single rows cost several times their time. Rows that come while a batch is being
// written queue up; `pendingBytes` tells how much.
import type { HeadStore } from '../head.ts';

export const BATCH_BYTES = 512 * 1024;
/** Batches kept for reuse: the one being filled and the next one. */
const SPARE_MAX = 2;
/** What a batch begins with: the checkpoint of a partition where little happens needs no more. */
const SMALL_BYTES = 16 * 1024;

class Batch {
  #bytes = new Uint8Array(SMALL_BYTES);
  used = 0;
  sizeBytes = 0;
  puts: [Uint8Array, Uint8Array][] = [];
  deletes: Uint8Array[] = [];

  /** Room for a row's value, aligned to four bytes. A row that finds none gets memory of its own. */
  take(length: number): Uint8Array {
    if (this.used + length > this.#bytes.length) {
      if (this.#bytes.length === BATCH_BYTES || length > BATCH_BYTES) return new Uint8Array(length);
      // Rows that were handed out keep the small memory.
      this.#bytes = new Uint8Array(BATCH_BYTES);
      this.used = 0;
    }
    const from = this.used;
    this.used = (from + length + 3) & ~3;
    return this.#bytes.subarray(from, from + length);
  }

  clear(): void {
    this.used = 0;
    this.sizeBytes = 0;
    this.puts = [];
    this.deletes = [];
  }
}

export class BatchWriter {
  readonly #store: HeadStore;
  readonly #full: Batch[] = [];
  readonly #spare: Batch[] = [];
  #batch = new Batch();
  #pendingBytes = 0;

  constructor(store: HeadStore) {
    this.#store = store;
  }

  /** A row whose value the caller writes at once; its first byte lies at a multiple of four. */
  row(key: Uint8Array, length: number): Uint8Array {
    this.#makeRoom(length);
    const value = this.#batch.take(length);
    this.#batch.puts.push([key, value]);
    this.#count(key.length + length);
    return value;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.row(key, value.length).set(value);
  }

  delete(key: Uint8Array): void {
    this.#makeRoom(0);
    this.#batch.deletes.push(key);
    this.#count(key.length + 32);
  }

  #count(sizeBytes: number): void {
    this.#batch.sizeBytes += sizeBytes;
    this.#pendingBytes += sizeBytes;
  }

  #makeRoom(length: number): void {
    const { sizeBytes, used } = this.#batch;
    if (sizeBytes === 0 || (sizeBytes < BATCH_BYTES && used + length <= BATCH_BYTES)) return;
    this.#full.push(this.#batch);
    this.#batch = this.#spare.pop() ?? new Batch();
  }

  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** Bytes of rows that the store does not have yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Writes the batches that are full, if any. */
  async flushFull(): Promise<void> {
    for (let batch = this.#full.shift(); batch; batch = this.#full.shift()) {
      await this.#write(batch, false);
    }
  }

  /** Writes what was collected, if anything; with `sync`, the last batch survives power loss. */
  async flush(sync = false): Promise<void> {
    await this.flushFull();
    if (this.#batch.sizeBytes === 0) return;
    const batch = this.#batch;
    this.#batch = this.#spare.pop() ?? new Batch();
    await this.#write(batch, sync);
  }

  async #write(batch: Batch, sync: boolean): Promise<void> {
    const { puts, deletes, sizeBytes } = batch;
    const written = this.#store.write({ puts, deletes }, sync);
    batch.clear();
    if (this.#spare.length < SPARE_MAX) this.#spare.push(batch);
    await written;
    this.#pendingBytes -= sizeBytes;
  }
}
