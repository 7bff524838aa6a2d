// The partition host's calls over RPC, and their server. Record values move to the worker by transfer
// where they are alone in their buffer (records handed out by a log belong to the consumer).

import { WeirError } from '@weir/errors';
import type { ReadRequest } from '@weir/query';
import type { ApplyBatch, PartitionHost } from './partition-host.ts';
import { type RpcClient, type RpcPort, serveRpc, transferable } from './rpc.ts';

type CallName = Exclude<keyof PartitionHost, 'read'>;
type CallArgs<Name extends CallName> = Parameters<PartitionHost[Name]>[0];
type CallResult<Name extends CallName> = Awaited<ReturnType<PartitionHost[Name]>>;

const CALLS: Readonly<Record<CallName, true>> = {
  open: true,
  quarantine: true,
  start: true,
  markShipped: true,
  apply: true,
  checkpoint: true,
  cut: true,
  drop: true,
  deleteBlocks: true,
  stats: true,
  close: true,
};

export function createHostClient(client: RpcClient): PartitionHost {
  const call =
    <Name extends CallName>(name: Name) =>
    (args: CallArgs<Name>) =>
      client.call(name, args) as Promise<CallResult<Name>>;
  return {
    open: call('open'),
    quarantine: call('quarantine'),
    start: call('start'),
    markShipped: call('markShipped'),
    apply(batch) {
      const [moved, transfer] = movable(batch);
      return client.call('apply', moved, transfer) as Promise<CallResult<'apply'>>;
    },
    checkpoint: call('checkpoint'),
    cut: call('cut'),
    drop: call('drop'),
    deleteBlocks: call('deleteBlocks'),
    stats: call('stats'),
    close: call('close'),
    read: (request, signal) => client.stream('read', request, signal),
  };
}

function movable(batch: ApplyBatch): [ApplyBatch, ArrayBuffer[]] {
  const buffers = new Set<ArrayBuffer>();
  const records = batch.records.map((record) => {
    const [value, transfer] = transferable(record.value);
    for (const buffer of transfer) buffers.add(buffer);
    return { ...record, value };
  });
  return [{ ...batch, records }, [...buffers]];
}

/** Serves a host at a port; for the worker's side. */
export function serveHost(port: RpcPort, host: PartitionHost): void {
  serveRpc(port, {
    call(method, args) {
      if (!Object.hasOwn(CALLS, method)) {
        throw new WeirError('internal', `partition host has no call ${method}`);
      }
      const handler = host[method as CallName] as (args: unknown) => Promise<unknown>;
      return handler(args);
    },
    stream: (_method, args, signal) => host.read(args as ReadRequest, signal),
  });
}
