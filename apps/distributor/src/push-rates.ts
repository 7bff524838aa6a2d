// How much may be pushed a second: by a tenant in pushes and in items, its rates divided among the distributors
// that are there, its bursts not; and by all at this process. In Mimir's words.
import { WeirError } from '@weir/errors';
import { createRateLimiter, type TenantLimits } from '@weir/limits';
import type { Clock } from '@weir/runtime';
import { withId, withLimit } from '@weir/wire';
import type { InstanceLimits } from './instance-limits-flags.ts';
import type { PushMetrics } from './push-metrics.ts';

/** The rate of all is an average that forgets a fifth of itself each second. */
const TICK_MS = 1_000;
const WEIGHT = 0.2;

export interface PushRatesParts {
  readonly clock: Pick<Clock, 'steadyMs'>;
  readonly metrics: Pick<PushMetrics, 'requestRateLimited' | 'shed'>;
  /** Distributors that share a tenant's rates, this one included. */
  readonly distributors: () => number;
}

export interface PushRates {
  /** Throws `unavailable` over the rate of this process. */
  admit(): void;
  /** Throws `limited` over the tenant's rate of pushes. */
  enter(tenant: string, limits: TenantLimits): void;
  /** Throws `limited` where the tenant may not push as many items now. */
  take(tenant: string, limits: TenantLimits, items: number): void;
  /** Samples that came in. */
  received(samples: number): void;
}

export function createPushRates(
  settings: Pick<InstanceLimits, 'ingestionRateMax'>,
  { clock, metrics, distributors }: PushRatesParts,
): PushRates {
  const pushes = createRateLimiter(clock);
  const items = createRateLimiter(clock);
  const all = createAverageRate(clock);
  const share = (rate: number) => rate / Math.max(1, distributors());
  return {
    admit() {
      const { ingestionRateMax } = settings;
      if (ingestionRateMax > 0 && all.perSecond() >= ingestionRateMax) {
        metrics.shed('distributor_max_ingestion_rate');
        throw overInstanceRate();
      }
    },
    enter(tenant, limits) {
      const { requestRate, requestBurstSize: burst } = limits;
      if (requestRate <= 0) return;
      if (!pushes.take(tenant, { rate: share(requestRate), burst }, 1)) {
        metrics.requestRateLimited(tenant);
        throw requestsLimited(limits);
      }
    },
    take(tenant, limits, count) {
      const { ingestionRate } = limits;
      const burst = burstOf(limits);
      if (!items.take(tenant, { rate: share(ingestionRate), burst }, count)) {
        throw itemsLimited(ingestionRate, burst, count);
      }
    },
    received: (samples) => all.add(samples),
  };
}

function burstOf({
  ingestionRate,
  ingestionBurstSize,
  ingestionBurstFactor,
}: TenantLimits): number {
  if (ingestionBurstFactor <= 0) return ingestionBurstSize;
  return Math.ceil(ingestionRate * ingestionBurstFactor);
}

/** Samples a second; what came in the present second doesn't count yet. */
function createAverageRate(clock: Pick<Clock, 'steadyMs'>) {
  let average = 0;
  let present = 0;
  let fromMs = clock.steadyMs();
  const tick = () => {
    const ticks = Math.floor((clock.steadyMs() - fromMs) / TICK_MS);
    if (ticks <= 0) return;
    fromMs += ticks * TICK_MS;
    average = (average + WEIGHT * (present - average)) * (1 - WEIGHT) ** (ticks - 1);
    present = 0;
  };
  return {
    add(count: number) {
      tick();
      present += count;
    },
    perSecond() {
      tick();
      return average;
    },
  };
}

function overInstanceRate(): WeirError {
  const message = withId(
    'the write request has been rejected because the distributor exceeded the ingestion rate limit',
    'distributor-max-ingestion-rate',
  );
  return new WeirError(
    'unavailable',
    `${message}. To adjust the related limit, configure -distributor.instance-limits.max-ingestion-rate, or contact your service administrator.`,
  );
}

function requestsLimited({ requestRate, requestBurstSize }: TenantLimits): WeirError {
  return new WeirError(
    'limited',
    withLimit(
      `the request has been rejected because the tenant exceeded the request rate limit, set to ${requestRate} requests/s across all distributors with a maximum allowed burst of ${requestBurstSize}`,
      'tenant-max-request-rate',
      'distributor.request-rate-limit',
      'distributor.request-burst-size',
    ),
  );
}

function itemsLimited(rate: number, burst: number, items: number): WeirError {
  const cause =
    items > burst
      ? `exceeded the ingestion burst size limit, set to ${burst}, with ${items} items`
      : `exceeded the ingestion rate limit, set to ${rate} items/s with a maximum allowed burst of ${burst}`;
  return new WeirError(
    'limited',
    withLimit(
      `the request has been rejected because the tenant ${cause}. This limit is applied on the total number of samples, exemplars and metadata received across all distributors`,
      'tenant-max-ingestion-rate',
      'distributor.ingestion-rate-limit',
      'distributor.ingestion-burst-size',
    ),
  );
}
