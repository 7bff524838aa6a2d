// Queries in worker threads, so that none delays a push: each worker has its own engine, catalog and
// bucket; owners of partitions are reached through a port to this thread. A query goes to the worker
// with the fewest running. A worker that dies takes its queries with it (they answer 500) and is
// replaced.
import { MessageChannel, Worker } from 'node:worker_threads';
import { WeirError } from '@weir/errors';
import { apiError } from '@weir/http/errors';
import type { OwnerDirectory } from '@weir/query';
import {
  connectStreams,
  createRoutingReadPort,
  type StreamClient,
  serveReadOverPort,
} from '@weir/query/threads';
import { type Clock, createSemaphore } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import type { QueryAnswer, QueryExecutor, QueryRequest } from '../query-request.ts';
import { receiveAnswer } from './answer-stream.ts';
import type { QueryWorkerSettings, WorkerStart } from './worker-start.ts';

/** Pause before a dead worker is replaced, so that one that dies at once doesn't burn the CPU. */
const RESTART_PAUSE_MS = 1000;

export interface ThreadedExecutorParts {
  /** The bundled entry of the worker. */
  readonly workerUrl: URL;
  readonly workers: number;
  readonly owners: OwnerDirectory;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** `settings` are handed to each worker; `maxConcurrent` bounds all workers together. */
export function createThreadedExecutor(
  settings: QueryWorkerSettings,
  parts: ThreadedExecutorParts,
): QueryExecutor {
  const running = createSemaphore(settings.querier.maxConcurrent);
  const slots = Array.from({ length: parts.workers }, () => new WorkerSlot(settings, parts));
  return {
    async execute(request, signal) {
      const release = await running.acquire();
      try {
        signal.throwIfAborted();
        const located = await locate(request, parts.owners);
        const slot = slots.reduce((best, slot) => (slot.load < best.load ? slot : best));
        return await receiveAnswer(slot.streams, located, signal);
      } catch (error) {
        return errorAnswer(signal.aborted ? signal.reason : error);
      } finally {
        release();
      }
    },
    async close() {
      await Promise.all(slots.map((slot) => slot.close()));
    },
  };
}

/** Names the owners, so that the worker need not ask this thread before it reads. */
async function locate(request: QueryRequest, directory: OwnerDirectory): Promise<QueryRequest> {
  if (request.endpoint === 'format_query') return request;
  const owners = await directory.owners(request.tenant);
  const { changedMs } = directory;
  return {
    ...request,
    owners: owners.map(({ partitions }) => partitions),
    ...(changedMs !== undefined && { ownersChangedMs: changedMs }),
  };
}

function errorAnswer(error: unknown): QueryAnswer {
  const { status, headers, body } = apiError(error);
  return { status, headers, body: Buffer.from(body, 'utf8') };
}

/** One worker, or for a moment its absence. */
class WorkerSlot {
  streams: StreamClient;
  readonly #settings: QueryWorkerSettings;
  readonly #parts: ThreadedExecutorParts;
  #worker: Worker;
  #closing = false;
  #alive = true;

  constructor(settings: QueryWorkerSettings, parts: ThreadedExecutorParts) {
    this.#settings = settings;
    this.#parts = parts;
    [this.#worker, this.streams] = this.#start();
  }

  /** Running queries; infinite while there is no worker. */
  get load(): number {
    return this.#alive ? this.streams.active : Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.streams.close();
    await this.#worker.terminate();
  }

  #start(): [Worker, StreamClient] {
    const { owners, telemetry, clock, workerUrl } = this.#parts;
    const queries = new MessageChannel();
    const reads = new MessageChannel();
    serveReadOverPort(reads.port1, createRoutingReadPort(owners));
    const workerData: WorkerStart = {
      settings: this.#settings,
      queries: queries.port2,
      owners: reads.port2,
    };
    const worker = new Worker(workerUrl, {
      workerData,
      transferList: [queries.port2, reads.port2],
      name: 'query-worker',
    });
    const streams = connectStreams(
      queries.port1,
      () => new WeirError('internal', 'the query worker has stopped'),
    );
    worker.on('error', (error) => telemetry.log.error({ err: error }, 'query worker failed'));
    worker.once('exit', (code) => {
      queries.port1.close();
      reads.port1.close();
      this.#alive = false;
      if (this.#closing) return;
      telemetry.log.error({ code }, 'query worker has stopped, starting another');
      clock.after(RESTART_PAUSE_MS, () => {
        if (this.#closing) return;
        [this.#worker, this.streams] = this.#start();
        this.#alive = true;
      });
    });
    return [worker, streams];
  }
}
