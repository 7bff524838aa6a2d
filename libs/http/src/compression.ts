// Answers are compressed for clients that accept it. Small bodies go as they are; a route opts out with
// `config: { compress: false }` (pushes, the internal read protocol).
import { pipeline, Readable, type Transform } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import type { Clock } from '@weir/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Coding, wantedCoding } from './accept-encoding.ts';
import { createZstdCompressor } from './zstd-answers.ts';

/** Bodies below this size gain nothing from compression. */
const SIZE_MIN_BYTES = 1024;
/** Bodies above this size are compressed off the main thread, or in steps. */
const INLINE_MAX_BYTES = 16 * 1024;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False: never compress the answers of this route. */
    readonly compress?: boolean;
  }
}

interface Compressor {
  whole(body: Uint8Array): Uint8Array;
  stream(): Transform;
}

export function compressAnswers(server: FastifyInstance, level: number, clock: Clock): void {
  if (level === 0) return;
  const zstd = createZstdCompressor(level, clock);
  const compressors: Readonly<Record<Coding, Compressor>> = {
    gzip: {
      whole: (body) => gzipSync(body, { level }),
      stream: () => createGzip({ level }),
    },
    zstd,
  };
  // Of what a client likes equally, what takes less CPU; Zstandard is a third smaller either way.
  const codings: readonly Coding[] = zstd.native ? ['zstd', 'gzip'] : ['gzip', 'zstd'];
  server.addHook('onSend', (request, reply, payload, done) => {
    if (!isOpen(request, reply)) return done(null, payload);
    addVary(reply);
    const { coding, refusesPlain } = wantedCoding(request.headers['accept-encoding'], codings);
    if (coding === undefined) return done(null, payload);
    if (typeof payload === 'string' || payload instanceof Uint8Array) {
      const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
      const sizeMin = refusesPlain ? 1 : SIZE_MIN_BYTES;
      if (body.byteLength < sizeMin) return done(null, payload);
      mark(reply, coding);
      if (body.byteLength <= INLINE_MAX_BYTES) return done(null, compressors[coding].whole(body));
      return done(null, through(Readable.from([body]), compressors[coding]));
    }
    if (payload instanceof Readable) {
      mark(reply, coding);
      return done(null, through(payload, compressors[coding]));
    }
    return done(null, payload);
  });
}

function isOpen(request: FastifyRequest, reply: FastifyReply): boolean {
  if (request.routeOptions.config.compress === false) return false;
  return !reply.hasHeader('content-encoding') && reply.statusCode !== 204;
}

/** Caches keep answers by what was accepted, those that go as they are, too. */
function addVary(reply: FastifyReply): void {
  const others = reply.getHeader('vary');
  reply.header('vary', others === undefined ? 'Accept-Encoding' : `${others}, Accept-Encoding`);
}

function mark(reply: FastifyReply, coding: Coding): void {
  reply.header('content-encoding', coding);
  reply.removeHeader('content-length');
}

function through(body: Readable, compressor: Compressor): Readable {
  // An error of either side destroys both, and the server cuts the connection: the client sees it.
  return pipeline(body, compressor.stream(), () => {});
}
