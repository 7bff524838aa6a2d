// The primitives that everything else waits on.
import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';
import { createSemaphore } from './semaphore.ts';

describe('a semaphore', () => {
  it('serves in order and never gives out more than it has', async () => {
    const semaphore = createSemaphore(2);
    const order: number[] = [];
    const first = await semaphore.acquire(2);
    const waiting = [1, 2].map((weight) =>
      semaphore.acquire(weight).then((release) => {
        order.push(weight);
        release();
      }),
    );
    expect(semaphore.free).toBe(0);
    first();
    first();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2]);
    expect(semaphore.free).toBe(2);
  });

  it('lets a request above its capacity pass alone', async () => {
    const release = await createSemaphore(2).acquire(5);
    release();
  });
});

describe('a seeded generator', () => {
  it('repeats', () => {
    const [a, b] = [seededRandom(7), seededRandom(7)];
    expect([a.next(), a.next(), ...a.bytes(3)]).toEqual([b.next(), b.next(), ...b.bytes(3)]);
  });
});
