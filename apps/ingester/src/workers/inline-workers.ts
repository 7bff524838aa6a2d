// Partition workers in this thread: for tests and the simulation, which pass their own store, clock and
// ULIDs. The code is the threads'; only the transport differs.
import { createPartitionHost } from '../worker/host.ts';
import type { HostParts } from '../worker/hosted-partition.ts';
import type { PartitionWorkers } from './partition-host.ts';

export function createInlineWorkers(parts: HostParts): PartitionWorkers {
  const host = createPartitionHost(parts);
  return {
    hostOf: () => host,
    threadOf: () => undefined,
    pinned: (first) => [first],
    close: async () => {},
  };
}
