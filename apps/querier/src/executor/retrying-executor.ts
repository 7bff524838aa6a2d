// Asks again when an owner did not answer: it has died, stops, or has just lost a partition that another serves.
// The directory ranks who failed behind others, so the next attempt goes to another zone or to the successor.
// A whole query is repeated, not one read of it: it may have met the failure in the middle of a stream.
import type { ErrorKind } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { QueryAnswer, QueryExecutor, QueryRequest } from '../query-request.ts';

/** Before the second attempt, the third, and so on. */
const PAUSES_MS = [0, 200, 800];
/** Who has waited for longer wants an answer, not another wait. */
const WITHIN_MS = 30_000;
const PASSING: readonly (ErrorKind | undefined)[] = ['unavailable', 'fenced', 'closed'];

export interface RetryingExecutorParts {
  readonly executor: QueryExecutor;
  readonly clock: Pick<Clock, 'steadyMs' | 'sleep'>;
}

export function createRetryingExecutor({ executor, clock }: RetryingExecutorParts): QueryExecutor {
  return {
    async execute(request: QueryRequest, signal: AbortSignal): Promise<QueryAnswer> {
      const sinceMs = clock.steadyMs();
      for (const pauseMs of PAUSES_MS) {
        const answer = await executor.execute(request, signal);
        if (!PASSING.includes(answer.failure)) return answer;
        if (clock.steadyMs() - sinceMs > WITHIN_MS) return answer;
        if (pauseMs > 0) await clock.sleep(pauseMs, signal);
      }
      return executor.execute(request, signal);
    },
    close: () => executor.close(),
  };
}
