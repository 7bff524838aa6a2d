// Callers that wait until a partition has applied a position: strong reads, and pushes in one process.
export interface PositionWaiters {
  wait(position: number, signal?: AbortSignal): Promise<void>;
  reached(position: number): void;
  fail(error: Error): void;
}

interface Waiter {
  readonly position: number;
  resolve(): void;
  reject(reason: unknown): void;
}

export function createPositionWaiters(): PositionWaiters {
  const waiters = new Set<Waiter>();
  return {
    wait(position, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiters.delete(waiter);
          signal?.removeEventListener('abort', onAbort);
        };
        const onAbort = () => waiter.reject(signal?.reason);
        const waiter: Waiter = {
          position,
          resolve() {
            leave();
            resolve();
          },
          reject(reason) {
            leave();
            reject(reason);
          },
        };
        waiters.add(waiter);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    reached(position) {
      for (const waiter of waiters) if (waiter.position <= position) waiter.resolve();
    },
    fail(error) {
      for (const waiter of waiters) waiter.reject(error);
    },
  };
}
