// Compressed answers over a real socket: both codings, whole and streamed; what caches are told; and that a client which
// leaves ends the body.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { defaultsOf } from '@weir/config';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { zstdDecompress } from '@weir/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer, listen } from './http-server.ts';
import { httpFlags } from './http-settings.ts';
import { createZstdCompressor } from './zstd-answers.ts';

const SETTINGS = { ...defaultsOf(httpFlags), address: '127.0.0.1', port: 0 };
const ROWS = Array.from({ length: 60_000 }, (_, at) => `[${1_763_700_000 + at},"${at * 7}"]`);
const LARGE = ROWS.join();
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function startServer() {
  const server = createHttpServer(SETTINGS, { telemetry: silentTelemetry(), clock: systemClock });
  open.push(server);
  server.get('/large', async () => LARGE);
  server.get('/middle', async () => LARGE.slice(0, 5000));
  server.get('/small', async (_, reply) => reply.header('vary', 'Origin').send('small'));
  server.get('/raw', { config: { compress: false } }, async () => LARGE);
  server.get('/streamed', async (_, reply) =>
    reply.send(
      Readable.from(
        ROWS.map((row) => `${row},`),
        { objectMode: false },
      ),
    ),
  );
  const left = new AbortController();
  server.get('/endless', async (_, reply) => {
    async function* rows() {
      try {
        for (let at = 0; ; at++) {
          yield Buffer.from(`${Math.sin(at)}`.repeat(1000));
          await systemClock.yield();
        }
      } finally {
        left.abort();
      }
    }
    return reply.send(Readable.from(rows(), { objectMode: false }));
  });
  return { port: await listen(server, SETTINGS), left: left.signal };
}

async function ask(port: number, path: string, coding: string): Promise<IncomingMessage> {
  const headers = { 'accept-encoding': coding };
  const request = get({ port, path, host: '127.0.0.1', headers, agent: false });
  return (await once(request, 'response'))[0] as IncomingMessage;
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const coding = answer.headers['content-encoding'];
  if (coding === 'gzip') return gunzipSync(body).toString();
  return coding === 'zstd' ? unzstd(body) : body.toString();
}

function unzstd(body: Uint8Array): string {
  const bound = { sizeMaxBytes: 1e8, tooLarge: () => new Error('too large') as never };
  for (const steps = zstdDecompress(body, bound); ; ) {
    const { done, value } = steps.next();
    if (done) return Buffer.from(value).toString();
  }
}

describe('compressed answers', () => {
  it.each([
    ['gzip', '/large', LARGE],
    ['zstd', '/large', LARGE],
    ['gzip', '/middle', LARGE.slice(0, 5000)],
    ['zstd', '/middle', LARGE.slice(0, 5000)],
    ['gzip', '/streamed', `${LARGE},`],
    ['zstd', '/streamed', `${LARGE},`],
  ])('come as %s from %s', async (coding, path, text) => {
    const { port } = await startServer();
    for (let time = 0; time < 2; time++) {
      const answer = await ask(port, path, coding);
      expect(answer.headers['content-encoding']).toBe(coding);
      expect(answer.headers.vary).toBe('Accept-Encoding');
      expect(await bodyOf(answer)).toBe(text);
    }
  });

  it('come one beside another', async () => {
    const { port } = await startServer();
    const both = ['/streamed', '/large', '/streamed'].map(async (path) =>
      (await bodyOf(await ask(port, path, 'zstd'))).slice(0, LARGE.length),
    );
    expect(await Promise.all(both)).toEqual([LARGE, LARGE, LARGE]);
  });

  it('say that they vary also where they go as they are', async () => {
    const { port } = await startServer();
    const small = await ask(port, '/small', 'gzip');
    expect(small.headers).toMatchObject({ vary: 'Origin, Accept-Encoding', 'content-length': '5' });
    expect(small.headers['content-encoding']).toBeUndefined();
    const plain = await ask(port, '/large', 'br');
    expect([plain.headers.vary, await bodyOf(plain)]).toEqual(['Accept-Encoding', LARGE]);
    const raw = await ask(port, '/raw', 'gzip');
    expect([raw.headers.vary, await bodyOf(raw)]).toEqual([undefined, LARGE]);
    await bodyOf(small);
  });

  it('are small ones, too, for whoever takes nothing else', async () => {
    const { port } = await startServer();
    for (const coding of ['gzip', 'zstd']) {
      const answer = await ask(port, '/small', `${coding}, identity;q=0`);
      expect(answer.headers['content-encoding']).toBe(coding);
      expect(await bodyOf(answer)).toBe('small');
    }
  });

  it.each(['gzip', 'zstd', 'identity'])('end when the client leaves: %s', async (coding) => {
    const { port, left } = await startServer();
    const answer = await ask(port, '/endless', coding);
    // It comes while it is made.
    await once(answer, 'data');
    const ended = once(left, 'abort');
    answer.destroy();
    await ended;
  });

  it("are Node.js's where it has Zstandard", () => {
    const seen: unknown[] = [];
    const node = {
      constants: { ZSTD_c_compressionLevel: 100 },
      createZstdCompress: () => new Readable() as never,
      zstdCompressSync: (body: Uint8Array, options: unknown) => {
        seen.push(options);
        return body;
      },
    };
    const zstd = createZstdCompressor(3, systemClock, node);
    expect([zstd.native, zstd.whole(Buffer.from('a')).length]).toEqual([true, 1]);
    expect(seen).toEqual([{ params: { 100: 3 } }]);
    expect(createZstdCompressor(3, systemClock, { constants: {} }).native).toBe(false);
  });
});
