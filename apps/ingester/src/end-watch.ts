// Asks the log now and then how far the owned partitions go, all in one request, so that each one's lag is
// known; and at once for a read that needs to know it now. Reads that come while a question is under way
// share the next one.
import type { PartitionLog } from '@weir/log';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { PartitionLag } from './partition-lag.ts';
import { createStateLine } from './ship/state-line.ts';

export interface EndWatchParts {
  readonly log: Pick<PartitionLog, 'endOffsets'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly owned: ReadonlyMap<number, { readonly lag: PartitionLag }>;
}

export interface EndWatch {
  /** Asks for all owned partitions; never rejects: a failure is told, and lags grow. */
  poll(): Promise<void>;
  /** Resolves when they were asked for after this call; rejects when the log doesn't tell. */
  askNow(): Promise<void>;
}

export function createEndWatch({ log, clock, logger, owned }: EndWatchParts): EndWatch {
  const line = createStateLine(logger, 'asking the log for the ends of partitions');
  let asking: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function ask(): Promise<void> {
    const asked = [...owned];
    const askedMs = clock.nowMs();
    const ends = await log.endOffsets(asked.map(([partition]) => partition));
    for (const [at, [, { lag }]] of asked.entries()) lag.ended(ends[at]!, askedMs);
  }

  function begin(): Promise<void> {
    next = undefined;
    asking = ask().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  function askNow(): Promise<void> {
    if (asking === undefined) return begin();
    next ??= asking.then(begin, begin);
    return next;
  }

  return {
    askNow,
    async poll() {
      try {
        await askNow();
        line.recovered();
      } catch (error) {
        line.failed(error);
      }
    },
  };
}
