// The entry of a query worker thread (bundled as querier-worker.js): builds its own querier from plain
// settings and answers queries from its port. Only this file knows what a worker is made of; its metrics
// stay in the worker for now.
import { workerData } from 'node:worker_threads';
import { createBucket } from '@weir/bucket/open';
import { createCatalog } from '@weir/catalog';
import { connectReadOverPort, ReadLinkEnds, serveStreams } from '@weir/query/threads';
import { systemClock } from '@weir/runtime';
import { createTelemetry } from '@weir/telemetry';
import { sendAnswer } from './executor/answer-stream.ts';
import { KnownLimits } from './executor/sent-limits.ts';
import type { QueryWorkerSettings, ToldWorker, WorkerStart } from './executor/worker-start.ts';
import { sampleRows } from './json/sample-rows.ts';
import { createQuerier, type Querier } from './querier.ts';
import type { QueryRequest } from './query-request.ts';

const { settings, queries, owners } = workerData as WorkerStart;
const reads = connectReadOverPort(owners);
const links = new ReadLinkEnds(reads);
const limits = new KnownLimits();
// Without a catch: a worker that can't start must end, and say why.
void createWorkerQuerier(settings).then((querier) =>
  serveStreams(queries, {
    open: (request, signal) => sendAnswer(querier, withLimits(request as QueryRequest), signal),
    call: async (told) => take(told as ToldWorker),
  }),
);

function take(told: ToldWorker): void {
  if ('link' in told) links.take(told.link);
  else limits.take(told.limits);
}

function withLimits(request: QueryRequest): QueryRequest {
  const { limitsNumber } = request;
  return limitsNumber === undefined ? request : { ...request, limits: limits.of(limitsNumber) };
}

async function createWorkerQuerier(settings: QueryWorkerSettings): Promise<Querier> {
  // Takes some milliseconds, now rather than in the first answer.
  sampleRows();
  const telemetry = createTelemetry({ level: 'info' });
  const clock = systemClock;
  const bucket = await createBucket(settings.bucket);
  const catalog = createCatalog(settings.catalog, { bucket, clock, telemetry });
  return createQuerier(settings.querier, {
    owners: reads,
    portOf: (link) => links.portOf(link),
    catalog,
    clock,
    telemetry,
  });
}
