// The read protocol between threads: an owner directory and its read ports behind one MessagePort.
// A read names its partitions, so the serving side finds the owner by them; nothing has to be kept
// between the two calls.
import { WeirError } from '@weir/errors';
import type { OwnerDirectory, ReadPort, ReadRequest } from '../read-port.ts';
import type { ThreadPort } from './message-port.ts';
import { connectStreams, serveStreams } from './port-streams.ts';

/** Serves reads on a port; with an owner directory also the question who owns what. */
export function serveReadOverPort(port: ThreadPort, handler: ReadPort & Partial<OwnerDirectory>) {
  serveStreams(port, {
    open: (request, signal) => handler.read(request as ReadRequest, signal),
    async call(tenant) {
      if (!handler.owners) throw new WeirError('internal', 'this port knows no owners');
      const owners = await handler.owners(tenant as string);
      return owners.map(({ partitions }) => partitions);
    },
  });
}

/** The other end: reads go through the port, and every owner is reached through it. */
export function connectReadOverPort(port: ThreadPort): ReadPort & OwnerDirectory & Closable {
  const streams = connectStreams(
    port,
    () => new WeirError('unavailable', 'the thread that reads partitions has stopped'),
  );
  const readPort: ReadPort = { read: (request, signal) => streams.open(request, signal) };
  return {
    ...readPort,
    async owners(tenant) {
      const owners = (await streams.call(tenant)) as readonly (readonly number[])[];
      return owners.map((partitions) => ({ port: readPort, partitions }));
    },
    close: () => streams.close(),
  };
}

interface Closable {
  close(): void;
}

/** Groups of partitions that were named and may still be asked for. */
const NAMED_MAX = 256;

/**
 * A directory as one read port: a request goes to the owner that has exactly its partitions; where they have
 * moved since it was named, to the one that was named, which answers for a moment more or says that it doesn't.
 */
export function createRoutingReadPort(directory: OwnerDirectory): ReadPort & OwnerDirectory {
  const named = new Map<string, ReadPort>();

  async function ownersOf(tenant: string) {
    const owners = await directory.owners(tenant);
    for (const { partitions, port } of owners) {
      const group = partitions.join();
      // The newest last.
      named.delete(group);
      named.set(group, port);
    }
    for (const group of named.keys()) {
      if (named.size <= NAMED_MAX) break;
      named.delete(group);
    }
    return owners;
  }

  return {
    get changedMs() {
      return directory.changedMs!;
    },
    owners: ownersOf,
    async *read(request, signal) {
      const wanted = request.partitions.join();
      const before = named.get(wanted);
      const owners = await directory.owners(request.tenant).catch((error: unknown) => {
        if (before === undefined) throw error;
        return [];
      });
      const owner = owners.find(({ partitions }) => partitions.join() === wanted);
      const port = owner?.port ?? before;
      if (!port) throw new WeirError('unavailable', 'partitions have changed owners, try again');
      yield* port.read(request, signal);
    },
  };
}
