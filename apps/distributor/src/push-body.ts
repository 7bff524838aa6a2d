// Collects a push's body with a bound: the declared length is refused before the first byte, a length
// that grows beyond it while it is read. A client that goes away ends the read; nothing waits for it.
import type { IncomingMessage } from 'node:http';
import { WeirError } from '@weir/errors';
import { checkMessageSize } from './message-size.ts';

/** Rejects with `invalid` when the body is too large, `canceled` when the client went away. */
export function readPushBody(request: IncomingMessage, limitBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const fail = (error: WeirError) => {
      request.off('data', onData);
      reject(error);
    };
    const checkSize = (sizeBytes: number): boolean => {
      try {
        checkMessageSize(sizeBytes, 'compressed', limitBytes);
        return true;
      } catch (error) {
        fail(error as WeirError);
        return false;
      }
    };
    const onData = (chunk: Uint8Array) => {
      size += chunk.length;
      if (checkSize(size)) chunks.push(chunk);
    };
    const declared = Number(request.headers['content-length'] ?? 0);
    if (!checkSize(declared)) return;
    request.on('data', onData);
    request.once('end', () =>
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)),
    );
    request.once('error', (cause) => fail(goneAway(cause)));
    request.once('close', () => fail(goneAway(undefined)));
  });
}

function goneAway(cause: unknown): WeirError {
  return new WeirError(
    'canceled',
    'the client closed the connection before its push was complete',
    {
      cause,
    },
  );
}
