// Serialises replacing one object: in this process by a queue, across processes by a lock file that is
// created exclusively. A lock file that a crash left behind is broken once it is half a minute older
// than a file made now; two processes that break the same one in the same instant can both get in, which
// is as far as plain files go.
import { createHash } from 'node:crypto';
import { mkdir, open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { codeOf, isAbsent } from './file-errors.ts';

const STALE_MS = 30_000;
const RETRY_MS = 10;
const ATTEMPTS_MAX = 6000;

export class ObjectLocks {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #tails = new Map<string, Promise<void>>();

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** Runs `work` alone among all holders of this key's lock. `freshMs`: file time of now. */
  async run<T>(key: string, freshMs: number, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    let done = () => {};
    const tail = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#tails.set(key, tail);
    await before;
    try {
      const release = await this.#acquire(key, freshMs);
      try {
        return await work();
      } finally {
        await release();
      }
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
      done();
    }
  }

  async #acquire(key: string, freshMs: number): Promise<() => Promise<void>> {
    await mkdir(this.#directory, { recursive: true });
    const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
    const path = join(this.#directory, `${name}.lock`);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      try {
        await (await open(path, 'wx')).close();
        return () => unlink(path);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const waitedMs = attempt * RETRY_MS;
      if (!(await this.#breakStale(path, freshMs + waitedMs))) await this.#clock.sleep(RETRY_MS);
    }
    throw new WeirError('unavailable', `lock of bucket object ${key} was never released: ${path}`);
  }

  async #breakStale(path: string, nowMs: number): Promise<boolean> {
    try {
      if ((await stat(path)).mtimeMs > nowMs - STALE_MS) return false;
      await unlink(path);
      return true;
    } catch (error) {
      if (isAbsent(error)) return true;
      throw error;
    }
  }
}
