// Bodies of requests. The server parses none by itself: a push wants its bytes in one buffer of its own,
// a query wants a form, and each names its limit.
import { WeirError } from '@weir/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Collects a body into one buffer. A body over `limitBytes` throws `tooLarge()`, by default Go's 413
 * text; its rest is not read.
 */
export async function readBody(
  request: FastifyRequest,
  limitBytes: number,
  tooLarge: () => WeirError = bodyTooLarge,
): Promise<Buffer> {
  const { raw } = request;
  const announced = Number(raw.headers['content-length'] ?? Number.NaN);
  if (announced > limitBytes) throw tooLarge();
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const part of raw as AsyncIterable<Buffer>) {
      sizeBytes += part.length;
      if (sizeBytes > limitBytes) throw tooLarge();
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof WeirError) throw error;
    throw new WeirError('canceled', 'the client has left before the request was whole', {
      cause: error,
    });
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, sizeBytes);
}

function bodyTooLarge(): WeirError {
  return new WeirError('invalid', 'http: request body too large', { status: 413 });
}

/**
 * Parameters as Go's Request.Form has them: those of a form body first, then those of the query string.
 */
export async function readForm(
  request: FastifyRequest,
  limitBytes: number,
): Promise<URLSearchParams> {
  const query = queryOf(request);
  const type = request.headers['content-type'] ?? '';
  const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(type);
  if (request.method !== 'POST' || !isForm) return query;
  const form = new URLSearchParams((await readBody(request, limitBytes)).toString('utf8'));
  for (const [name, value] of query) form.append(name, value);
  return form;
}

export function queryOf(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? '';
  const mark = url.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
}

/** Aborted with kind `canceled` when the client leaves before it has its whole answer. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const { raw } = reply;
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort(new WeirError('canceled', 'context canceled'));
  });
  return controller.signal;
}
