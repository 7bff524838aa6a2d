// The client side of a part of a plan: every owner of a partition is asked to evaluate it. Only where nobody else
// has samples of the time: a block in the bucket that no owner holds is another source of the same series.
import { WeirError } from '@weir/errors';
import type { PartMessage, PlanPart, SelectRequest } from '@weir/promql';
import { decodePartMessage } from './part-message.ts';
import { decodeHeader } from './read-message.ts';
import type { ReadPort, ReadRequest } from './read-port.ts';

export interface PartAnswer {
  readonly heldBlocks: readonly string[];
  readonly declined: boolean;
  readonly messages: AsyncIterable<PartMessage>;
}

export function partQuestion(tenant: string, request: SelectRequest, part: PlanPart) {
  const { matchers, minT, maxT, newestOnly = false } = request;
  return { kind: 'evaluate', tenant, matchers, minT, maxT, newestOnly, part } as const;
}

export async function openPart(
  port: ReadPort,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<PartAnswer> {
  const messages = port.read(request, signal)[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done) throw new WeirError('corrupt', 'an owner answered a read without a header');
  const { heldBlocks, declined = false } = decodeHeader(first.value);
  return { heldBlocks, declined, messages: decodeAll(messages) };
}

async function* decodeAll(messages: AsyncIterator<Uint8Array>): AsyncGenerator<PartMessage> {
  let isWhole = false;
  try {
    for (;;) {
      const next = await messages.next();
      if (next.done) break;
      const message = decodePartMessage(next.value);
      isWhole = message.kind === 'end';
      yield message;
    }
    if (!isWhole) throw new WeirError('corrupt', 'an owner did not end its part of a plan');
  } finally {
    await messages.return?.();
  }
}
