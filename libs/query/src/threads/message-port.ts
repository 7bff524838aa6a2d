// The little of a MessagePort that streams over threads use: Node's ports and workers' parent ports fit,
// and a Worker is made to.
import type { TransferListItem, Worker } from 'node:worker_threads';

export interface ThreadPort {
  postMessage(message: unknown, transfer?: readonly TransferListItem[]): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  close(): void;
}

/** The worker's parent port from this side. It closes when the worker has ended. */
export function portOf(worker: Worker): ThreadPort {
  return {
    postMessage: (message, transfer) => worker.postMessage(message, transfer),
    on: (event: 'message' | 'close', listener: (message: unknown) => void) =>
      worker.on(event === 'close' ? 'exit' : event, listener),
    close: () => void worker.terminate(),
  };
}
