// Errors of evaluation: 422 `execution` in Prometheus's API. Parse errors are 400 (parse/), a query cut
// short is `canceled` or `timeout`; the HTTP layer maps by kind and status.
import { WeirError } from '@weir/errors';

export function executionError(message: string): WeirError {
  return new WeirError('invalid', message, { status: 422 });
}

/** Why a query was stopped: the reason given to its signal, if that is an error of ours. */
export function interruption(signal: AbortSignal): WeirError {
  if (signal.reason instanceof WeirError) return signal.reason;
  if (signal.reason instanceof Error && signal.reason.name === 'TimeoutError') {
    return new WeirError('timeout', 'query timed out in query execution', { status: 503 });
  }
  return new WeirError('canceled', 'query was canceled in query execution');
}

export function tooManySamples(): WeirError {
  return executionError(
    'query processing would load too many samples into memory in query execution',
  );
}

/** In Mimir's words. */
export function tooMuchMemory(maxBytes: number): WeirError {
  const text = `the query exceeded the maximum allowed estimated amount of memory consumed by a single query (limit: ${maxBytes} bytes)`;
  const strategy =
    'Consider reducing the time range and/or number of series selected by the query. One way to reduce the number of selected series is to add more label matchers to the query';
  const name = 'max-estimated-memory-consumption-per-query';
  const rest = `Otherwise, to adjust the related per-tenant limit, configure -querier.${name}, or contact your service administrator.`;
  return executionError(`${text} (err-mimir-${name}). ${strategy}. ${rest}`);
}
