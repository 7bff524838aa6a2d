// The write paths of InfluxDB's two APIs under /api/v1/push/influx, which is the URL that clients are given.
// Of their parameters only `precision` means anything here: tenants are told by header. Errors have each
// API's shape, because clients decide by it whether to send again.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DistributorSettings } from '../distributor-flags.ts';
import type { Inflight } from '../inflight.ts';
import type { BodyMemory } from '../push-body.ts';
import { answerBody, drain, single } from '../push-routes.ts';
import { checkInfluxSize, type InfluxAnswer, type InfluxReceiver } from './influx-receiver.ts';

type ErrorShape = (answer: InfluxAnswer) => object;

const PATHS: Readonly<Record<string, ErrorShape>> = {
  '/api/v1/push/influx/write': ({ message }) => ({ error: message }),
  '/api/v1/push/influx/api/v2/write': ({ status, message }) => ({ code: codeOf(status), message }),
};

export interface InfluxRouteParts {
  readonly receiver: InfluxReceiver;
  readonly settings: DistributorSettings;
  /** The tenant of a request, or throws `unauthenticated`. */
  readonly tenantOf: (request: FastifyRequest) => string;
  readonly inflight: Inflight;
  readonly bodies: BodyMemory;
}

/** Registers nothing unless it is enabled. */
export function registerInfluxRoutes(server: FastifyInstance, parts: InfluxRouteParts): void {
  if (!parts.settings.influxEnabled) return;
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const [path, shape] of Object.entries(PATHS)) {
      scope.post(path, { config: { compress: false } }, async (request, reply) => {
        const answer = await answerWrite(request, parts);
        drain(request);
        return send(reply, answer, shape);
      });
    }
  });
}

function answerWrite(request: FastifyRequest, parts: InfluxRouteParts): Promise<InfluxAnswer> {
  return answerBody(request, parts, {
    checkSize: (size) => checkInfluxSize(size, parts.settings.influxRequestBytesMax),
    refuse: parts.receiver.refuse,
    receive: (read) => {
      const { precision } = request.query as { precision?: string | string[] };
      const contentEncoding = request.headers['content-encoding'];
      return parts.receiver.receive({
        ...read,
        contentEncoding,
        precision: single(precision) ?? '',
      });
    },
  });
}

function send(reply: FastifyReply, answer: InfluxAnswer, shape: ErrorShape): FastifyReply {
  reply.code(answer.status);
  if (answer.status < 300) return reply.send();
  if (answer.retryAfterSeconds > 0) reply.header('retry-after', String(answer.retryAfterSeconds));
  return reply
    .header('content-type', 'application/json; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(JSON.stringify(shape(answer)));
}

/** The second API's words for a status. */
function codeOf(status: number): string {
  if (status === 401) return 'unauthorized';
  if (status === 413) return 'request too large';
  if (status === 429) return 'too many requests';
  return status >= 500 ? 'unavailable' : 'invalid';
}
