// A tenant's limits on their way to a query worker: as a whole once, before the first query they hold for, and by a number
// from then on. Most queries are small, and limits are many; and what is compiled of them there (rules of blocked queries)
// is found again by their identity.
//
// Invariant: both sides keep the same ones, since they forget the oldest at the same message.
import { assert } from '@weir/errors';
import type { TenantLimits } from '@weir/limits';

const KEPT_MAX = 256;

export interface NumberedLimits {
  readonly number: number;
  readonly limits: TenantLimits;
}

/** The side that sends. `tell` must send at once, so that no query overtakes it. */
export class SentLimits {
  readonly #tell: (limits: NumberedLimits) => void;
  readonly #numbers = new Map<TenantLimits, number>();
  #last = 0;

  constructor(tell: (limits: NumberedLimits) => void) {
    this.#tell = tell;
  }

  numberOf(limits: TenantLimits): number {
    const known = this.#numbers.get(limits);
    if (known !== undefined) return known;
    const number = ++this.#last;
    this.#numbers.set(limits, number);
    forgetOldest(this.#numbers);
    this.#tell({ number, limits });
    return number;
  }
}

/** The side that gets them. */
export class KnownLimits {
  readonly #limits = new Map<number, TenantLimits>();

  take({ number, limits }: NumberedLimits): void {
    this.#limits.set(number, limits);
    forgetOldest(this.#limits);
  }

  of(number: number): TenantLimits {
    const limits = this.#limits.get(number);
    assert(limits !== undefined, `limits ${number} were not sent`);
    return limits;
  }
}

function forgetOldest<Key>(kept: Map<Key, unknown>): void {
  if (kept.size <= KEPT_MAX) return;
  for (const oldest of kept.keys()) {
    kept.delete(oldest);
    return;
  }
}
