// What a query worker gets at its start. It is cloned into the thread, so settings are plain data.
import type { MessagePort } from 'node:worker_threads';
import type { BucketSettings } from '@weir/bucket';
import type { CatalogSettings } from '@weir/catalog';
import type { ReadLink } from '@weir/query/threads';
import type { QuerierSettings } from '../querier-settings.ts';
import type { NumberedLimits } from './sent-limits.ts';

export interface QueryWorkerSettings {
  readonly querier: QuerierSettings;
  readonly bucket: BucketSettings;
  readonly catalog: CatalogSettings;
}

export interface WorkerStart {
  readonly settings: QueryWorkerSettings;
  /** Queries come here. */
  readonly queries: MessagePort;
  /** Owners of partitions answer here. */
  readonly owners: MessagePort;
}

/** What it is told between queries. */
export type ToldWorker = { readonly link: ReadLink } | { readonly limits: NumberedLimits };
