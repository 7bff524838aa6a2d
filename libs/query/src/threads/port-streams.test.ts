// Streams over a real MessageChannel: order, credits, cancellation, errors with their kinds.
import { MessageChannel } from 'node:worker_threads';
import { WeirError } from '@weir/errors';
import { systemClock } from '@weir/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import type { OwnerDirectory, ReadPort } from '../read-port.ts';
import { connectStreams, type StreamHandler, serveStreams } from './port-streams.ts';
import { connectReadOverPort, createRoutingReadPort, serveReadOverPort } from './read-over-port.ts';

const channels: MessageChannel[] = [];
const never = new AbortController().signal;

function connect(handler: StreamHandler) {
  const channel = new MessageChannel();
  channels.push(channel);
  serveStreams(channel.port1, handler);
  return connectStreams(channel.port2, () => new WeirError('unavailable', 'gone'));
}

/** Lets messages cross the channel in both directions. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await systemClock.yield();
}

afterEach(() => {
  for (const { port1 } of channels.splice(0)) port1.close();
});

describe('streams over a port', () => {
  it('arrive whole and in order, many at once', async () => {
    const streams = connect({
      async *open(request) {
        for (let at = 0; at < 20; at++) yield Uint8Array.of(request as number, at);
      },
    });
    const read = async (id: number) => {
      const got: number[] = [];
      for await (const [from, at] of streams.open(id, never)) {
        expect(from).toBe(id);
        got.push(at!);
      }
      return got;
    };
    const wanted = Array.from({ length: 20 }, (_, at) => at);
    expect(await Promise.all([read(1), read(2), read(3)])).toEqual([wanted, wanted, wanted]);
    expect(streams.active).toBe(0);
  });

  it('do not run ahead of a slow reader by more than the window', async () => {
    let made = 0;
    const streams = connect({
      async *open() {
        for (; made < 100; made++) yield Uint8Array.of(made);
      },
    });
    const stream = streams.open(null, never);
    await stream.next();
    await settle();
    expect(made).toBeLessThanOrEqual(8);
    await stream.return(undefined);
  });

  it('are cancelled when the reader leaves or aborts', async () => {
    const reasons: unknown[] = [];
    const streams = connect({
      async *open(_request, signal) {
        yield Uint8Array.of(1);
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            reasons.push((signal.reason as WeirError).kind);
            resolve();
          });
        });
      },
    });
    const left = streams.open(null, never);
    await left.next();
    await left.return(undefined);
    const controller = new AbortController();
    const aborted = streams.open(null, controller.signal);
    await aborted.next();
    const waiting = aborted.next();
    controller.abort(new WeirError('timeout', 'too long'));
    await expect(waiting).rejects.toThrow('too long');
    await settle();
    expect(reasons).toEqual(['canceled', 'canceled']);
  });

  it('are cancelled at once on abort, though nobody asks them for another message', async () => {
    let cancelled = false;
    const streams = connect({
      async *open(_request, signal) {
        signal.addEventListener('abort', () => {
          cancelled = true;
        });
        yield Uint8Array.of(1);
        await new Promise(() => {});
      },
    });
    const controller = new AbortController();
    const stream = streams.open(null, controller.signal);
    await stream.next();
    controller.abort(new WeirError('canceled', 'gone'));
    await settle();
    expect(cancelled).toBe(true);
    expect(streams.active).toBe(0);
  });

  it('carry errors with kind and status', async () => {
    const streams = connect({
      async *open() {
        yield Uint8Array.of(1);
        throw new WeirError('invalid', 'bad thing', { status: 422 });
      },
      call: async () => {
        throw new WeirError('unavailable', 'no owner');
      },
    });
    const read = async () => {
      for await (const bytes of streams.open(null, never)) expect([...bytes]).toEqual([1]);
    };
    await expect(read()).rejects.toMatchObject({
      kind: 'invalid',
      status: 422,
      message: 'bad thing',
    });
    await expect(streams.call('t')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('end in an error when the other side is gone', async () => {
    const streams = connect({
      async *open() {
        yield Uint8Array.of(1);
        await new Promise(() => {});
      },
    });
    const stream = streams.open(null, never);
    await stream.next();
    const waiting = stream.next();
    channels[0]!.port1.close();
    await expect(waiting).rejects.toThrow('gone');
    await expect(streams.open(null, never).next()).rejects.toThrow('gone');
  });
});

describe('reads over a port', () => {
  it('reach the owner of their partitions', async () => {
    const owner = (name: number): ReadPort => ({
      async *read(request) {
        yield Uint8Array.of(name, ...request.partitions);
      },
    });
    const directory: OwnerDirectory = {
      owners: async () => [
        { port: owner(7), partitions: [0, 2] },
        { port: owner(8), partitions: [1] },
      ],
    };
    const channel = new MessageChannel();
    channels.push(channel);
    serveReadOverPort(channel.port1, createRoutingReadPort(directory));
    const remote = connectReadOverPort(channel.port2);
    const request = { kind: 'select', tenant: 't', matchers: [], minT: 0, maxT: 1 } as const;
    const got: number[][] = [];
    for (const { port, partitions } of await remote.owners('t')) {
      for await (const bytes of port.read({ ...request, partitions }, never)) got.push([...bytes]);
    }
    expect(got).toEqual([
      [7, 0, 2],
      [8, 1],
    ]);
    const moved = remote.read({ ...request, partitions: [0] }, never)[Symbol.asyncIterator]();
    await expect(moved.next()).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('reach who was named, when partitions have moved or nobody has them any more', async () => {
    const owner = (name: number): ReadPort => ({
      async *read() {
        yield Uint8Array.of(name);
      },
    });
    let owners = [{ port: owner(7), partitions: [0, 1] }];
    let failure: WeirError | undefined;
    const routing = createRoutingReadPort({
      async owners() {
        if (failure) throw failure;
        return owners;
      },
    });
    const request = { kind: 'select', tenant: 't', matchers: [], minT: 0, maxT: 1 } as const;
    const read = async (partitions: readonly number[]) => {
      for await (const [name] of routing.read({ ...request, partitions }, never)) return name;
      return undefined;
    };
    await expect(read([1])).rejects.toThrow('partitions have changed owners');
    await routing.owners('t');
    owners = [
      { port: owner(8), partitions: [0] },
      { port: owner(9), partitions: [1] },
    ];
    expect([await read([0, 1]), await read([1])]).toEqual([7, 9]);
    failure = new WeirError('unavailable', 'partition 1 has no healthy owner');
    expect(await read([0, 1])).toBe(7);
    await expect(read([0])).rejects.toThrow('no healthy owner');
    failure = undefined;
    // Only so many are kept: the oldest go.
    for (let at = 0; at < 256; at++) {
      owners = [{ port: owner(at), partitions: [at + 2] }];
      await routing.owners('t');
    }
    owners = [];
    expect(await read([2])).toBe(0);
    await expect(read([0, 1])).rejects.toThrow('partitions have changed owners');
  });
});
