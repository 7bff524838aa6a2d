// What goes wrong in the world, and how often: each seed has rates of its own, so that some worlds are calm
// and some are broken in one way only. `heal()` ends it all.
import { WeirError } from '@weir/errors';
import type { Coverage } from './coverage.ts';
import type { Dice } from './dice.ts';
import type { Mishap, SimProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';

export interface FaultRates {
  readonly crash: number;
  readonly powerLoss: number;
  readonly diskLoss: number;
  readonly pause: number;
  readonly silence: number;
  readonly logOutage: number;
  readonly logError: number;
  readonly produceError: number;
  readonly bucketError: number;
  readonly bucketOutage: number;
  readonly slowUpload: number;
  readonly slowStream: number;
  readonly diskError: number;
  readonly gracefulStop: number;
  readonly storeDamage: number;
  readonly slowFetch: number;
  readonly truncate: number;
  readonly poison: number;
  /** A record that no program can apply for now. */
  readonly bug: number;
  /** A process whose view of the cluster stands still. */
  readonly heldBack: number;
  /** Not a fault: people scale, drain, and take away. */
  readonly operator: number;
}

/** A world without trouble now and then, so that trouble of the checkers' own would show. */
export function ratesOf(dice: Dice): FaultRates {
  const calm = dice.chance(0.08);
  const rate = (often: number, max: number) => {
    const drawn = dice.chance(often) ? dice.next() * max : 0;
    return calm ? 0 : drawn;
  };
  return {
    crash: rate(0.8, 0.16),
    powerLoss: rate(0.6, 0.5),
    diskLoss: rate(0.6, 0.4),
    pause: rate(0.5, 0.05),
    silence: rate(0.5, 0.04),
    logOutage: rate(0.4, 0.04),
    logError: rate(0.5, 0.03),
    produceError: rate(0.6, 0.1),
    bucketError: rate(0.6, 0.1),
    bucketOutage: rate(0.4, 0.08),
    slowUpload: rate(0.4, 0.02),
    slowStream: rate(0.5, 0.5),
    diskError: rate(0.4, 0.03),
    gracefulStop: rate(0.5, 0.03),
    storeDamage: rate(0.5, 0.8),
    slowFetch: rate(0.5, 0.1),
    truncate: rate(0.5, 0.25),
    poison: rate(0.5, 0.1),
    bug: rate(0.25, 0.15),
    heldBack: rate(0.4, 0.06),
    operator: calm ? 0.5 : rate(0.6, 0.3),
  };
}

export class Faults {
  readonly rates: FaultRates;
  /** Nothing ever goes wrong: no read may fail. */
  readonly calm: boolean;
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #coverage: Coverage;
  #healed = false;
  #logDownUntilMs = 0;
  #bucketDownUntilMs = 0;
  /** Log outages, in order: when reads may have been behind. */
  readonly #outages: { readonly fromMs: number; toMs: number }[] = [];

  readonly #heldBackUntilMs = new WeakMap<SimProcess, number>();

  constructor(rates: FaultRates, scheduler: Scheduler, dice: Dice, coverage: Coverage) {
    this.rates = rates;
    this.calm = Object.entries(rates).every(([name, rate]) => name === 'operator' || rate === 0);
    this.#scheduler = scheduler;
    this.#dice = dice;
    this.#coverage = coverage;
  }

  heal(): void {
    this.#healed = true;
    this.#logDownUntilMs = 0;
    this.#bucketDownUntilMs = 0;
  }

  happens(rate: number): boolean {
    return !this.#healed && this.#dice.chance(rate);
  }

  /** Somebody may be behind for a while, for a reason that is no fault of his. */
  disturb(forMs: number): void {
    const { nowMs } = this.#scheduler;
    this.#outages.push({ fromMs: nowMs, toMs: nowMs + forMs });
  }

  breakLog(forMs: number): void {
    const { nowMs } = this.#scheduler;
    this.#logDownUntilMs = nowMs + forMs;
    this.disturb(forMs);
  }

  /** Nothing new of the cluster reaches the process. */
  holdBack(process: SimProcess, forMs: number): void {
    this.#heldBackUntilMs.set(process, this.#scheduler.nowMs + forMs);
  }

  isHeldBack(process: SimProcess): boolean {
    return !this.#healed && this.#scheduler.nowMs < (this.#heldBackUntilMs.get(process) ?? 0);
  }

  breakBucket(forMs: number): void {
    this.#bucketDownUntilMs = this.#scheduler.nowMs + forMs;
  }

  logDown(_process: SimProcess): boolean {
    return this.#scheduler.nowMs < this.#logDownUntilMs;
  }

  /** Records older than this must have been applied by now, as the log was there to be read. */
  appliedBeforeMs(lagMs: number): number {
    let beforeMs = this.#scheduler.nowMs - lagMs;
    for (const { fromMs, toMs } of [...this.#outages].reverse()) {
      if (toMs > beforeMs) beforeMs = Math.min(beforeMs, fromMs - lagMs);
    }
    return beforeMs;
  }

  /** Now and then a fetch takes seconds, so that owners are behind; else 0. */
  slowFetchMs(): number {
    if (!this.happens(this.rates.slowFetch)) return 0;
    this.#coverage.note('slow fetch');
    return this.#dice.int(50, 15_000);
  }

  /** An object's parts may go out so slowly that the head goes through several checkpoints meanwhile. */
  isSlowStream(): boolean {
    const isSlow = this.happens(this.rates.slowStream);
    if (isSlow) this.#coverage.note('slow stream');
    return isSlow;
  }

  /** A write of a head's store that fails, as on a full disk; nothing of it is there. */
  diskError(): Error | undefined {
    if (!this.happens(this.rates.diskError)) return undefined;
    return this.#fail('write to the store failed', 'never').error;
  }

  logMishap(process: SimProcess): Mishap | undefined {
    if (this.logDown(process)) return this.#fail('log call during an outage', 'never');
    if (!this.happens(this.rates.logError)) return undefined;
    return this.#fail('log call failed', this.#dice.chance(0.5) ? 'never' : 'before');
  }

  produceMishap(process: SimProcess): Mishap | undefined {
    if (this.logDown(process)) return this.#fail('produce during an outage', 'never');
    if (!this.happens(this.rates.produceError)) return undefined;
    const effect = this.#dice.pick(['never', 'before', 'after'] as const);
    if (effect === 'never') return this.#fail('produce refused', effect);
    if (effect === 'before') return this.#fail('produce logged, answer lost', effect);
    return { ...this.#fail('produce late', effect), delayMs: this.#dice.int(100, 120_000) };
  }

  bucketMishap(_process: SimProcess): Mishap | undefined {
    if (this.#scheduler.nowMs < this.#bucketDownUntilMs) {
      return this.#fail('bucket call during an outage', 'never');
    }
    if (this.happens(this.rates.slowUpload)) {
      return {
        ...this.#fail('bucket call took effect late', 'after'),
        delayMs: this.#dice.int(1_000, 300_000),
      };
    }
    if (!this.happens(this.rates.bucketError)) return undefined;
    const lost = this.#dice.chance(0.5);
    return this.#fail(lost ? 'bucket answer lost' : 'bucket error', lost ? 'before' : 'never');
  }

  #fail(what: string, effect: Mishap['effect']): Mishap {
    this.#coverage.note(what);
    return { error: new WeirError('unavailable', `simulated: ${what}`), effect };
  }
}
