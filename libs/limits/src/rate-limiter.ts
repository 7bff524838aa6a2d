// A token bucket a tenant, as Mimir's: refilled at `rate` per second up to `burst`; a request takes all
// of its items or none. More items than the burst never pass, however long one waits.
import type { Clock } from '@weir/runtime';

/** Buckets kept before full ones are swept: a bound on memory against invented tenant ids. */
const SWEEP_AT = 10_000;
/** Items: what many small refills lose by rounding, and no more. */
const ROUNDING = 1e-6;

export interface Rate {
  /** Items per second; 0 or less is no limit. */
  readonly rate: number;
  readonly burst: number;
}

export interface RateLimiter {
  /** Takes `items` from the tenant's bucket; false when they aren't there. */
  take(tenant: string, rate: Rate, items: number): boolean;
}

interface Bucket {
  tokens: number;
  atMs: number;
  /** From empty to full. */
  refillMs: number;
}

export function createRateLimiter(clock: Pick<Clock, 'steadyMs'>): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    take(tenant, { rate, burst }, items) {
      if (rate <= 0 || items === 0) return true;
      if (items > burst) return false;
      const now = clock.steadyMs();
      let bucket = buckets.get(tenant);
      if (bucket === undefined) {
        if (buckets.size >= SWEEP_AT) sweep(buckets, now);
        bucket = { tokens: burst, atMs: now, refillMs: 0 };
        buckets.set(tenant, bucket);
      }
      bucket.refillMs = (burst / rate) * 1000;
      bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.atMs) / 1000) * rate);
      bucket.atMs = now;
      if (bucket.tokens + ROUNDING < items) return false;
      bucket.tokens = Math.max(0, bucket.tokens - items);
      return true;
    },
  };
}

/** Drops the buckets that are full again: a new one is the same. */
function sweep(buckets: Map<string, Bucket>, now: number): void {
  for (const [tenant, bucket] of buckets) {
    if (now - bucket.atMs >= bucket.refillMs) buckets.delete(tenant);
  }
}
