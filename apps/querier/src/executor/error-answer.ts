// An error of a query as its answer: plain text or Prometheus's envelope, as its endpoint has it.
import { toWeirError } from '@weir/errors';
import { apiError, plainError } from '@weir/http/errors';
import { isBlockedQuery } from '../blocked-query.ts';
import { hasPlainErrors, type QueryAnswer, type QueryRequest } from '../query-request.ts';

export function errorAnswer({ endpoint }: QueryRequest, error: unknown): QueryAnswer {
  const inEnvelope = apiError(error);
  const { headers, body } = hasPlainErrors(endpoint) ? plainError(error) : inEnvelope;
  const { kind } = toWeirError(error);
  const { status } = inEnvelope;
  const answer = { status, headers, body: Buffer.from(body, 'utf8'), failure: kind };
  return isBlockedQuery(error) ? { ...answer, isBlocked: true } : answer;
}
