// Counts the queries that were rejected because the operator has forbidden them, under Mimir's name. Queries run in
// workers, whose metrics nobody reads, so they are counted by their answers.
import { Counter, type Telemetry } from '@weir/telemetry';
import type { QueryExecutor } from '../query-request.ts';

export interface CountingExecutorParts {
  readonly executor: QueryExecutor;
  readonly telemetry: Pick<Telemetry, 'metrics'>;
}

export function createCountingExecutor({
  executor,
  telemetry,
}: CountingExecutorParts): QueryExecutor {
  const rejected = new Counter({
    name: 'cortex_query_frontend_rejected_queries_total',
    help: 'Queries that were rejected because the operator has forbidden them.',
    labelNames: ['user', 'reason'],
    registers: [telemetry.metrics],
  });
  return {
    async execute(request, signal) {
      const answer = await executor.execute(request, signal);
      if (answer.isBlocked) rejected.inc({ user: request.tenant, reason: 'blocked' });
      return answer;
    },
    close: () => executor.close(),
  };
}
