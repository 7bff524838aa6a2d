// POST /api/v1/push. The body is read here and not by Fastify, because any content type must get this
// far (the protocol decides what is unsupported), and because the size limit has its own answer.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Inflight, InflightShare } from './inflight.ts';
import { checkMessageSize } from './message-size.ts';
import { type RemoteWriteVersion, versionAsked } from './negotiation.ts';
import type { PushAnswer } from './push-answer.ts';
import { type BodyMemory, type HeldBody, readPushBody } from './push-body.ts';
import type { PushRequest } from './push-request.ts';

/** Thrown away of a refused body, so that its sender gets to read why. */
const DRAINED_BYTES_MAX = 256 << 20;

export interface PushRouteParts {
  readonly push: (request: PushRequest) => Promise<PushAnswer>;
  /** The tenant of a request, or throws `unauthenticated`. */
  readonly tenantOf: (request: FastifyRequest) => string;
  readonly bodyBytesMax: number;
  readonly inflight: Inflight;
  readonly bodies: BodyMemory;
  /** The answer to a push that couldn't be read. */
  readonly refuse: (
    error: unknown,
    retryAttempt: string | undefined,
    version: RemoteWriteVersion,
  ) => PushAnswer;
}

export function registerPushRoutes(server: FastifyInstance, parts: PushRouteParts): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.post('/api/v1/push', { config: { compress: false } }, async (request, reply) => {
      const answer = await answerPush(request, parts);
      drain(request);
      return send(reply, answer);
    });
  });
}

function answerPush(request: FastifyRequest, parts: PushRouteParts): Promise<PushAnswer> {
  const { headers } = request;
  return answerBody(request, parts, {
    checkSize: (size) => checkMessageSize(size, 'compressed', parts.bodyBytesMax),
    refuse: (error, attempt) => parts.refuse(error, attempt, versionAsked(headers['content-type'])),
    receive: (read) =>
      parts.push({
        ...read,
        contentType: headers['content-type'],
        contentEncoding: headers['content-encoding'],
        skipLabelNames: single(headers['x-mimir-skiplabelnamevalidation']) === 'true',
        skipLabelCount: single(headers['x-mimir-skiplabelcountvalidation']) === 'true',
      }),
  });
}

export interface ReadBody {
  readonly tenant: string;
  readonly body: Uint8Array;
  /** The header `Retry-Attempt`. */
  readonly retryAttempt: string | undefined;
  /** The header `traceparent`. */
  readonly traceparent: string | undefined;
}

interface BodySteps<Answer> {
  /** Throws for headers that make reading useless. */
  readonly checkHeaders?: () => void;
  readonly checkSize: (sizeBytes: number) => void;
  readonly refuse: (error: unknown, retryAttempt: string | undefined) => Answer;
  readonly receive: (read: ReadBody) => Promise<Answer>;
}

/** Reads a push's body under its tenant's share of what is in flight, and hands it on. */
export async function answerBody<Answer>(
  request: FastifyRequest,
  parts: Pick<PushRouteParts, 'tenantOf' | 'inflight' | 'bodies'>,
  { checkHeaders, checkSize, refuse, receive }: BodySteps<Answer>,
): Promise<Answer> {
  const retryAttempt = single(request.headers['retry-attempt']);
  let body: HeldBody;
  let tenant: string;
  let share: InflightShare | undefined;
  try {
    tenant = parts.tenantOf(request);
    checkHeaders?.();
    share = parts.inflight.enter(tenant);
    body = await readPushBody(request.raw, checkSize, share, parts.bodies);
  } catch (error) {
    return refuse(error, retryAttempt);
  } finally {
    // The push takes a share of its own, in this same turn.
    share?.release();
  }
  const traceparent = single(request.headers.traceparent);
  try {
    return await receive({ tenant, body: body.bytes, retryAttempt, traceparent });
  } finally {
    body.release();
  }
}

/**
 * What is still to come of a body that was refused is thrown away, while the answer goes out. The connection
 * isn't closed at once: the system would reset it under the sender, who then never sees the answer, and sends
 * again. One that sends on beyond all measure is cut off; one that is slow, by the server's read time-out.
 */
export function drain(request: FastifyRequest): void {
  const { raw } = request;
  if (raw.readableEnded) return;
  let size = 0;
  raw.on('data', (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > DRAINED_BYTES_MAX) raw.destroy();
  });
}

function send(reply: FastifyReply, answer: PushAnswer): FastifyReply {
  reply.code(answer.status).headers(answer.headers);
  if (answer.body === '') return reply.send();
  return reply
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(`${answer.body}\n`);
}

export function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
