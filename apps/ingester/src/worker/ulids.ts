// ULIDs of blocks, ascending within a process, from the clock and the randomness that are passed in.
import type { Clock, Random } from '@weir/runtime';
import { monotonicFactory } from 'ulid';

export function createUlids(clock: Clock, random: Random): () => string {
  const next = monotonicFactory(() => random.next());
  return () => next(clock.nowMs());
}
