// A query's answer as a stream of messages: first status and headers as JSON, then the body's chunks.
// This is how answers cross from a worker thread.
import { WeirError } from '@weir/errors';
import type { StreamClient } from '@weir/query/threads';
import type { QueryAnswer, QueryExecutor, QueryRequest } from '../query-request.ts';

export async function* sendAnswer(
  executor: Pick<QueryExecutor, 'execute'>,
  request: QueryRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { status, headers, body } = await executor.execute(request, signal);
  yield Buffer.from(JSON.stringify({ status, headers }), 'utf8');
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

export async function receiveAnswer(
  streams: StreamClient,
  request: QueryRequest,
  signal: AbortSignal,
): Promise<QueryAnswer> {
  const messages = streams.open(request, signal);
  const head = await messages.next();
  if (head.done) throw new WeirError('internal', 'a query worker sent no answer');
  const { status, headers } = JSON.parse(Buffer.from(head.value).toString('utf8')) as Omit<
    QueryAnswer,
    'body'
  >;
  return { status, headers, body: messages };
}
