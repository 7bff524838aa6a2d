// Which thread a partition is pinned to, of threads that do nothing.
import { silentTelemetry } from '@weir/telemetry';
import { expect, it } from 'vitest';
import { createThreadWorkers } from './thread-workers.ts';

const idle = new URL('data:text/javascript,setInterval(() => {}, 1e6)');

it('names a number from any on for each thread that runs, and starts none', async () => {
  const settings = { url: idle, count: 3, startedAtOnce: 2 };
  const workers = createThreadWorkers(settings, { log: silentTelemetry().log });
  try {
    const pinned = workers.pinned(2 ** 30);
    expect(pinned.map((partition) => partition % 3)).toEqual([0, 1]);
    expect(Math.min(...pinned)).toBeGreaterThanOrEqual(2 ** 30);
    expect(workers.threadOf(pinned[1]!)).toBe(workers.threadOf(1));
    expect(workers.pinned(0)).toEqual([0, 1]);
    workers.hostOf(5);
    expect(workers.pinned(7)).toEqual([9, 10, 11]);
  } finally {
    await workers.close();
  }
});
