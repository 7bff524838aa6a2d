// Partition workers as threads. A partition is pinned to one thread by its number; a thread starts with its
// first partition, or at once where that saves time. A thread that dies fails what was asked of it; the next call starts a new one, and the owner of the partition opens it
// again from its last checkpoint.
import { Worker } from 'node:worker_threads';
import { toWeirError, WeirError } from '@weir/errors';
import type { ReadThread } from '@weir/query';
import { connectStreams, portOf } from '@weir/query/threads';
import type { Logger } from '@weir/telemetry';
import { createHostClient, createReadThread } from './host-client.ts';
import type { PartitionHost, PartitionWorkers } from './partition-host.ts';

/**
 * Of V8's 48 MB: what a thread's queries leave behind dies young in a quarter of it as well, and threads keep what they once had.
 */
const YOUNG_MAX_MB = 12;

export interface ThreadWorkersSettings {
  /** The bundled entry, `partition-worker.js`. */
  readonly url: URL;
  readonly count: number;
  /** How many of them start before a partition asks for them: their code loads while the log opens. */
  readonly startedAtOnce: number;
}

interface Thread {
  readonly worker: Worker;
  readonly host: PartitionHost;
  readonly reads: ReadThread;
}

export function createThreadWorkers(
  settings: ThreadWorkersSettings,
  parts: { readonly log: Logger },
): PartitionWorkers {
  const threads = new Map<number, Thread>();
  let closed = false;
  // Trap: once the last thread that loaded the addon has gone, no new thread can load it ("Module did
  // not self-register"). This thread keeps it loaded, so that a dead worker can be replaced.
  import('@weir/head/rocksdb').catch((error) => parts.log.error({ err: error }, 'rocksdb addon'));

  function start(slot: number): Thread {
    if (closed) throw new WeirError('closed', 'partition workers are closed');
    const worker = new Worker(settings.url, {
      name: `partition-worker-${slot}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MAX_MB },
    });
    let failure = new WeirError('unavailable', `partition worker ${slot} has ended`);
    // Before the streams listen: their callers are told what failed when the thread has ended.
    worker.on('error', (error) => {
      parts.log.error({ err: error, worker: slot }, 'partition worker failed');
      failure = new WeirError('unavailable', toWeirError(error).message, { cause: error });
    });
    const streams = connectStreams(portOf(worker), () => failure);
    const thread = {
      worker,
      host: createHostClient(streams),
      reads: createReadThread(streams),
    };
    worker.on('exit', () => {
      if (threads.get(slot) === thread) threads.delete(slot);
    });
    threads.set(slot, thread);
    return thread;
  }

  const threadOf = (partition: number): Thread => {
    const slot = partition % settings.count;
    return threads.get(slot) ?? start(slot);
  };
  for (let slot = 0; slot < Math.min(settings.startedAtOnce, settings.count); slot++) start(slot);
  return {
    hostOf: (partition) => threadOf(partition).host,
    threadOf: (partition) => threadOf(partition).reads,
    pinned: (first) =>
      [...threads.keys()].map((slot) => Math.ceil(first / settings.count) * settings.count + slot),
    async close() {
      closed = true;
      await Promise.all([...threads.values()].map(({ worker }) => worker.terminate()));
    },
  };
}
