// The wait of a push, with a timer that is rung by hand.
import { describe, expect, it } from 'vitest';
import { waitApplied } from './apply-wait.ts';

/** A clock whose only timer is rung by hand. */
function handClock() {
  const state = { afterMs: 0, cancelled: false, ring: () => {} };
  return {
    state,
    after(ms: number, callback: () => void) {
      state.afterMs = ms;
      state.ring = callback;
      const cancel = () => {
        state.cancelled = true;
      };
      return { cancel };
    },
  };
}

const LAST = new Map([
  [0, 6],
  [2, 9],
]);

describe('the wait of a push for its apply', () => {
  it('asks for the positions behind the last offsets, and stops its timer', async () => {
    const clock = handClock();
    const asked: unknown[] = [];
    await waitApplied({ waitApplied: async (at) => void asked.push([...at]) }, LAST, clock);
    expect(asked).toEqual([
      [
        [0, 7],
        [2, 10],
      ],
    ]);
    expect(clock.state.cancelled).toBe(true);
  });

  it('ends with 503 and says why when a partition is stuck', async () => {
    const clock = handClock();
    const stuck = (_at: unknown, signal?: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        signal!.addEventListener('abort', () => reject(signal!.reason));
      });
    const waiting = waitApplied({ waitApplied: stuck }, LAST, clock);
    expect(clock.state.afterMs).toBe(10_000);
    clock.state.ring();
    await expect(waiting).rejects.toMatchObject({
      kind: 'unavailable',
      status: 503,
      message: expect.stringContaining('partitions 0, 2 did not apply them within 10 s'),
    });
  });
});
