// OTLP metrics over gRPC: the MetricsService with one method, on a port of its own, straight on HTTP/2. Libraries
// hand over a message when all of it is in memory and unpacked; here it is counted into what is in flight as it
// comes, so that load is shed before memory grows. Rules and answers are the receiver's, as for HTTP; only
// the form of an error differs.
//
// Without TLS, as collectors beside it send; whoever needs TLS terminates it before.
import { once } from 'node:events';
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { encodeExportResponse, encodeRetryInfo, encodeStatus } from '@weir/wire';
import type { Inflight, InflightShare } from '../inflight.ts';
import { checkGrpcSize, type GrpcMessage, readGrpcMessage } from './grpc-message.ts';
import {
  CANCELLED,
  DEADLINE_EXCEEDED,
  encodeGrpcMessage,
  GrpcError,
  parseGrpcTimeout,
  RESOURCE_EXHAUSTED,
  UNIMPLEMENTED,
} from './grpc-status.ts';
import type { OtlpAnswer, OtlpReceiver } from './otlp-receiver.ts';
import { STRATEGY_HEADER, SUFFIXES_HEADER } from './otlp-translation.ts';

const METHOD = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
/** Where gRPC clients find RetryInfo; some repeat what a limit refused only with it. Python's look in the second. */
const DETAILS = 'grpc-status-details-bin';
const RETRY_INFO = 'google.rpc.retryinfo-bin';
const ENCODINGS = ['identity', 'gzip', 'zstd'];
const STREAMS_MAX = 1000;
/** What a connection may send ahead of what was read. */
const WINDOW_BYTES = 4 << 20;
const STREAM_WINDOW_BYTES = 1 << 20;
const READ_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 120_000;
const CLOSE_TIMEOUT_MS = 30_000;

export interface OtlpGrpcSettings {
  readonly address: string;
  /** 0 leaves it to the system. */
  readonly port: number;
  readonly requestBytesMax: number;
  /** In which a message must have come, ms. */
  readonly readTimeoutMs?: number;
  /** After which a connection without calls is closed, ms. */
  readonly idleTimeoutMs?: number;
}

export interface OtlpGrpcParts {
  readonly receiver: OtlpReceiver;
  readonly inflight: Inflight;
  readonly clock: Pick<Clock, 'after'>;
  /** The tenant that the header X-Scope-OrgID names; throws `unauthenticated`. */
  readonly tenantOf: (header: string | undefined) => string;
}

export interface OtlpGrpcServer {
  readonly port: number;
  /** Requests in flight are answered. */
  close(): Promise<void>;
}

/** Listens; rejects with `unavailable` when the port can't be had. */
export async function openOtlpGrpc(
  settings: OtlpGrpcSettings,
  parts: OtlpGrpcParts,
): Promise<OtlpGrpcServer> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: STREAMS_MAX,
    },
  });
  server.setTimeout(settings.idleTimeoutMs ?? IDLE_TIMEOUT_MS, (session?: unknown) => {
    (session as Partial<ServerHttp2Session> | undefined)?.close?.();
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(WINDOW_BYTES);
    session.once('close', () => sessions.delete(session));
  });
  // What breaks one connection is that connection's matter: it is gone.
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    void serve(stream, headers, settings, parts);
  });
  const port = await bind(server, settings);
  return {
    port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const session of sessions) session.close();
      const late = parts.clock.after(CLOSE_TIMEOUT_MS, () => {
        for (const session of sessions) session.destroy();
      });
      await closed;
      late.cancel();
    },
  };
}

/** Answers one call, whatever happens to it. */
async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  settings: OtlpGrpcSettings,
  parts: OtlpGrpcParts,
): Promise<void> {
  if (!String(headers['content-type']).startsWith('application/grpc')) {
    stream.respond({ ':status': 415 }, { endStream: true });
    stream.close(constants.NGHTTP2_NO_ERROR);
    return;
  }
  const { clock, receiver } = parts;
  const deadlineMs = parseGrpcTimeout(one(headers, 'grpc-timeout'));
  const readMs = settings.readTimeoutMs ?? READ_TIMEOUT_MS;
  const tooLate = () => refuse(stream, DEADLINE_EXCEEDED, 'context deadline exceeded');
  const deadline = deadlineMs === undefined ? undefined : clock.after(deadlineMs, tooLate);
  const slow = clock.after(readMs, () =>
    refuse(stream, DEADLINE_EXCEEDED, `the message has not come within ${readMs / 1000} s`),
  );
  const retryAttempt = one(headers, 'retry-attempt');
  try {
    const read = await readCall(stream, headers, settings, parts);
    slow.cancel();
    const asked = {
      strategy: one(headers, STRATEGY_HEADER),
      suffixes: one(headers, SUFFIXES_HEADER),
    };
    const answer = await receiver.receive({
      ...{ retryAttempt, asked, traceparent: one(headers, 'traceparent') },
      ...{ ...read, encoding: 'protobuf' },
    });
    send(stream, answer);
  } catch (error) {
    if (error instanceof GrpcError) refuse(stream, error.code, error.message);
    else send(stream, receiver.refuse(error, retryAttempt));
  } finally {
    slow.cancel();
    deadline?.cancel();
  }
}

interface ReadCall {
  readonly tenant: string;
  readonly compression: string;
  readonly body: Uint8Array;
}

/** Reads the message under its tenant's share of what is in flight. */
async function readCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { requestBytesMax }: OtlpGrpcSettings,
  { inflight, tenantOf }: OtlpGrpcParts,
): Promise<ReadCall> {
  const path = headers[':path'];
  if (path !== METHOD) throw new GrpcError(UNIMPLEMENTED, `unknown method ${path}`);
  const compression = one(headers, 'grpc-encoding') ?? 'identity';
  if (!ENCODINGS.includes(compression)) {
    throw new GrpcError(UNIMPLEMENTED, `grpc: Decompressor is not installed for "${compression}"`);
  }
  const tenant = tenantOf(one(headers, 'x-scope-orgid'));
  let message: GrpcMessage;
  let share: InflightShare | undefined;
  try {
    share = inflight.enter(tenant);
    message = await readGrpcMessage(stream, requestBytesMax, share);
  } finally {
    // The push takes a share of its own, in this same turn.
    share?.release();
  }
  checkGrpcSize(message.body.length, requestBytesMax);
  const { isCompressed, body } = message;
  return { tenant, compression: isCompressed ? compression : '', body };
}

function send(stream: ServerHttp2Stream, answer: OtlpAnswer): void {
  const { code, status, message, partial, retryAfterSeconds } = answer;
  if (code === CANCELLED || !isOpen(stream)) return;
  if (code !== 0) {
    // HTTP's 413 is the message that is too large, packed or unpacked.
    refuse(stream, status === 413 ? RESOURCE_EXHAUSTED : code, message, retryAfterSeconds);
    return;
  }
  const response = encodeExportResponse(partial);
  const frame = Buffer.alloc(5 + response.length);
  frame.writeUInt32BE(response.length, 1);
  frame.set(response, 5);
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.end(frame);
}

const HEADERS: OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': ENCODINGS.join(','),
};

/** Ends a call with nothing but a status; what is still to come of the message is not read. */
function refuse(
  stream: ServerHttp2Stream,
  code: number,
  message: string,
  retryAfterSeconds = 0,
): void {
  if (!isOpen(stream)) return;
  const binary = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const headers: OutgoingHttpHeaders = {
    ...HEADERS,
    'grpc-status': String(code),
    'grpc-message': encodeGrpcMessage(message),
    [DETAILS]: binary(encodeStatus(code, message, retryAfterSeconds)),
  };
  if (retryAfterSeconds > 0) headers[RETRY_INFO] = binary(encodeRetryInfo(retryAfterSeconds));
  stream.respond(headers, { endStream: true });
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

/** Whether the client still waits, and wasn't answered. */
function isOpen(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.headersSent;
}

async function bind(server: Http2Server, { address, port }: OtlpGrpcSettings): Promise<number> {
  const host = address === '' ? '0.0.0.0' : address;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const message = `OTLP over gRPC can't listen at ${host}:${port}: ${(cause as Error).message}`;
    throw new WeirError('unavailable', message, { cause });
  }
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

function one(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
