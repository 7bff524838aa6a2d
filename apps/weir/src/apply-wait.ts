// In one process a push waits for its apply, so that a client reads its own writes; but not for ever: a
// partition may be stuck.
import { WeirError } from '@weir/errors';
import type { Ingester } from '@weir/ingester';
import type { Clock } from '@weir/runtime';

const APPLY_PATIENCE_MS = 10_000;

/**
 * Waits until the last offset of each partition is applied. Rejects with `unavailable` after ten seconds:
 * the samples are in the log then, and will be applied; a sender that repeats them does no harm.
 */
export async function waitApplied(
  ingester: Pick<Ingester, 'waitApplied'>,
  lastOffsets: ReadonlyMap<number, number>,
  clock: Pick<Clock, 'after'>,
): Promise<void> {
  const patience = new AbortController();
  const timer = clock.after(APPLY_PATIENCE_MS, () => patience.abort(tooSlow(lastOffsets)));
  try {
    const positions = new Map([...lastOffsets].map(([partition, last]) => [partition, last + 1]));
    await ingester.waitApplied(positions, patience.signal);
  } finally {
    timer.cancel();
  }
}

function tooSlow(lastOffsets: ReadonlyMap<number, number>): WeirError {
  const seconds = APPLY_PATIENCE_MS / 1000;
  const partitions = [...lastOffsets.keys()].join(', ');
  return new WeirError(
    'unavailable',
    `the samples are logged, but partitions ${partitions} did not apply them within ${seconds} s; /ready and the log tell what is stuck`,
  );
}
