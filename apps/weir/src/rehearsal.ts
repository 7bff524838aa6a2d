// Rehearses queries once the process is ready (decision 0022), beside what it has to do: one step at a time, with a
// rest as long as it took, and nothing while the process is not ready. If it fails, first queries are slower.
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import { createRehearsal, type Ingester, type PartitionWorkers } from '@weir/ingester';
import { rehearse, rehearsedRequests, type ThreadedExecutor } from '@weir/querier';
import type { Clock } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';

/** How often to look whether the process is ready. */
const LOOK_EVERY_MS = 1500;

export interface RehearsingParts {
  readonly ingester: Pick<Ingester, 'readiness'>;
  readonly workers: PartitionWorkers;
  readonly executor: Pick<ThreadedExecutor, 'executeAt'>;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'log'>;
}

export interface Rehearsing {
  /** Resolves when nothing of it is left; also where it has ended. */
  stop(): Promise<void>;
}

export function startRehearsing(
  { dataDir }: { readonly dataDir: string },
  { ingester, workers, executor, clock, telemetry }: RehearsingParts,
): Rehearsing {
  const controller = new AbortController();
  const { signal } = controller;

  async function untilReady(): Promise<void> {
    while (!ingester.readiness().ready) await clock.sleep(LOOK_EVERY_MS, signal);
  }

  async function calmly(steps: AsyncIterable<void>): Promise<void> {
    let sinceMs = clock.steadyMs();
    for await (const _ of steps) {
      await clock.sleep(clock.steadyMs() - sinceMs, signal);
      await untilReady();
      sinceMs = clock.steadyMs();
    }
  }

  async function run(): Promise<void> {
    await untilReady();
    // What the process does first when it is ready is done by then.
    await clock.sleep(LOOK_EVERY_MS, signal);
    await untilReady();
    const startedMs = clock.steadyMs();
    const rehearsal = createRehearsal(workers, join(dataDir, 'rehearsal'));
    const owners = { owners: async () => rehearsal.owners };
    try {
      await calmly(rehearsal.fill());
      const requests = rehearsedRequests(rehearsal);
      await calmly(rehearse(requests, (one) => executor.executeAt(one, owners, signal)));
    } finally {
      await rehearsal.end();
    }
    telemetry.log.info(
      { tookMs: Math.round(clock.steadyMs() - startedMs) },
      'queries are rehearsed',
    );
  }

  const running = run().catch((error) => {
    if (!signal.aborted) telemetry.log.warn({ err: error }, 'queries are not rehearsed');
  });
  return {
    async stop() {
      controller.abort(new WeirError('canceled', 'the rehearsal is stopped'));
      await running;
    },
  };
}
