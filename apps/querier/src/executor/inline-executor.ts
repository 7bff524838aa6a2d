// Runs queries in the thread that asks: for tests and for processes without workers.
import type { Querier } from '../querier.ts';
import type { QueryExecutor } from '../query-request.ts';

export function createInlineExecutor(querier: Querier): QueryExecutor {
  return {
    execute: (request, signal) => querier.handle(request, signal),
    close: async () => {},
  };
}
