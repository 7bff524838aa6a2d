// A process of the simulated world: whatever it asks of the outside takes virtual time, and it can die at
// each of these moments. A dead process's calls never return, so it can do nothing any more; what it had
// sent by then may still arrive.
import type { Clock, Random } from '@weir/runtime';
import type { Dice } from './dice.ts';
import type { Actor, Scheduler } from './scheduler.ts';

/** What goes wrong with one call. */
export interface Mishap {
  readonly error: Error;
  /** The effect happens all the same, and only the answer is lost; or it happens later than the answer. */
  readonly effect: 'never' | 'before' | 'after';
  readonly delayMs?: number;
}

export class SimProcess implements Actor {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  /** How far its wall clock is from the others', ms. */
  readonly skewMs: number;
  alive = true;
  pausedUntilMs = 0;
  /** It dies at that many steps from now; 0 is never. */
  crashIn = 0;
  readonly #bootMs: number;
  readonly #onCrash: (process: SimProcess) => void;
  readonly #mourners = new Set<() => void>();

  constructor(
    name: string,
    scheduler: Scheduler,
    dice: Dice,
    skewMs: number,
    onCrash: (process: SimProcess) => void,
  ) {
    this.name = name;
    this.scheduler = scheduler;
    this.dice = dice;
    this.skewMs = skewMs;
    this.#bootMs = scheduler.nowMs;
    this.#onCrash = onCrash;
  }

  die(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const mourn of this.#mourners) mourn();
    this.#mourners.clear();
  }

  /** Calls back when it dies; returns the unsubscription. */
  onDeath(mourn: () => void): () => void {
    this.#mourners.add(mourn);
    return () => this.#mourners.delete(mourn);
  }

  /** A place where it may die; false when it is dead. */
  step(): boolean {
    if (this.alive && this.crashIn > 0 && --this.crashIn === 0) this.#onCrash(this);
    return this.alive;
  }

  /** Asks something of the outside: there, the effect, and back. */
  call<T>(
    label: string,
    typicalMs: number,
    effect: () => T | Promise<T>,
    mishap?: Mishap,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.step()) return;
      const there = this.dice.delayMs(typicalMs / 2);
      // What was sent arrives, whether the sender lives or not.
      const sent = this.dice.chance(0.5) ? undefined : this;
      const back = (answer: () => void) => {
        if (!this.step()) return;
        this.scheduler.after(this.dice.delayMs(typicalMs / 2), this, `${label} answered`, answer);
      };
      if (mishap !== undefined && mishap.effect !== 'before') {
        back(() => reject(mishap.error));
        if (mishap.effect === 'never') return;
      }
      this.scheduler.after(there + (mishap?.delayMs ?? 0), sent, label, () => {
        run(effect).then(
          (value) => {
            if (mishap === undefined) back(() => resolve(value));
            else if (mishap.effect === 'before') back(() => reject(mishap.error));
          },
          (error) => back(() => reject(error)),
        );
      });
    });
  }

  /** One short wait for something of its own machine. */
  local<T>(label: string, typicalMs: number, effect: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.step()) return;
      this.scheduler.after(this.dice.delayMs(typicalMs), this, label, () => {
        run(effect).then(
          (value) => {
            if (this.step()) resolve(value);
          },
          (error) => {
            if (this.step()) reject(error);
          },
        );
      });
    });
  }

  get clock(): Clock {
    const { scheduler } = this;
    const after = (ms: number, label: string, callback: () => void) =>
      scheduler.after(ms, this, label, callback);
    return {
      nowMs: () => Math.floor(scheduler.nowMs + this.skewMs),
      steadyMs: () => scheduler.nowMs - this.#bootMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) {
            reject(signal.reason);
            return;
          }
          const onAbort = () => {
            timer.cancel();
            reject(signal?.reason);
          };
          const timer = after(ms, 'slept', () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          });
          signal?.addEventListener('abort', onAbort, { once: true });
        }),
      after: (ms, callback) => after(ms, 'timer', callback),
      yield: () => new Promise((resolve) => void after(0, 'yielded', resolve)),
    };
  }

  get random(): Random {
    return this.dice;
  }
}

async function run<T>(effect: () => T | Promise<T>): Promise<T> {
  return effect();
}
