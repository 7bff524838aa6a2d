// The HTTP server every service registers its routes at. It trusts no proxy headers, parses no bodies,
// matches encoded paths case-sensitively, and answers 404, 405 and unhandled errors as Mimir does.
//
// Closing: the listening socket closes at once, requests in flight finish (bounded by a time-out), and
// keep-alive connections end with the answer they carry.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import { type FastifyHttpOptions, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { compressAnswers } from './compression.ts';
import { sendPlainError } from './error-answer.ts';
import type { HttpSettings } from './http-settings.ts';
import { createMethodTable } from './method-table.ts';
import { measureRequests } from './request-metrics.ts';

/** Go's default limit of request headers: long queries come as GET. */
const HEADER_SIZE_MAX_BYTES = 1024 * 1024;
/** How often connections are looked at that have said nothing, or too little, for the read time-out. */
const TIMEOUT_CHECK_MIN_MS = 250;
const TIMEOUT_CHECK_MAX_MS = 5_000;
/** In which a client may read why its connection ends. */
const LINGER_MS = 1_000;
const CLIENT_ERRORS: ReadonlyMap<string, readonly [status: string, text: string]> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', ['408 Request Timeout', 'the request has not come in time']],
  ['HPE_HEADER_OVERFLOW', ['431 Request Header Fields Too Large', 'the headers are too large']],
]);
const PARAMETER_LENGTH_MAX = 16 * 1024;
/** A path that no route has. */
const NOWHERE = '/\u0000';

export interface HttpServerParts {
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

export function createHttpServer(settings: HttpSettings, parts: HttpServerParts): FastifyInstance {
  const server = fastify(optionsOf(settings, parts.clock));
  // Node.js exchanges this one's default, 60 s, with a shorter time for the whole request.
  server.server.headersTimeout = settings.readTimeoutMs;
  if (settings.connectionsMax > 0) server.server.maxConnections = settings.connectionsMax;
  server.removeAllContentTypeParsers();
  // Bodies stay on request.raw; see request-body.ts.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  measureRequests(server, parts);
  compressAnswers(server, settings.compressionLevel, parts.clock);
  answerErrors(server, parts.telemetry);
  answerUnknown(server);
  closeGracefully(server, settings.shutdownTimeoutMs, parts.clock);
  return server;
}

function optionsOf(settings: HttpSettings, clock: Clock): FastifyHttpOptions<Server> {
  const { pathPrefix } = settings;
  return {
    logger: false,
    trustProxy: false,
    requestIdHeader: false,
    genReqId: () => '',
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: settings.idleTimeoutMs,
    requestTimeout: settings.readTimeoutMs,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    // Routes have no schemas: what would compile them takes long to load.
    schemaController: {
      compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas },
    },
    routerOptions: { caseSensitive: true, maxParamLength: PARAMETER_LENGTH_MAX },
    http: {
      maxHeaderSize: HEADER_SIZE_MAX_BYTES,
      connectionsCheckingInterval: timeoutCheckMs(settings.readTimeoutMs),
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, clock),
    frameworkErrors: (error, _request, reply) => {
      sendPlainError(reply as FastifyReply, new WeirError('invalid', error.message));
    },
    ...(pathPrefix === '' ? {} : { rewriteUrl: (request) => inside(pathPrefix, request.url) }),
  };
}

/** What isn't HTTP, too large a header, or too slow: an answer, where one can be given, and the end. */
function answerClientError(
  error: Error & { readonly code?: string },
  socket: Socket,
  clock: Clock,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, text] = CLIENT_ERRORS.get(error.code ?? '') ?? ['400 Bad Request', error.message];
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${text}\n`;
  const type = 'content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff';
  const length = `content-length: ${Buffer.byteLength(body)}`;
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\n${type}\r\n${length}\r\n\r\n`;
  socket.end(head + body);
  // Not at once: what it still sends would have it reset, and the answer lost.
  const late = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => late.cancel());
}

function timeoutCheckMs(readTimeoutMs: number): number {
  return Math.min(TIMEOUT_CHECK_MAX_MS, Math.max(TIMEOUT_CHECK_MIN_MS, readTimeoutMs / 4));
}

function noSchemas(): never {
  throw new WeirError('internal', 'routes have no schemas');
}

/** Listens as the settings say; returns the port, which settings may leave to the system. */
export async function listen(server: FastifyInstance, settings: HttpSettings): Promise<number> {
  const host = settings.address === '' ? '0.0.0.0' : settings.address;
  await server.listen({ host, port: settings.port });
  const address = server.server.address();
  return typeof address === 'object' && address !== null ? address.port : settings.port;
}

function inside(prefix: string, url: string | undefined): string {
  const base = prefix.replace(/\/+$/, '');
  if (url?.startsWith(`${base}/`)) return url.slice(base.length);
  if (url === base || url?.startsWith(`${base}?`)) return `/${url.slice(base.length)}`;
  return NOWHERE;
}

function answerErrors(server: FastifyInstance, telemetry: Telemetry): void {
  server.setErrorHandler((error: unknown, request, reply) => {
    const answer = fromFramework(error);
    if (answer.status >= 500 && answer.kind === 'internal') {
      telemetry.log.error(
        { err: error, method: request.method, url: request.url },
        'request failed',
      );
    }
    return sendPlainError(reply, answer);
  });
}

/** Errors of the framework carry their status as `statusCode`. */
function fromFramework(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new WeirError('invalid', message, { status, cause: error });
  }
  return new WeirError('internal', message, { cause: error });
}

function answerUnknown(server: FastifyInstance): void {
  const table = createMethodTable();
  server.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) table.add(each, url);
  });
  server.setNotFoundHandler((request, reply) => {
    const [path = '/'] = request.url.split('?');
    const methods = table.methodsOf(path);
    if (methods.length > 0) {
      return reply.code(405).header('allow', methods.join(', ')).send();
    }
    return reply
      .code(404)
      .headers({
        'content-type': 'text/plain; charset=utf-8',
        'x-content-type-options': 'nosniff',
      })
      .send('404 page not found\n');
  });
}

function closeGracefully(server: FastifyInstance, timeoutMs: number, clock: Clock): void {
  let closing = false;
  server.addHook('preClose', (done) => {
    closing = true;
    clock.after(timeoutMs, () => server.server.closeAllConnections());
    done();
  });
  server.addHook('onRequest', (_request, reply, done) => {
    // Answers that had begun when closing started leave their connection idle: it ends then.
    reply.raw.once('close', () => {
      if (closing) server.server.closeIdleConnections();
    });
    done();
  });
  server.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
}
