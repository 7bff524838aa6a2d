// The ingester: owns partitions, applies their records, answers reads, ships blocks.
export {
  type IngesterFlagSettings,
  type IngesterPlace,
  type IngesterSettings,
  ingesterFlags,
  ingesterSettings,
} from './flags.ts';
export {
  createIngester,
  type Ingester,
  type IngesterParts,
} from './ingester.ts';
export type { Readiness } from './readiness.ts';
export { createRehearsal } from './rehearsal/rehearsal.ts';
export type { FlushRequest } from './routes.ts';
export {
  createTenantSettings,
  parseTrackers,
  type TenantSettingsParts,
} from './tenant-settings.ts';
export type { HostParts } from './worker/hosted-partition.ts';
export { createUlids } from './worker/ulids.ts';
export { createInlineWorkers } from './workers/inline-workers.ts';
export type { PartitionWorkers } from './workers/partition-host.ts';
export { createThreadWorkers, type ThreadWorkersSettings } from './workers/thread-workers.ts';
