// Gzip of answers for clients that accept it. Small bodies go as they are; a route opts out with
// `config: { compress: false }` (pushes, the internal read protocol).
import { pipeline, Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Bodies below this size gain nothing from compression. */
const SIZE_MIN_BYTES = 1024;
/** Bodies above this size are compressed off the main thread. */
const INLINE_MAX_BYTES = 16 * 1024;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False: never gzip the answers of this route. */
    readonly compress?: boolean;
  }
}

export function compressAnswers(server: FastifyInstance, level: number): void {
  if (level === 0) return;
  server.addHook('onSend', (request, reply, payload, done) => {
    if (!wanted(request, reply)) return done(null, payload);
    if (typeof payload === 'string' || payload instanceof Uint8Array) {
      const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
      if (body.byteLength < SIZE_MIN_BYTES) return done(null, payload);
      mark(reply);
      if (body.byteLength <= INLINE_MAX_BYTES) return done(null, gzipSync(body, { level }));
      return done(null, gzipStream(Readable.from([body]), level));
    }
    if (payload instanceof Readable) {
      mark(reply);
      return done(null, gzipStream(payload, level));
    }
    return done(null, payload);
  });
}

function wanted(request: FastifyRequest, reply: FastifyReply): boolean {
  if (request.routeOptions.config.compress === false) return false;
  if (reply.hasHeader('content-encoding') || reply.statusCode === 204) return false;
  return acceptsGzip(request.headers['accept-encoding']);
}

/** `gzip` is named in Accept-Encoding with a quality above zero. */
export function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  if (header === undefined) return false;
  const text = typeof header === 'string' ? header : header.join(',');
  return text.split(',').some((entry) => {
    const [coding, ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    if (coding !== 'gzip') return false;
    return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function mark(reply: FastifyReply): void {
  reply.header('content-encoding', 'gzip').header('vary', 'Accept-Encoding');
  reply.removeHeader('content-length');
}

function gzipStream(body: Readable, level: number): Readable {
  // An error of either side destroys both, and the server cuts the connection: the client sees it.
  return pipeline(body, createGzip({ level }), () => {});
}
