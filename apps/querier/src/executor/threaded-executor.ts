// Queries in worker threads, so that none delays a push: each worker has its own engine, catalog and
// bucket; owners of partitions are reached through a port to this thread. A query goes to the worker
// with the fewest running. Workers start with the first query, or a while after the process, which has other
// things to do until then. A worker that dies takes its queries with it (they answer 500) and is replaced.
import { MessageChannel, Worker } from 'node:worker_threads';
import { WeirError } from '@weir/errors';
import type { OwnerDirectory, ReadPort } from '@weir/query';
import {
  connectStreams,
  createRoutingReadPort,
  ReadLinks,
  type StreamClient,
  serveReadOverPort,
} from '@weir/query/threads';
import { type Clock, createSemaphore } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import {
  type QueryAnswer,
  type QueryExecutor,
  type QueryRequest,
  readsSeries,
} from '../query-request.ts';
import { receiveAnswer } from './answer-stream.ts';
import { errorAnswer } from './error-answer.ts';
import { SentLimits } from './sent-limits.ts';
import type { QueryWorkerSettings, ToldWorker, WorkerStart } from './worker-start.ts';

/** Pause before a dead worker is replaced, so that one that dies at once doesn't burn the CPU. */
const RESTART_PAUSE_MS = 1000;
/** By then a process is ready mostly; until then its processors are for what makes it so. */
const START_AFTER_MS = 1000;
/** Of V8's 48 MB, as for partition workers: a thread keeps what its young objects once took. */
const YOUNG_MAX_MB = 12;

export interface ThreadedExecutorParts {
  /** The bundled entry of the worker. */
  readonly workerUrl: URL;
  readonly workers: number;
  readonly owners: OwnerDirectory;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

interface SlotParts extends ThreadedExecutorParts {
  readonly owners: OwnerDirectory & ReadPort;
}

export interface ThreadedExecutor extends QueryExecutor {
  /** As execute(), with owners of the caller's. */
  executeAt(
    request: QueryRequest,
    owners: OwnerDirectory,
    signal: AbortSignal,
  ): Promise<QueryAnswer>;
}

/** `settings` are handed to each worker; `maxConcurrent` bounds all workers together. */
export function createThreadedExecutor(
  settings: QueryWorkerSettings,
  parts: ThreadedExecutorParts,
): ThreadedExecutor {
  const running = createSemaphore(settings.querier.maxConcurrent);
  const owners = createRoutingReadPort(parts.owners);
  const slots = Array.from(
    { length: parts.workers },
    () => new WorkerSlot(settings, { ...parts, owners }),
  );
  const starting = parts.clock.after(START_AFTER_MS, () => {
    for (const slot of slots) slot.start();
  });
  const executeAt: ThreadedExecutor['executeAt'] = async (request, directory, signal) => {
    const release = await running.acquire();
    try {
      signal.throwIfAborted();
      const slot = slots.reduce((best, slot) => (slot.load < best.load ? slot : best));
      const worker = slot.start();
      const located = await locate(request, directory, worker.links);
      return await receiveAnswer(worker.streams, numbered(located, worker), signal);
    } catch (error) {
      return errorAnswer(request, signal.aborted ? signal.reason : error);
    } finally {
      release();
    }
  };
  return {
    executeAt,
    execute: (request, signal) => executeAt(request, owners, signal),
    async close() {
      starting.cancel();
      await Promise.all(slots.map((slot) => slot.close()));
    },
  };
}

/**
 * Names the owners, so that the worker need not ask this thread before it reads, and links it with those that are
 * threads of this process. A read that demands something waits in this thread.
 */
async function locate(
  request: QueryRequest,
  directory: OwnerDirectory,
  links: ReadLinks,
): Promise<QueryRequest> {
  const { endpoint, demand } = request;
  if (!readsSeries(endpoint)) return request;
  const owners = await directory.owners(request.tenant);
  const { changedMs } = directory;
  const isDirect = demand === undefined && endpoint !== 'freshness';
  const linked = owners.map(({ thread }) => (thread && isDirect ? links.to(thread) : undefined));
  return {
    ...request,
    owners: owners.map(({ partitions }) => partitions),
    links: await Promise.all(linked),
    ...(changedMs !== undefined && { ownersChangedMs: changedMs }),
  };
}

/** With the number of the limits in their place. */
function numbered(request: QueryRequest, { limits: sent }: RunningWorker): QueryRequest {
  const { limits, ...rest } = request;
  return limits === undefined ? rest : { ...rest, limitsNumber: sent.numberOf(limits) };
}

interface RunningWorker {
  readonly worker: Worker;
  readonly streams: StreamClient;
  readonly links: ReadLinks;
  readonly limits: SentLimits;
}

/** One worker, or its absence: before it starts, and for a moment after one died. */
class WorkerSlot {
  readonly #settings: QueryWorkerSettings;
  readonly #parts: SlotParts;
  #running: RunningWorker | undefined;
  #closing = false;
  #dead = false;

  constructor(settings: QueryWorkerSettings, parts: SlotParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Running queries; infinite while there is no worker. */
  get load(): number {
    return this.#dead ? Number.POSITIVE_INFINITY : (this.#running?.streams.active ?? 0);
  }

  /** Starts the worker unless it was; one that died is replaced without that, and until then refuses. */
  start(): RunningWorker {
    if (this.#closing) throw new WeirError('closed', 'the query workers are closed');
    this.#running ??= this.#startWorker();
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#running?.streams.close();
    await this.#running?.worker.terminate();
  }

  #startWorker(): RunningWorker {
    const { owners, telemetry, clock, workerUrl } = this.#parts;
    const queries = new MessageChannel();
    const reads = new MessageChannel();
    serveReadOverPort(reads.port1, owners);
    const workerData: WorkerStart = {
      settings: this.#settings,
      queries: queries.port2,
      owners: reads.port2,
    };
    const worker = new Worker(workerUrl, {
      workerData,
      transferList: [queries.port2, reads.port2],
      name: 'query-worker',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MAX_MB },
    });
    const streams = connectStreams(
      queries.port1,
      () => new WeirError('internal', 'the query worker has stopped'),
    );
    worker.on('error', (error) => telemetry.log.error({ err: error }, 'query worker failed'));
    worker.once('exit', (code) => {
      queries.port1.close();
      reads.port1.close();
      this.#dead = true;
      if (this.#closing) return;
      telemetry.log.error({ code }, 'query worker has stopped, starting another');
      clock.after(RESTART_PAUSE_MS, () => {
        if (this.#closing) return;
        this.#running = this.#startWorker();
        this.#dead = false;
      });
    });
    const links = new ReadLinks((link, transfer) =>
      streams.call({ link } satisfies ToldWorker, transfer),
    );
    // A worker that has stopped fails the queries, too.
    const limits = new SentLimits(
      (limits) => void streams.call({ limits } satisfies ToldWorker).catch(() => {}),
    );
    return { worker, streams, links, limits };
  }
}
