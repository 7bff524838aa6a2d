// A query's answer as a stream of messages: the first is a line of JSON (status, headers, whether the
// body is whole) and behind it all of a small body; a longer one follows in chunks. This is how answers
// cross from a worker thread.
import { WeirError } from '@weir/errors';
import type { StreamClient } from '@weir/query/threads';
import type { QueryAnswer, QueryExecutor, QueryRequest } from '../query-request.ts';

const LINE_FEED = 0x0a;

interface AnswerHead extends Omit<QueryAnswer, 'body'> {
  /** Nothing follows the first message. */
  readonly whole: boolean;
}

export async function* sendAnswer(
  executor: Pick<QueryExecutor, 'execute'>,
  request: QueryRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { body, ...rest } = await executor.execute(request, signal);
  const whole = body instanceof Uint8Array;
  const head = `${JSON.stringify({ ...rest, whole } satisfies AnswerHead)}\n`;
  const size = Buffer.byteLength(head);
  const first = new Uint8Array(size + (whole ? body.length : 0));
  Buffer.from(first.buffer).write(head);
  if (whole) first.set(body, size);
  yield first;
  if (!whole) yield* body;
}

export async function receiveAnswer(
  streams: StreamClient,
  request: QueryRequest,
  signal: AbortSignal,
): Promise<QueryAnswer> {
  const messages = streams.open(request, signal);
  const first = await messages.next();
  if (first.done) throw new WeirError('internal', 'a query worker sent no answer');
  const message = first.value;
  const size = message.indexOf(LINE_FEED);
  const head = Buffer.from(message.buffer, message.byteOffset, size).toString('utf8');
  const { whole, ...rest } = JSON.parse(head) as AnswerHead;
  if (!whole) return { ...rest, body: messages };
  // The end has come with the message; taking it lets the stream close without a cancellation.
  await messages.next();
  return { ...rest, body: message.subarray(size + 1) };
}
