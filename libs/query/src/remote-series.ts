// The client side of the internal read protocol: opens the stream of one owner, takes its header, and
// hands out the rest as batches of series.
import { WeirError } from '@weir/errors';
import type { MatcherSpec } from '@weir/model';
import type { PlanPart } from '@weir/promql';
import { decodeChunkedSeries, decodeHeader } from './read-message.ts';
import type { OwnerDirectory, ReadKind, ReadPort, ReadRequest } from './read-port.ts';
import type { SeriesBatches, SeriesChunks } from './series-chunks.ts';

/** What is asked of every owner; its partitions are added. */
export interface OwnerQuestion {
  readonly kind: ReadKind;
  readonly tenant: string;
  readonly matchers: readonly MatcherSpec[];
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  readonly newestOnly?: boolean;
  readonly part?: PlanPart;
  readonly activeOnly?: boolean;
  readonly name?: string;
  readonly limit?: number;
  readonly names?: readonly string[];
  readonly matcherSets?: readonly (readonly MatcherSpec[])[];
}

export interface RemoteSeries {
  readonly heldBlocks: readonly string[];
  readonly batches: SeriesBatches;
}

/** Opens a `select` or `series` stream; resolves once its header has come. */
export async function openRemoteSeries(
  port: ReadPort,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<RemoteSeries> {
  const messages = port.read(request, signal)[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done) throw new WeirError('corrupt', 'an owner answered a read without a header');
  return { heldBlocks: decodeHeader(first.value).heldBlocks, batches: decodeAll(messages) };
}

async function* decodeAll(
  messages: AsyncIterator<Uint8Array>,
): AsyncGenerator<readonly SeriesChunks[]> {
  try {
    for (;;) {
      const message = await messages.next();
      if (message.done) return;
      yield decodeChunkedSeries(message.value);
    }
  } finally {
    await messages.return?.();
  }
}

/** Asks for the one message that most kinds answer. */
export async function readMessage(
  port: ReadPort,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let answer: Uint8Array | undefined;
  // To its end, which has come already: leaving early would send a cancellation after it.
  for await (const message of port.read(request, signal)) answer ??= message;
  if (answer === undefined) {
    throw new WeirError('corrupt', 'an owner answered a read without a message');
  }
  return answer;
}

/**
 * Asks all owners of a tenant at once and waits for all answers; the first error aborts the others.
 * `signal` given to `ask` stays usable for the streams it opened, until `controller` is aborted.
 */
export async function askOwners<Answer>(
  owners: OwnerDirectory,
  question: OwnerQuestion,
  controller: AbortController,
  ask: (port: ReadPort, request: ReadRequest, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer[]> {
  const { matcherSets } = question;
  const base = {
    ...question,
    matchers: specsOf(question.matchers),
    ...(matcherSets && { matcherSets: matcherSets.map(specsOf) }),
  };
  try {
    const found = await owners.owners(question.tenant);
    return await Promise.all(
      found.map(({ port, partitions }) => ask(port, { ...base, partitions }, controller.signal)),
    );
  } catch (error) {
    controller.abort(error);
    throw error;
  }
}

/** Compiled matchers can't cross threads. */
function specsOf(matchers: readonly MatcherSpec[]): MatcherSpec[] {
  return matchers.map(({ name, op, value }) => ({ name, op, value }));
}

/** Made once: without a reason each abort() makes an error, and its trace is a tenth of a small read. */
const READ_OVER = new WeirError('canceled', 'the read is over');

/** Ends what a read has left open, and that its controller follows another signal. */
export function endReads(controller: AbortController): void {
  controller.abort(READ_OVER);
}

/** A controller that follows `signal`; aborting it ends only the work it was made for. */
export function followSignal(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  else {
    const onAbort = () => controller.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    controller.signal.addEventListener(
      'abort',
      () => signal.removeEventListener('abort', onAbort),
      { once: true },
    );
  }
  return controller;
}
