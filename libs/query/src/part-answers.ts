// The client side of a part of a plan: every owner of a partition is asked to evaluate it. Only where nobody else
// has samples of the time: a block in the bucket that no owner holds is another source of the same series.
import { WeirError } from '@weir/errors';
import type { PartMessage, PlanPart, SelectRequest } from '@weir/promql';
import { decodePartMessage, unpackMessages } from './part-message.ts';
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
  const [header, ...rest] = unpackMessages(first.value);
  if (header === undefined) {
    throw new WeirError('corrupt', 'an owner answered a read without a header');
  }
  const { heldBlocks, declined = false } = decodeHeader(header);
  return { heldBlocks, declined, messages: decodeAll(rest, messages) };
}

async function* decodeAll(
  first: readonly Uint8Array[],
  packs: AsyncIterator<Uint8Array>,
): AsyncGenerator<PartMessage> {
  let isWhole = false;
  let pack = first;
  try {
    for (;;) {
      for (const bytes of pack) {
        const message = decodePartMessage(bytes);
        isWhole = message.kind === 'end';
        yield message;
      }
      const next = await packs.next();
      if (next.done) break;
      pack = unpackMessages(next.value);
    }
    if (!isWhole) throw new WeirError('corrupt', 'an owner did not end its part of a plan');
  } finally {
    await packs.return?.();
  }
}
