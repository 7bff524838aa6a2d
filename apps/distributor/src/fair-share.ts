// Who of many may go on when not all can: each gets what it asks for up to one level, the same for all, chosen
// so that together they get the part that there is. So who asks for little is not refused because of who asks
// for much (max-min fairness). Sizes and times come in.

/** The level is chosen anew as often. */
const WINDOW_MS = 1_000;
/** Of what was asked for earlier this much counts after another window. */
const KEPT = 0.8;
/** Who asks for less than this a window, bytes, is forgotten. */
const FORGOTTEN_BELOW = 1;

export interface FairShare {
  /**
   * Whether `tenant` may have `sizeBytes` now; what it asks for counts, whether it may or not. `part` is how
   * much of all that is asked for there is, from 0 to 1.
   */
  mayTake(tenant: string, sizeBytes: number, part: number, nowMs: number): boolean;
  /** It had it. May be more than its level, which then is taken from what it gets later. */
  took(tenant: string, sizeBytes: number): void;
}

interface Asking {
  /** In this window, and a window on average, bytes. */
  now: number;
  usual: number;
  /** Had, and not yet made good by windows that passed. */
  had: number;
}

export function createFairShare(): FairShare {
  const tenants = new Map<string, Asking>();
  let windowFromMs = Number.NEGATIVE_INFINITY;
  /** Bytes a window; infinite before a window has passed: nobody is known yet. */
  let level = Number.POSITIVE_INFINITY;

  function of(tenant: string): Asking {
    let found = tenants.get(tenant);
    if (found === undefined) {
      found = { now: 0, usual: 0, had: 0 };
      tenants.set(tenant, found);
    }
    return found;
  }

  function nextWindow(part: number, windows: number): void {
    for (const [tenant, asking] of tenants) {
      asking.had = Math.max(0, asking.had - level * windows);
      const kept = KEPT ** windows;
      asking.usual =
        asking.usual === 0 ? asking.now : kept * asking.usual + (1 - kept) * asking.now;
      asking.now = 0;
      if (asking.usual < FORGOTTEN_BELOW && asking.had === 0) tenants.delete(tenant);
    }
    level = levelOf(
      [...tenants.values()].map(({ usual }) => usual),
      part,
    );
  }

  return {
    mayTake(tenant, sizeBytes, part, nowMs) {
      const passed = Math.floor((nowMs - windowFromMs) / WINDOW_MS);
      if (windowFromMs === Number.NEGATIVE_INFINITY) windowFromMs = nowMs;
      else if (passed > 0) {
        nextWindow(part, passed);
        windowFromMs += passed * WINDOW_MS;
      }
      const asking = of(tenant);
      asking.now += sizeBytes;
      return asking.had < level;
    },
    took(tenant, sizeBytes) {
      of(tenant).had += sizeBytes;
    },
  };
}

/** The level at which `sizes`, each cut to it, sum up to `part` of their sum; infinite for the whole. */
export function levelOf(sizes: readonly number[], part: number): number {
  if (part >= 1 || sizes.length === 0) return Number.POSITIVE_INFINITY;
  const ascending = [...sizes].sort((a, b) => a - b);
  let left = part * ascending.reduce((sum, size) => sum + size, 0);
  for (const [at, size] of ascending.entries()) {
    const level = left / (ascending.length - at);
    if (size >= level) return level;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}
