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

/** A directory as one read port: a request goes to the owner that has exactly its partitions. */
export function createRoutingReadPort(directory: OwnerDirectory): ReadPort & OwnerDirectory {
  return {
    owners: (tenant) => directory.owners(tenant),
    async *read(request, signal) {
      const wanted = request.partitions.join();
      const owners = await directory.owners(request.tenant);
      const owner = owners.find(({ partitions }) => partitions.join() === wanted);
      if (!owner) throw new WeirError('unavailable', 'partitions have changed owners, try again');
      yield* owner.port.read(request, signal);
    },
  };
}
