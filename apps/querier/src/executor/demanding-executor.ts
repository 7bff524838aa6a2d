// Finds out what a query's reads must demand before the query takes a place among those that run: a wait for
// a slow owner holds no place, no thread and no memory but the request's.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { ReadConsistency } from '../consistency/read-consistency.ts';
import type { Demand } from '../consistency/strong-reads.ts';
import type { QueryExecutor, QueryRequest } from '../query-request.ts';
import { errorAnswer } from './error-answer.ts';

export interface DemandingExecutorParts {
  readonly executor: QueryExecutor;
  readonly demand: Demand;
  readonly clock: Pick<Clock, 'after'>;
}

export function createDemandingExecutor(
  settings: { readonly timeoutMs: number },
  { executor, demand, clock }: DemandingExecutorParts,
): QueryExecutor {
  async function demandFor(request: QueryRequest, signal: AbortSignal): Promise<QueryRequest> {
    const { consistency, ...rest } = request;
    if (consistency === undefined || demandsNothing(consistency)) return rest;
    const deadline = new AbortController();
    const timer = clock.after(settings.timeoutMs, () =>
      deadline.abort(new WeirError('timeout', 'query timed out while waiting for consistency')),
    );
    const either = AbortSignal.any([signal, deadline.signal]);
    try {
      return { ...rest, demand: await demand(request.tenant, consistency, either) };
    } catch (error) {
      throw either.aborted ? either.reason : error;
    } finally {
      timer.cancel();
    }
  }

  return {
    async execute(request, signal) {
      let demanding: QueryRequest;
      try {
        demanding = await demandFor(request, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        return errorAnswer(request, error);
      }
      return executor.execute(demanding, signal);
    },
    close: () => executor.close(),
  };
}

function demandsNothing({ level, delayMaxMs }: ReadConsistency): boolean {
  return level === 'eventual' && delayMaxMs === undefined;
}
