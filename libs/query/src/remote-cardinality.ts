// The client side of a `cardinality` read: its first message, and the rest as they come.
import { WeirError } from '@weir/errors';
import type { LocalCardinality } from './local-reader.ts';
import { decodeJson } from './read-message.ts';
import type { ReadCardinality, ReadLabelValues, ReadPort, ReadRequest } from './read-port.ts';

/** Resolves once the owner has counted its series. */
export async function openCardinality(
  port: ReadPort,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<LocalCardinality> {
  const messages = port.read(request, signal)[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done) throw new WeirError('corrupt', 'an owner answered a read without a message');
  const { series } = decodeJson(first.value) as ReadCardinality;
  if (typeof series !== 'number') {
    throw new WeirError('corrupt', 'read answer holds no count of series');
  }
  return { series, labels: decodeAll(messages) };
}

async function* decodeAll(messages: AsyncIterator<Uint8Array>): AsyncGenerator<ReadLabelValues> {
  try {
    for (;;) {
      const message = await messages.next();
      if (message.done) return;
      yield decodeJson(message.value) as ReadLabelValues;
    }
  } finally {
    await messages.return?.();
  }
}
