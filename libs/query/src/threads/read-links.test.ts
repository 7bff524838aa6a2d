// Links between threads, here within one: what is read directly, what goes through the main thread, and that
// it learns of damage.
import type { MessagePort } from 'node:worker_threads';
import { WeirError } from '@weir/errors';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReadPort, ReadRequest, ReadThread } from '../read-port.ts';
import { ReadLinkEnds, ReadLinks } from './read-links.ts';
import { serveReadOverPort } from './read-over-port.ts';

const NEVER = new AbortController().signal;
const REQUEST: ReadRequest = {
  ...{ kind: 'select', tenant: 't', matchers: [], minT: 0, maxT: 1, partitions: [0] },
};
const open: MessagePort[] = [];

function saying(name: string, log: string[], failure?: WeirError): ReadPort {
  return {
    async *read() {
      log.push(name);
      yield Buffer.from(name);
      if (failure !== undefined) throw failure;
    },
  };
}

function setUp(failure?: WeirError) {
  const log: string[] = [];
  const ends = new ReadLinkEnds(saying('relay', log, failure));
  const thread: ReadThread = {
    async answerAt(port) {
      open.push(port);
      serveReadOverPort(port, saying('direct', log, failure));
    },
  };
  const links = new ReadLinks(async (link) => {
    open.push(link.port);
    ends.take(link);
  });
  return { log, ends, links, thread };
}

async function read(port: ReadPort): Promise<string[]> {
  const messages: string[] = [];
  for await (const message of port.read(REQUEST, NEVER)) messages.push(`${Buffer.from(message)}`);
  return messages;
}

afterEach(() => {
  for (const port of open.splice(0)) port.close();
});

describe('read links', () => {
  it('are made once a thread, and read without the main thread', async () => {
    const { log, ends, links, thread } = setUp();
    const [first, second] = await Promise.all([links.to(thread), links.to(thread)]);
    expect(second).toBe(first);
    expect(await links.to({ ...thread })).not.toBe(first);
    expect(await read(ends.portOf(first))).toEqual(['direct']);
    expect(log).toEqual(['direct']);
  });

  it('give way to the main thread where there is none, and when the thread has ended', async () => {
    const { ends, links, thread } = setUp();
    expect(await read(ends.portOf(undefined))).toEqual(['relay']);
    const link = await links.to(thread);
    const closed = new Promise((resolve) => open[1]!.on('close', () => resolve(undefined)));
    open[0]!.close();
    await closed;
    expect(await read(ends.portOf(link))).toEqual(['relay']);
  });

  it('let the main thread meet the damage that a direct read met, and nothing else', async () => {
    for (const [kind, seen] of [
      ['corrupt', ['direct', 'relay']],
      ['unavailable', ['direct']],
    ] as const) {
      const { log, ends, links, thread } = setUp(new WeirError(kind, 'so it is'));
      const port = ends.portOf(await links.to(thread));
      await expect(read(port)).rejects.toMatchObject({ kind, message: 'so it is' });
      expect(log).toEqual(seen);
    }
  });
});
