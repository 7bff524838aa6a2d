// Which reads are under way on a partition. Forgetting data (dropping a window, deleting a block) waits
// for the reads that began before its replacement could be seen, so that no answer has a hole; a reader
// that takes longer than the patience is ended with an error instead. Nobody waits for its end: a reader
// that asks for nothing more (its client hangs) would keep the partition from being closed for ever.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';

/** How long dropping waits for slow readers, unless said otherwise. */
const PATIENCE_MS = 60_000;

export interface ReadLease {
  /** Aborts when the data under this read has to go. */
  readonly signal: AbortSignal;
  release(): void;
}

export interface ReadLeases {
  take(): ReadLease;
  /** Resolves when every read that is under way now has ended, or was told to at the end of the patience. */
  quiesce(patienceMs?: number): Promise<void>;
}

export function createReadLeases(clock: Clock): ReadLeases {
  const active = new Map<AbortController, Promise<void>>();
  return {
    take() {
      const abort = new AbortController();
      let ended = () => {};
      active.set(
        abort,
        new Promise((resolve) => {
          ended = resolve;
        }),
      );
      return {
        signal: abort.signal,
        release() {
          active.delete(abort);
          ended();
        },
      };
    },
    async quiesce(patienceMs = PATIENCE_MS) {
      const before = [...active];
      if (before.length === 0) return;
      let giveUp = () => {};
      const expired = new Promise<void>((resolve) => {
        giveUp = resolve;
      });
      const timer = clock.after(patienceMs, () => {
        for (const [abort] of before) {
          abort.abort(new WeirError('unavailable', 'the read was too slow: its data moved, retry'));
        }
        giveUp();
      });
      await Promise.race([Promise.all(before.map(([, ended]) => ended)), expired]);
      timer.cancel();
    },
  };
}
