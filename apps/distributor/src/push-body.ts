// Collects a push's body with a bound: a declared length that is too large, or doesn't fit into what is in flight,
// is refused before the first byte; what comes without one while it is read. A client that goes away ends the read; nothing waits for it.
import type { IncomingMessage } from 'node:http';
import { toWeirError, WeirError } from '@weir/errors';
import { countGarbage } from '@weir/runtime';
import type { InflightShare } from './inflight.ts';

const KEPT_MAX = 4;
const KEPT_BYTES = 1 << 20;

/** A body, until it is released. */
export interface HeldBody {
  readonly bytes: Uint8Array;
  release(): void;
}

/** Where bodies are put together that came in pieces: fresh memory for each would cost more than the copy. */
export class BodyMemory {
  readonly #free: Uint8Array[] = [];

  hold(chunks: readonly Uint8Array[], size: number): HeldBody {
    // The pieces of bodies.
    countGarbage(size);
    if (chunks.length === 1) return { bytes: chunks[0]!, release() {} };
    if (size > KEPT_BYTES) return { bytes: Buffer.concat(chunks, size), release() {} };
    const free = this.#free;
    const memory = free.pop() ?? new Uint8Array(KEPT_BYTES);
    let at = 0;
    for (const chunk of chunks) {
      memory.set(chunk, at);
      at += chunk.length;
    }
    return {
      bytes: memory.subarray(0, size),
      release() {
        if (free.length < KEPT_MAX) free.push(memory);
      },
    };
  }
}

/**
 * Rejects with what `checkSize` throws when the body is too large, with `unavailable`
 * when no more bytes may be in flight, `canceled` when the client went away.
 */
export function readPushBody(
  request: IncomingMessage,
  checkSize: (sizeBytes: number) => void,
  share: InflightShare,
  memory: BodyMemory,
): Promise<HeldBody> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const fail = (error: WeirError) => {
      request.off('data', onData);
      reject(error);
    };
    const onData = (chunk: Uint8Array) => {
      try {
        size += chunk.length;
        checkSize(size);
        share.add(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(toWeirError(error));
      }
    };
    const declared = Number(request.headers['content-length'] ?? 0);
    checkSize(declared);
    share.expect(declared);
    request.on('data', onData);
    let ended = false;
    request.once('end', () => {
      ended = true;
      resolve(memory.hold(chunks, size));
    });
    request.once('error', (cause) => fail(goneAway(cause)));
    request.once('close', () => {
      // Every request closes; an error with its stack is made only for one that didn't end.
      if (!ended) fail(goneAway(undefined));
    });
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
