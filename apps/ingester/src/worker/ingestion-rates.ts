// How many samples a second a partition takes of each tenant: an average that forgets slowly, for pages and
// answers to people. A figure of this process; no part of a head's state, so it begins anew with a restart.
import type { IngestedSamples } from '@weir/head';
import type { Clock } from '@weir/runtime';

const TICK_MS = 5_000;
/** Of the average this much is replaced at each tick: Mimir's fifth every 15 s. */
const WEIGHT = 0.07;
/** A tenant below this many samples a second, of whom nothing comes, is forgotten. */
const FORGOTTEN_BELOW = 0.01;

export interface TenantRate {
  /** Samples a second: of pushes, and of rules. */
  readonly api: number;
  readonly rules: number;
}

export interface IngestionRates {
  add(ingested: readonly IngestedSamples[]): void;
  of(tenant: string): TenantRate;
}

interface Average {
  /** Undefined before the first tick. */
  average: TenantRate | undefined;
  api: number;
  rules: number;
}

const NOTHING: TenantRate = { api: 0, rules: 0 };

export function createIngestionRates(clock: Pick<Clock, 'steadyMs'>): IngestionRates {
  const tenants = new Map<string, Average>();
  let fromMs = clock.steadyMs();

  function tick(): void {
    const ticks = Math.floor((clock.steadyMs() - fromMs) / TICK_MS);
    if (ticks <= 0) return;
    fromMs += ticks * TICK_MS;
    const kept = (1 - WEIGHT) ** (ticks - 1);
    for (const [tenant, one] of tenants) {
      const { average } = one;
      const next = {
        api: averaged(average?.api, one.api) * kept,
        rules: averaged(average?.rules, one.rules) * kept,
      };
      if (next.api + next.rules < FORGOTTEN_BELOW) tenants.delete(tenant);
      Object.assign(one, { average: next, ...NOTHING });
    }
  }

  return {
    add(ingested) {
      tick();
      for (const { tenant, samples, ruleSamples } of ingested) {
        const one = tenants.get(tenant) ?? { average: undefined, ...NOTHING };
        tenants.set(tenant, one);
        one.api += samples - ruleSamples;
        one.rules += ruleSamples;
      }
    },
    of(tenant) {
      tick();
      return tenants.get(tenant)?.average ?? NOTHING;
    },
  };
}

/** The first tick is the average as it is. */
function averaged(before: number | undefined, samples: number): number {
  const perSecond = (samples * 1000) / TICK_MS;
  return before === undefined ? perSecond : before + WEIGHT * (perSecond - before);
}
