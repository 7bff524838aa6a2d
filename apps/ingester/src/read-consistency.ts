// What a read may demand of an owner before it answers: that it has applied the log up to an offset (a strong
// read), or that it is not further behind than a while. Named as Mimir's, errors too.
//
// A wait costs a few bytes and no thread: it happens here, before anything is asked of a worker.
import { WeirError } from '@weir/errors';
import type { ReadRequest } from '@weir/query';
import type { Clock } from '@weir/runtime';
import type { StrongConsistencyMetrics } from '@weir/telemetry';
import type { PartitionLag } from './partition-lag.ts';

export interface ConsistentPartition {
  readonly lag: PartitionLag;
  /** Resolves once everything below the position is applied; rejects when the partition leaves. */
  waitApplied(position: number, signal?: AbortSignal): Promise<void>;
}

export interface ReadConsistencySettings {
  /** 0: as long as the read itself. */
  readonly strongReadWaitMs: number;
}

export interface ReadConsistencyParts {
  readonly clock: Clock;
  readonly metrics: StrongConsistencyMetrics;
  /** Asks the log for the ends of partitions. */
  askEnds(): Promise<void>;
}

const COMPONENT = { component: 'partition-reader' };

export interface ReadConsistency {
  /** Resolves when the partitions, which are owned, satisfy the request; `timeout` or `unavailable` otherwise. */
  enforce(
    request: ReadRequest,
    owned: ReadonlyMap<number, ConsistentPartition>,
    signal: AbortSignal,
  ): Promise<void>;
}

export function createReadConsistency(
  { strongReadWaitMs }: ReadConsistencySettings,
  { clock, metrics, askEnds }: ReadConsistencyParts,
): ReadConsistency {
  async function waitAll(
    positions: readonly number[],
    { partitions }: ReadRequest,
    owned: ReadonlyMap<number, ConsistentPartition>,
    signal: AbortSignal,
  ): Promise<void> {
    const patience = new AbortController();
    const either = AbortSignal.any([signal, patience.signal]);
    const timer =
      strongReadWaitMs > 0 && clock.after(strongReadWaitMs, () => patience.abort(tooSlow()));
    try {
      await Promise.all(
        partitions.map((partition, at) =>
          owned.get(partition)!.waitApplied(positions[at]!, either),
        ),
      );
    } finally {
      if (timer) timer.cancel();
    }
  }

  async function waitPositions(
    request: ReadRequest,
    owned: ReadonlyMap<number, ConsistentPartition>,
    signal: AbortSignal,
  ): Promise<void> {
    const sinceMs = clock.steadyMs();
    metrics.requests.inc({ ...COMPONENT, with_offset: 'true' });
    try {
      await waitAll(request.positions!, request, owned, signal);
    } catch (error) {
      metrics.failures.inc(COMPONENT);
      throw error;
    } finally {
      metrics.wait.observe(COMPONENT, (clock.steadyMs() - sinceMs) / 1000);
    }
  }

  function furthestMs(
    { partitions }: ReadRequest,
    owned: ReadonlyMap<number, ConsistentPartition>,
  ): number {
    const nowMs = clock.nowMs();
    const delays = partitions.map((one) => owned.get(one)!.lag.staleMs(nowMs));
    return Math.max(0, ...delays.map((ms) => ms ?? Number.POSITIVE_INFINITY));
  }

  return {
    async enforce(request, owned, signal) {
      if (request.positions !== undefined) await waitPositions(request, owned, signal);
      const { delayMaxMs } = request;
      if (delayMaxMs === undefined || furthestMs(request, owned) <= delayMaxMs) return;
      // What was known may be older than the limit, where the partition itself is not behind.
      await askEnds();
      if (furthestMs(request, owned) > delayMaxMs) throw tooFarBehind();
    },
  };
}

function tooSlow(): WeirError {
  const reason = 'wait strong read consistency timeout exceeded: context deadline exceeded';
  return new WeirError('timeout', `wait for read consistency: ${reason}`, { status: 503 });
}

function tooFarBehind(): WeirError {
  const reason = 'partition reader is lagging behind more than the allowed max delay';
  return new WeirError('unavailable', `enforce read consistency max delay: ${reason}`);
}
