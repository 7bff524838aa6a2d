// Which reads are under way on a partition. Forgetting data (dropping a window, deleting a block) waits
// for the reads that began before its replacement could be seen, so that no answer has a hole; a reader
// that takes longer than the patience is ended with an error instead. Nobody waits for its end: a reader
// that asks for nothing more (its client hangs) would keep the partition from being closed for ever.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';

/** How long dropping waits for slow readers, unless said otherwise. */
const PATIENCE_MS = 60_000;

export interface ReadLease {
  release(): void;
}

export interface ReadLeases {
  /** For a read that ends when `read` is aborted: it is, when the data under it has to go. */
  take(read: AbortController): ReadLease;
  /** Resolves when every read that is under way now has ended, or was told to at the end of the patience. */
  quiesce(patienceMs?: number): Promise<void>;
}

export function createReadLeases(clock: Clock): ReadLeases {
  const active = new Map<ReadLease, { readonly read: AbortController; ended: () => void }>();
  return {
    take(read) {
      const lease: ReadLease = {
        release() {
          active.get(lease)?.ended();
          active.delete(lease);
        },
      };
      active.set(lease, { read, ended: () => {} });
      return lease;
    },
    async quiesce(patienceMs = PATIENCE_MS) {
      const before = [...active.values()];
      if (before.length === 0) return;
      let giveUp = () => {};
      const expired = new Promise<void>((resolve) => {
        giveUp = resolve;
      });
      const timer = clock.after(patienceMs, () => {
        for (const { read } of before) {
          read.abort(new WeirError('unavailable', 'the read was too slow: its data moved, retry'));
        }
        giveUp();
      });
      const ends = before.map((one) => endOf(one));
      await Promise.race([Promise.all(ends), expired]);
      timer.cancel();
    },
  };
}

/** Several may wait for one. */
function endOf(lease: { ended: () => void }): Promise<void> {
  const { ended } = lease;
  return new Promise((resolve) => {
    lease.ended = () => {
      ended();
      resolve();
    };
  });
}
