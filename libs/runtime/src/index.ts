// Everything the simulation replaces: clock, timers, randomness; and the primitives built on them.
export { type Clock, isoTime, systemClock, type Timer } from './clock.ts';
export { type Random, seededRandom, systemRandom } from './random.ts';
export { createSemaphore, type Semaphore } from './semaphore.ts';
