// Owners whose answers must be fresh enough: every read that goes to one of them says what it must have
// applied. Which owner is asked doesn't matter then: one that took a partition over in between waits, too.
import type { OwnerDirectory, ReadPort } from './read-port.ts';

export interface ReadDemand {
  /** By partition, the next offset that its owner must have come to; others need nothing. */
  readonly positions?: ReadonlyMap<number, number>;
  /** How far behind the log an answer may be, ms. */
  readonly delayMaxMs?: number;
}

export function demandOf(directory: OwnerDirectory, demand: ReadDemand): OwnerDirectory {
  return {
    get changedMs() {
      return directory.changedMs!;
    },
    async owners(tenant) {
      const owners = await directory.owners(tenant);
      return owners.map(({ port, partitions }) => ({
        port: demandingPort(port, demand),
        partitions,
      }));
    },
  };
}

function demandingPort(port: ReadPort, { positions, delayMaxMs }: ReadDemand): ReadPort {
  return {
    read: (request, signal) =>
      port.read(
        {
          ...request,
          ...(positions !== undefined && {
            positions: request.partitions.map((partition) => positions.get(partition) ?? 0),
          }),
          ...(delayMaxMs !== undefined && { delayMaxMs }),
        },
        signal,
      ),
  };
}
