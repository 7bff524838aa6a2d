// The server side of the read protocol over HTTP: POST /weir/v1/read with a ReadRequest as JSON; the
// answer is a stream of frames. Errors before the first message keep their kind in a JSON body; one
// after that cuts the connection, which the client sees as a retriable failure.
import { Readable } from 'node:stream';
import { toWeirError, WeirError } from '@weir/errors';
import { clientSignal, type FastifyReply, type HttpServer, readBody } from '@weir/http';
import type { ReadKind, ReadPort, ReadRequest } from '../read-port.ts';
import { encodeFrame } from './frame.ts';

export const READ_PATH = '/weir/v1/read';
/** Media type of the answer: frames, not a plain message. */
export const FRAMES_TYPE = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse';
/** Matchers of a query are a few kilobytes; regular expressions can be long. */
const REQUEST_SIZE_MAX_BYTES = 16 * 1024 * 1024;
const KINDS: readonly ReadKind[] = [
  'select',
  'series',
  'labelNames',
  'labelValues',
  'metadata',
  'cardinality',
  'histogramMetrics',
  'discarded',
  'freshness',
  'tenantStats',
  'position',
  'evaluate',
  'exemplars',
];
const OPS: readonly string[] = ['=', '!=', '=~', '!~'];

export function readRoutes(server: HttpServer, port: ReadPort): void {
  server.post(READ_PATH, { config: { compress: false } }, async (request, reply) => {
    const signal = clientSignal(reply);
    try {
      const body = await readBody(request, REQUEST_SIZE_MAX_BYTES);
      const messages = port.read(parseReadRequest(body), signal)[Symbol.asyncIterator]();
      const first = await messages.next();
      reply.header('content-type', FRAMES_TYPE);
      const frames = first.done ? [] : framesOf(first.value, messages);
      return reply.send(Readable.from(frames, { objectMode: false, highWaterMark: 512 * 1024 }));
    } catch (error) {
      return sendKind(reply, error);
    }
  });
}

async function* framesOf(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield encodeFrame(first);
    for (;;) {
      const message = await rest.next();
      if (message.done) return;
      yield encodeFrame(message.value);
    }
  } finally {
    await rest.return?.();
  }
}

function sendKind(reply: FastifyReply, error: unknown): FastifyReply {
  const { kind, message, status } = toWeirError(error);
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .send(JSON.stringify({ kind, message, status }));
}

/** Throws `invalid` for anything that is not a ReadRequest. */
export function parseReadRequest(body: Uint8Array): ReadRequest {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (cause) {
    throw new WeirError('invalid', 'read request is not JSON', { cause });
  }
  if (!isReadRequest(value)) throw new WeirError('invalid', 'read request lacks a field');
  return value;
}

function isReadRequest(value: unknown): value is ReadRequest {
  if (typeof value !== 'object' || value === null) return false;
  const request = value as Partial<Record<keyof ReadRequest, unknown>>;
  return (
    KINDS.includes(request.kind as ReadKind) &&
    typeof request.tenant === 'string' &&
    typeof request.minT === 'number' &&
    typeof request.maxT === 'number' &&
    (request.newestOnly === undefined || typeof request.newestOnly === 'boolean') &&
    (request.activeOnly === undefined || typeof request.activeOnly === 'boolean') &&
    (request.limit === undefined || Number.isInteger(request.limit)) &&
    (request.names === undefined || isArrayOf(request.names, isString)) &&
    (request.part === undefined ? request.kind !== 'evaluate' : isPart(request.part)) &&
    (request.name === undefined
      ? request.kind !== 'labelValues'
      : typeof request.name === 'string') &&
    (request.matcherSets === undefined
      ? request.kind !== 'exemplars'
      : isArrayOf(request.matcherSets, isMatchers)) &&
    isArrayOf(request.partitions, Number.isInteger) &&
    (request.positions === undefined ||
      (isArrayOf(request.positions, Number.isInteger) &&
        (request.positions as unknown[]).length === (request.partitions as unknown[]).length)) &&
    (request.delayMaxMs === undefined || typeof request.delayMaxMs === 'number') &&
    isMatchers(request.matchers)
  );
}

/** What is in it is checked by who evaluates it. */
function isPart(value: unknown): boolean {
  const { node, settings, prints } = (value ?? {}) as Record<string, unknown>;
  const { maxSamples } = (settings ?? {}) as Record<string, unknown>;
  return typeof node === 'object' && typeof maxSamples === 'number' && typeof prints === 'boolean';
}

function isMatchers(value: unknown): boolean {
  return isArrayOf(value, isMatcher);
}

function isMatcher(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, op, value: wanted } = value as Record<string, unknown>;
  return typeof name === 'string' && OPS.includes(op as string) && typeof wanted === 'string';
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

function isArrayOf(value: unknown, test: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(test);
}
