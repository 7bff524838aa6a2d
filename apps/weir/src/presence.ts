// A process without an ingester tells the cluster that it is there, for the ring pages: nothing depends on it.
// An ingester tells of itself.
import type { Cluster, InstanceEntry } from '@weir/cluster';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { Service } from './services.ts';

export interface PresenceSettings extends Pick<InstanceEntry, 'address' | 'zone' | 'targets'> {
  readonly id: string;
  readonly heartbeatPeriodMs: number;
}

export function presenceService(
  { heartbeatPeriodMs, ...instance }: PresenceSettings,
  { cluster, clock, log }: { cluster: Cluster; clock: Clock; log: Logger },
): Service {
  const stopping = new AbortController();
  let registeredMs = 0;
  let beating = Promise.resolve();

  const entry = (): InstanceEntry => ({
    ...{ kind: 'instance', ...instance, registeredMs, heartbeatMs: clock.nowMs() },
  });

  async function beat(): Promise<void> {
    while (!stopping.signal.aborted) {
      await cluster
        .put(entry())
        .catch((error) => log.warn({ err: error }, 'heartbeat not told to the cluster'));
      await clock.sleep(heartbeatPeriodMs, stopping.signal).catch(() => undefined);
    }
  }

  return {
    name: 'presence',
    async start() {
      registeredMs = clock.nowMs();
      beating = beat();
    },
    async stop() {
      stopping.abort();
      await beating;
      await cluster.remove(entry());
    },
  };
}
