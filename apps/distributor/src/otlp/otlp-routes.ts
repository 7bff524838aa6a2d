// POST /otlp/v1/metrics. Answers in the request's encoding, errors too: exporters show what they can read.
import { encodeExportResponse, encodeStatus } from '@weir/wire';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DistributorSettings } from '../distributor-flags.ts';
import type { Inflight } from '../inflight.ts';
import type { BodyMemory } from '../push-body.ts';
import { answerBody, drain, single } from '../push-routes.ts';
import { checkOtlpHeaders, checkOtlpSize, encodingOf, type OtlpEncoding } from './otlp-body.ts';
import type { OtlpAnswer, OtlpReceiver } from './otlp-receiver.ts';
import { type OtlpAsked, STRATEGY_HEADER, SUFFIXES_HEADER } from './otlp-translation.ts';

const TYPES: Readonly<Record<OtlpEncoding, string>> = {
  json: 'application/json',
  protobuf: 'application/x-protobuf',
};

export interface OtlpRouteParts {
  readonly receiver: OtlpReceiver;
  readonly settings: DistributorSettings;
  /** The tenant of a request, or throws `unauthenticated`. */
  readonly tenantOf: (request: FastifyRequest) => string;
  readonly inflight: Inflight;
  readonly bodies: BodyMemory;
}

export function registerOtlpRoutes(server: FastifyInstance, parts: OtlpRouteParts): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.post('/otlp/v1/metrics', { config: { compress: false } }, async (request, reply) => {
      const answer = await answerExport(request, parts);
      drain(request);
      return send(reply, answer, encodingOf(request.headers['content-type']) ?? 'protobuf');
    });
  });
}

function answerExport(request: FastifyRequest, parts: OtlpRouteParts): Promise<OtlpAnswer> {
  const compression = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
  const contentType = request.headers['content-type'];
  return answerBody(request, parts, {
    checkHeaders: () => checkOtlpHeaders(contentType, compression),
    checkSize: (size) => checkOtlpSize(size, parts.settings.otlpRequestBytesMax),
    refuse: parts.receiver.refuse,
    receive: (read) => {
      const encoding = encodingOf(contentType) ?? 'protobuf';
      return parts.receiver.receive({ ...read, encoding, compression, asked: askedOf(request) });
    },
  });
}

function askedOf({ headers }: FastifyRequest): OtlpAsked {
  return { strategy: single(headers[STRATEGY_HEADER]), suffixes: single(headers[SUFFIXES_HEADER]) };
}

function send(reply: FastifyReply, answer: OtlpAnswer, encoding: OtlpEncoding): FastifyReply {
  const body = Buffer.from(encoding === 'json' ? jsonOf(answer) : protobufOf(answer));
  if (answer.retryAfterSeconds > 0) {
    reply.header('retry-after', String(answer.retryAfterSeconds));
  }
  return reply
    .code(answer.status)
    .header('content-type', TYPES[encoding])
    .header('content-length', String(body.length))
    .header('x-content-type-options', 'nosniff')
    .send(body);
}

function protobufOf({ code, message, partial }: OtlpAnswer): Uint8Array {
  return code === 0 ? encodeExportResponse(partial) : encodeStatus(code, message);
}

/** 64-bit integers are strings in protobuf's JSON. */
function jsonOf({ code, message, partial }: OtlpAnswer): string {
  if (code !== 0) return JSON.stringify({ code, message });
  if (partial === undefined) return '{}';
  const { rejectedDataPoints, errorMessage } = partial;
  return JSON.stringify({
    partialSuccess: { rejectedDataPoints: String(rejectedDataPoints), errorMessage },
  });
}
