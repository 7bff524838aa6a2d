// The querier: the Prometheus query API over a queryable, in this thread or in worker threads.
export {
  type ClusterOwnersParts,
  type ClusterOwnersSettings,
  createClusterOwners,
} from './cluster-owners.ts';
export { createLastProduced, type LastProduced } from './consistency/last-produced.ts';
export { createDemand, type Demand } from './consistency/strong-reads.ts';
export type { QuerierParts } from './endpoint.ts';
export { createCountingExecutor } from './executor/counting-executor.ts';
export { createDemandingExecutor } from './executor/demanding-executor.ts';
export { createInlineExecutor } from './executor/inline-executor.ts';
export { rehearse, rehearsedRequests } from './executor/rehearsal.ts';
export { createRetryingExecutor } from './executor/retrying-executor.ts';
export {
  createThreadedExecutor,
  type ThreadedExecutor,
  type ThreadedExecutorParts,
} from './executor/threaded-executor.ts';
export type { QueryWorkerSettings } from './executor/worker-start.ts';
export { createQuerier, type Querier } from './querier.ts';
export { type QuerierRouteParts, querierRoutes } from './querier-routes.ts';
export { type QuerierSettings, querierFlags } from './querier-settings.ts';
export type { QueryAnswer, QueryExecutor, QueryRequest } from './query-request.ts';
