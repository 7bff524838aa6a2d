// Everything the simulation replaces: clock, timers, randomness; the primitives built on them; and collections of memory.
export { type Clock, isoTime, systemClock, type Timer } from './clock.ts';
export { type Random, seededRandom, systemRandom } from './random.ts';
export { createSemaphore, type Semaphore } from './semaphore.ts';
export { countGarbage } from './young-collection.ts';
