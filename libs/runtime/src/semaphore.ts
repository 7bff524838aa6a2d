// A counting semaphore: waiting callers are served in order. Bounds concurrency and byte budgets.

export interface Semaphore {
  /** Takes `weight` units, waiting for them; the returned function gives them back (once). */
  acquire(weight?: number): Promise<() => void>;
  readonly free: number;
}

export function createSemaphore(capacity: number): Semaphore {
  let free = capacity;
  const waiting: { weight: number; resolve: (release: () => void) => void }[] = [];
  const releaseOf = (weight: number) => {
    let done = false;
    return () => {
      if (done) return;
      done = true;
      free += weight;
      wake();
    };
  };
  const wake = () => {
    while (waiting.length > 0 && waiting[0]!.weight <= free) {
      const next = waiting.shift()!;
      free -= next.weight;
      next.resolve(releaseOf(next.weight));
    }
  };
  return {
    get free() {
      return free;
    },
    acquire(weight = 1) {
      const bounded = Math.min(weight, capacity);
      return new Promise((resolve) => {
        waiting.push({ weight: bounded, resolve });
        wake();
      });
    },
  };
}
