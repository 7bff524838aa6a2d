// Chance, all of it from the seed. Each part of the world throws dice of its own, so that a change in one
// does not reshuffle the others.
import { type Random, seededRandom } from '@weir/runtime';

export interface Dice extends Random {
  chance(probability: number): boolean;
  /** Uniform in [from, to]. */
  int(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
  /** Mostly short, now and then ten or a hundred times as long. */
  delayMs(typicalMs: number): number;
  fork(name: string): Dice;
}

export function createDice(seed: number, name = ''): Dice {
  const random = seededRandom(mix(seed, name));
  const dice: Dice = {
    ...random,
    chance: (probability) => random.next() < probability,
    int: (from, to) => from + Math.floor(random.next() * (to - from + 1)),
    pick: (items) => items[Math.floor(random.next() * items.length)]!,
    delayMs(typicalMs) {
      const long = random.next();
      const factor = long < 0.003 ? 100 : long < 0.03 ? 10 : 1;
      return Math.round(random.next() * 2 * typicalMs * factor);
    },
    fork: (other) => createDice(seed, `${name}/${other}`),
  };
  return dice;
}

function mix(seed: number, name: string): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
