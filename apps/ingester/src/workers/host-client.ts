// The partition host's calls over a port, and their server. Record values move to the worker by transfer
// where they are alone in their buffer (records handed out by a log belong to the consumer).

import type { MessagePort } from 'node:worker_threads';
import { WeirError } from '@weir/errors';
import type { ReadRequest, ReadThread } from '@weir/query';
import {
  type StreamClient,
  serveReadOverPort,
  serveStreams,
  type ThreadPort,
  transferable,
} from '@weir/query/threads';
import type { ApplyBatch, PartitionHost } from './partition-host.ts';

type CallName = Exclude<keyof PartitionHost, 'read' | 'snapshot'>;
type CallArgs<Name extends CallName> = Parameters<PartitionHost[Name]>[0];
type CallResult<Name extends CallName> = Awaited<ReturnType<PartitionHost[Name]>>;

const CALLS: Readonly<Record<CallName, true>> = {
  open: true,
  quarantine: true,
  restore: true,
  endRestore: true,
  start: true,
  markShipped: true,
  apply: true,
  checkpoint: true,
  cut: true,
  drop: true,
  deleteBlocks: true,
  stats: true,
  activity: true,
  close: true,
};

interface Call {
  readonly name: CallName;
  readonly args: unknown;
}

/** What asks for a stream that is not an answer of the read protocol. */
interface SnapshotRequest {
  readonly snapshotOf: { readonly partition: number; readonly topicId: string };
}

/** Reads are to be answered at another port, too. */
interface AnswerAt {
  readonly answerAt: MessagePort;
}

export function createReadThread(streams: StreamClient): ReadThread {
  return {
    async answerAt(port) {
      await streams.call({ answerAt: port } satisfies AnswerAt, [port]);
    },
  };
}

export function createHostClient(streams: StreamClient): PartitionHost {
  const call =
    <Name extends CallName>(name: Name) =>
    (args: CallArgs<Name>) =>
      streams.call({ name, args } satisfies Call) as Promise<CallResult<Name>>;
  return {
    open: call('open'),
    quarantine: call('quarantine'),
    snapshot: (snapshotOf, signal) =>
      streams.open({ snapshotOf } satisfies SnapshotRequest, signal),
    restore(args) {
      const [bytes, transfer] = transferable(args.bytes);
      const call: Call = { name: 'restore', args: { ...args, bytes } };
      return streams.call(call, transfer) as Promise<void>;
    },
    endRestore: call('endRestore'),
    start: call('start'),
    markShipped: call('markShipped'),
    apply(batch) {
      const [moved, transfer] = movable(batch);
      const call: Call = { name: 'apply', args: moved };
      return streams.call(call, transfer) as Promise<CallResult<'apply'>>;
    },
    checkpoint: call('checkpoint'),
    cut: call('cut'),
    drop: call('drop'),
    deleteBlocks: call('deleteBlocks'),
    stats: call('stats'),
    activity: call('activity'),
    close: call('close'),
    read: (request, signal) => streams.open(request, signal),
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
export function serveHost(port: ThreadPort, host: PartitionHost): void {
  serveStreams(port, {
    async call(request) {
      const asked = request as Call | AnswerAt;
      if ('answerAt' in asked) return serveReadOverPort(asked.answerAt, host);
      const { name, args } = asked;
      if (!Object.hasOwn(CALLS, name)) {
        throw new WeirError('internal', `partition host has no call ${name}`);
      }
      const handler = host[name] as (args: unknown) => Promise<unknown>;
      return handler(args);
    },
    open(request, signal) {
      const asked = request as ReadRequest | SnapshotRequest;
      if ('snapshotOf' in asked) return host.snapshot(asked.snapshotOf, signal);
      return host.read(asked, signal);
    },
  });
}
