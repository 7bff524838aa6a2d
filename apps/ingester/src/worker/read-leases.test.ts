// Who waits for reads, and how long: not for a reader that never asks again.
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../testing/world.ts';
import { createReadLeases } from './read-leases.ts';

describe('read leases', () => {
  it('wait for the reads that are under way, not for later ones', async () => {
    const leases = createReadLeases(createManualClock(0));
    const [first, second] = [new AbortController(), new AbortController()];
    const lease = leases.take(first);
    const quiet = Promise.all([leases.quiesce(), leases.quiesce()]);
    leases.take(second);
    lease.release();
    await quiet;
    expect([first.signal.aborted, second.signal.aborted]).toEqual([false, false]);
  });

  it('tell a read that is too slow to end, and wait no longer', async () => {
    const clock = createManualClock(0);
    const leases = createReadLeases(clock);
    const read = new AbortController();
    leases.take(read);
    let isQuiet = false;
    const quiet = leases.quiesce(1_000).then(() => {
      isQuiet = true;
    });
    clock.advance(999);
    await Promise.resolve();
    expect([isQuiet, read.signal.aborted]).toEqual([false, false]);
    clock.advance(1);
    await quiet;
    expect(read.signal.aborted).toBe(true);
  });
});
