// Errors as HTTP answers, decided once: plain text in the style of Go's http.Error for pushes and admin
// routes, and the Prometheus envelope for query APIs.
import { type ErrorKind, toWeirError } from '@weir/errors';
import type { FastifyReply } from 'fastify';

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Seconds after which a client may try again what was limited or unavailable. */
const RETRY_AFTER_SECONDS = '5';

/** errorType and status of Prometheus's HTTP API by kind. */
const API_ERRORS: Record<ErrorKind, readonly [string, number]> = {
  invalid: ['bad_data', 400],
  unauthenticated: ['bad_data', 401],
  'not-found': ['not_found', 404],
  limited: ['too_many_requests', 429],
  unavailable: ['unavailable', 503],
  timeout: ['timeout', 503],
  canceled: ['canceled', 499],
  fenced: ['unavailable', 503],
  corrupt: ['internal', 500],
  closed: ['unavailable', 503],
  internal: ['internal', 500],
};

/** Statuses that say more than the kind. */
const API_TYPES_BY_STATUS: Readonly<Record<number, string>> = {
  406: 'not_acceptable',
  413: 'too_large_entry',
  422: 'execution',
};

/** Go's http.Error: the message and a line feed. */
export function plainError(error: unknown): ErrorAnswer {
  const { status, message, kind } = toWeirError(error);
  return {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      ...(retriable(kind) ? { 'retry-after': RETRY_AFTER_SECONDS } : {}),
    },
    body: `${message}\n`,
  };
}

/** The envelope of Prometheus's HTTP API. */
export function apiError(error: unknown): ErrorAnswer {
  const { status, message, kind } = toWeirError(error);
  const [typeOfKind, statusOfKind] = API_ERRORS[kind];
  const typeOfStatus = API_TYPES_BY_STATUS[status];
  return {
    status: typeOfStatus === undefined ? statusOfKind : status,
    headers: {
      'content-type': 'application/json',
      ...(retriable(kind) ? { 'retry-after': RETRY_AFTER_SECONDS } : {}),
    },
    body: JSON.stringify({
      status: 'error',
      errorType: typeOfStatus ?? typeOfKind,
      error: message,
    }),
  };
}

export function sendPlainError(reply: FastifyReply, error: unknown): FastifyReply {
  return send(reply, plainError(error));
}

export function sendApiError(reply: FastifyReply, error: unknown): FastifyReply {
  return send(reply, apiError(error));
}

function send(reply: FastifyReply, { status, headers, body }: ErrorAnswer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

function retriable(kind: ErrorKind): boolean {
  return kind === 'limited' || kind === 'unavailable' || kind === 'fenced' || kind === 'closed';
}
