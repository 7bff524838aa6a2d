// Cluster state inside one process: the same fold as on Kafka, over a log in memory.
import { createMemoryLog } from '@weir/log/memory';
import type { Clock, Random } from '@weir/runtime';
import { silentTelemetry, type Telemetry } from '@weir/telemetry';
import type { Cluster } from '../cluster.ts';
import { openLogCluster } from '../log-cluster.ts';

export interface MemoryClusterParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry?: Telemetry;
}

export async function createMemoryCluster(parts: MemoryClusterParts): Promise<Cluster> {
  const { telemetry = silentTelemetry() } = parts;
  const clusterLog = createMemoryLog({ partitions: 1 }, parts);
  return await openLogCluster({ clusterLog, log: telemetry.log });
}
