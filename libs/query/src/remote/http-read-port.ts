// The client side of the read protocol over HTTP. Connections are kept alive and shared; leaving the
// stream or aborting the signal closes the request, and the server stops reading.
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { type ErrorKind, WeirError } from '@weir/errors';
import type { ReadPort, ReadRequest } from '../read-port.ts';
import { FrameReader } from './frame.ts';
import { READ_PATH } from './read-routes.ts';

/** Below the idle time-out of servers, so that they never close a connection we are about to use. */
const FREE_SOCKET_TIMEOUT_MS = 5000;
const ERROR_SIZE_MAX_BYTES = 64 * 1024;
const KINDS: readonly string[] = [
  'invalid',
  'unauthenticated',
  'not-found',
  'limited',
  'unavailable',
  'timeout',
  'canceled',
  'fenced',
  'corrupt',
  'closed',
  'internal',
] satisfies readonly ErrorKind[];

export interface HttpReadPortParts {
  /** Shared by all ports of a process; it keeps connections alive. */
  readonly agent: Agent;
  /** Path prefix of the other side's server. */
  readonly pathPrefix?: string;
}

/** An agent that fits: keep-alive, as many connections as there are reads. */
export function createReadAgent(): Agent {
  return new Agent({ keepAlive: true, maxFreeSockets: 64, timeout: FREE_SOCKET_TIMEOUT_MS });
}

/** `address` is host:port. */
export function createHttpReadPort(address: string, parts: HttpReadPortParts): ReadPort {
  const url = new URL(`http://${address}${parts.pathPrefix ?? ''}${READ_PATH}`);
  return {
    async *read(request, signal) {
      signal.throwIfAborted();
      const exchange = start(url, parts.agent, request);
      const onAbort = () => exchange.request.destroy();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        const response = await exchange.response;
        if (response.statusCode !== 200) throw await errorOf(response);
        const frames = new FrameReader();
        for await (const bytes of response as AsyncIterable<Buffer>) yield* frames.push(bytes);
        frames.end();
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof WeirError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw new WeirError('unavailable', `reading from ${address} failed: ${reason}`, {
          cause: error,
        });
      } finally {
        signal.removeEventListener('abort', onAbort);
        exchange.finish();
      }
    },
  };
}

interface Exchange {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
  /** Gives the connection back when the answer was whole, else closes it. */
  finish(): void;
}

function start(url: URL, agent: Agent, body: ReadRequest): Exchange {
  const bytes = Buffer.from(JSON.stringify(body), 'utf8');
  const request = httpRequest(url, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', 'content-length': bytes.length },
  });
  let received: IncomingMessage | undefined;
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', (message) => {
      received = message;
      resolve(message);
    });
    request.on('error', reject);
  });
  // The reader may leave before it looks at the response.
  response.catch(() => {});
  request.end(bytes);
  return {
    request,
    response,
    finish() {
      if (!received?.complete) request.destroy();
    },
  };
}

async function errorOf(response: IncomingMessage): Promise<WeirError> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > ERROR_SIZE_MAX_BYTES) break;
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  try {
    const { kind, message, status } = JSON.parse(text) as Record<string, unknown>;
    if (KINDS.includes(kind as string) && typeof message === 'string') {
      return new WeirError(
        kind as ErrorKind,
        message,
        typeof status === 'number' ? { status } : {},
      );
    }
  } catch (cause) {
    return unexpected(response, text, cause);
  }
  return unexpected(response, text, undefined);
}

function unexpected(response: IncomingMessage, text: string, cause: unknown): WeirError {
  const message = `a read was answered with status ${response.statusCode}: ${text.slice(0, 200)}`;
  return new WeirError('unavailable', message, { cause });
}
