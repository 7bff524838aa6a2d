// Client and server of the read protocol over a real loopback connection.
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createHttpServer, type HttpServer, httpFlags, listen } from '@weir/http';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReadPort, ReadRequest } from '../read-port.ts';
import { createHttpReadPort, createReadAgent } from './http-read-port.ts';
import { parseReadRequest, readRoutes } from './read-routes.ts';

const never = new AbortController().signal;
const request: ReadRequest = {
  kind: 'select',
  tenant: 't',
  matchers: [{ name: 'a', op: '=~', value: 'ü.*' }],
  minT: -5,
  maxT: 5,
  partitions: [0, 3],
};
const agent = createReadAgent();
const servers: HttpServer[] = [];

async function serve(read: ReadPort['read']): Promise<ReadPort> {
  const settings = { ...defaultsOf(httpFlags), address: '127.0.0.1', port: 0 };
  const server = createHttpServer(settings, { telemetry: silentTelemetry(), clock: systemClock });
  servers.push(server);
  readRoutes(server, { read });
  return createHttpReadPort(`127.0.0.1:${await listen(server, settings)}`, { agent });
}

async function collect(port: ReadPort): Promise<Uint8Array[]> {
  const got: Uint8Array[] = [];
  for await (const message of port.read(request, never)) got.push(message);
  return got;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

describe('reads over HTTP', () => {
  it('carry the request and all messages, small and large', async () => {
    let seen: ReadRequest | undefined;
    const messages = [new Uint8Array(0), Uint8Array.of(1), new Uint8Array(3_000_000).fill(7)];
    const port = await serve(async function* (asked) {
      seen = asked;
      yield* messages;
    });
    const got = await collect(port);
    expect(seen).toEqual(request);
    expect(got.map((message) => message.length)).toEqual([0, 1, 3_000_000]);
    expect(Buffer.compare(got[2]!, messages[2]!)).toBe(0);
  });

  it('keep the kind of an error before the first message', async () => {
    const port = await serve(() => {
      throw new WeirError('fenced', 'not mine any more');
    });
    await expect(collect(port)).rejects.toMatchObject({
      kind: 'fenced',
      message: 'not mine any more',
    });
  });

  it('end in a retriable error when the answer breaks off, or nobody listens', async () => {
    const port = await serve(async function* () {
      yield Uint8Array.of(1);
      throw new WeirError('corrupt', 'bad page');
    });
    await expect(collect(port)).rejects.toMatchObject({ kind: 'unavailable' });
    const nobody = createHttpReadPort('127.0.0.1:1', { agent });
    await expect(collect(nobody)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('stop the server when the reader leaves or aborts', async () => {
    const stopped: (() => void)[] = [];
    const port = await serve(async function* (_asked, signal) {
      signal.addEventListener('abort', () => stopped.shift()!());
      for (;;) {
        yield new Uint8Array(100_000);
        await systemClock.yield();
      }
    });
    for (const how of ['leave', 'abort'] as const) {
      const gone = new Promise<void>((resolve) => stopped.push(resolve));
      const controller = new AbortController();
      const read = async () => {
        for await (const message of port.read(request, controller.signal)) {
          expect(message.length).toBe(100_000);
          if (how === 'leave') return;
          controller.abort(new WeirError('timeout', 'too long'));
        }
      };
      if (how === 'leave') await read();
      else await expect(read()).rejects.toThrow('too long');
      await gone;
    }
  });
});

describe('read requests', () => {
  it('are refused when something is missing or of another type', () => {
    const parse = (value: unknown) => parseReadRequest(Buffer.from(JSON.stringify(value)));
    expect(parse(request)).toEqual(request);
    for (const wrong of [
      null,
      [],
      { ...request, kind: 'drop' },
      { ...request, tenant: 1 },
      { ...request, minT: '0' },
      { ...request, partitions: [0.5] },
      { ...request, matchers: [{ name: 'a', op: '~', value: '' }] },
      { ...request, kind: 'labelValues' },
    ]) {
      expect(() => parse(wrong)).toThrow('read request lacks a field');
    }
    expect(() => parseReadRequest(Buffer.from('{'))).toThrow('not JSON');
  });
});
