// A query's answer as a stream of messages: the first is a line of JSON (status, headers, whether the
// body is whole) and behind it all of a small body; a longer one follows in chunks. This is how answers
// cross from a worker thread.
import { WeirError } from '@weir/errors';
import type { StreamClient } from '@weir/query/threads';
import { countGarbage } from '@weir/runtime';
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
  try {
    yield first;
    if (!whole) yield* body;
  } finally {
    // Also where nobody came to read it.
    if (!whole) await body[Symbol.asyncIterator]().return?.();
  }
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
  if (!whole) return { ...rest, body: counted(messages) };
  // The end has come with the message; taking it lets the stream close without a cancellation.
  await messages.next();
  return { ...rest, body: message.subarray(size + 1) };
}

/** Chunks are garbage when they are sent. */
function counted(body: AsyncGenerator<Uint8Array>): AsyncIterableIterator<Uint8Array> {
  return {
    async next() {
      const result = await body.next();
      if (!result.done) countGarbage(result.value.length);
      return result;
    },
    return: async () => body.return(undefined),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** What was read of a stream already, and its rest. Closing it closes the rest, read from or not. */
export function resumed(
  first: IteratorResult<Uint8Array, unknown>,
  rest: AsyncGenerator<Uint8Array, unknown>,
): AsyncIterableIterator<Uint8Array> {
  let held: IteratorResult<Uint8Array, unknown> | undefined = first;
  return {
    async next() {
      const result = held ?? (await rest.next());
      held = undefined;
      return result;
    },
    return: async () => rest.return(undefined),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * Calls `release` once: when the answer has failed, is there as a whole, or has been read or left; and when
 * the signal is aborted, after which there is nothing more to read.
 */
export async function holding(
  release: () => void,
  answer: () => Promise<QueryAnswer>,
  signal: AbortSignal,
): Promise<QueryAnswer> {
  let streams = false;
  try {
    const answered = await answer();
    const { body } = answered;
    if (body instanceof Uint8Array) return answered;
    streams = true;
    return { ...answered, body: followedBy(body, release, signal) };
  } finally {
    if (!streams) release();
  }
}

function followedBy(
  body: AsyncIterable<Uint8Array>,
  release: () => void,
  signal: AbortSignal,
): AsyncIterableIterator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let isOver = false;
  const done = () => {
    signal.removeEventListener('abort', done);
    if (!isOver) release();
    isOver = true;
  };
  signal.addEventListener('abort', done);
  const step = async (take: () => Promise<IteratorResult<Uint8Array>>) => {
    let over = true;
    try {
      const result = await take();
      over = result.done === true;
      return result;
    } finally {
      if (over) done();
    }
  };
  return {
    next: () =>
      step(async () => {
        signal.throwIfAborted();
        return iterator.next();
      }),
    return: () => step(async () => (await iterator.return?.()) ?? { done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
