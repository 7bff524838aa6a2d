// Requests, answers and streams over a MessagePort. A stream sends only as many items as the reader has
// granted (credits), so that a slow reader bounds memory; cancelling ends the work on the other side.
// Errors cross as kind and message. Knows nothing about what is called.
import { type ErrorKind, toWeirError, WeirError } from '@weir/errors';

/** What MessagePort and Worker share. */
export interface RpcPort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (message: RpcMessage) => void): unknown;
}

export type RpcMessage =
  | { readonly type: 'call'; readonly id: number; readonly method: string; readonly args: unknown }
  | {
      readonly type: 'stream';
      readonly id: number;
      readonly method: string;
      readonly args: unknown;
    }
  | { readonly type: 'credit'; readonly id: number; readonly count: number }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'item'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly id: number }
  | {
      readonly type: 'error';
      readonly id: number;
      readonly kind: ErrorKind;
      readonly message: string;
    };

/** Items of a stream that may be under way. */
const STREAM_CREDITS = 8;
/** Read items for which the reader grants new ones at once: short streams cost no credits. */
const GRANT = 4;

export interface RpcClient {
  call(method: string, args: unknown, transfer?: readonly ArrayBuffer[]): Promise<unknown>;
  stream(method: string, args: unknown, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Rejects everything that waits, and everything asked from now on. */
  fail(error: WeirError): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: WeirError): void;
}

interface OpenStream {
  readonly items: Uint8Array[];
  ended: boolean;
  error: WeirError | undefined;
  wake: (() => void) | undefined;
}

export function createRpcClient(port: RpcPort): RpcClient {
  const calls = new Map<number, Waiting>();
  const streams = new Map<number, OpenStream>();
  let lastId = 0;
  let failed: WeirError | undefined;

  port.on('message', (message) => {
    switch (message.type) {
      case 'result':
        calls.get(message.id)?.resolve(message.value);
        calls.delete(message.id);
        return;
      case 'error':
        settleError(message.id, new WeirError(message.kind, message.message));
        return;
      case 'item':
      case 'end':
        settleStream(message);
        return;
    }
  });

  function settleError(id: number, error: WeirError): void {
    calls.get(id)?.reject(error);
    calls.delete(id);
    const stream = streams.get(id);
    if (stream === undefined) return;
    stream.error = error;
    stream.wake?.();
  }

  function settleStream(message: Extract<RpcMessage, { type: 'item' | 'end' }>): void {
    const stream = streams.get(message.id);
    if (stream === undefined) return;
    if (message.type === 'item') stream.items.push(message.bytes);
    else stream.ended = true;
    stream.wake?.();
  }

  async function* readStream(
    method: string,
    args: unknown,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    if (failed) throw failed;
    signal.throwIfAborted();
    const id = ++lastId;
    const stream: OpenStream = { items: [], ended: false, error: undefined, wake: undefined };
    streams.set(id, stream);
    const onAbort = () => {
      stream.error = new WeirError('canceled', 'read canceled', { cause: signal.reason });
      stream.wake?.();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    port.postMessage({ type: 'stream', id, method, args } satisfies RpcMessage);
    let taken = 0;
    try {
      for (;;) {
        const item = stream.items.shift();
        if (item !== undefined) {
          yield item;
          if (++taken % GRANT === 0) {
            port.postMessage({ type: 'credit', id, count: GRANT } satisfies RpcMessage);
          }
          continue;
        }
        if (stream.error) throw stream.error;
        if (stream.ended) return;
        await new Promise<void>((resolve) => {
          stream.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      streams.delete(id);
      if (!stream.ended) port.postMessage({ type: 'cancel', id } satisfies RpcMessage);
    }
  }

  return {
    call(method, args, transfer) {
      if (failed) return Promise.reject(failed);
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        calls.set(id, { resolve, reject });
        port.postMessage({ type: 'call', id, method, args } satisfies RpcMessage, transfer);
      });
    },
    stream: readStream,
    fail(error) {
      failed = error;
      for (const id of [...calls.keys(), ...streams.keys()]) settleError(id, error);
    },
  };
}

export interface RpcHandlers {
  call(method: string, args: unknown): Promise<unknown>;
  stream(method: string, args: unknown, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

interface Sending {
  readonly abort: AbortController;
  credits: number;
  wake: (() => void) | undefined;
}

/** Answers calls that arrive at the port, each as soon as its handler is done. */
export function serveRpc(port: RpcPort, handlers: RpcHandlers): void {
  const sending = new Map<number, Sending>();

  async function answer(id: number, method: string, args: unknown): Promise<void> {
    try {
      const value = await handlers.call(method, args);
      port.postMessage({ type: 'result', id, value } satisfies RpcMessage);
    } catch (error) {
      sendError(id, error);
    }
  }

  async function send(id: number, method: string, args: unknown): Promise<void> {
    const state: Sending = {
      abort: new AbortController(),
      credits: STREAM_CREDITS,
      wake: undefined,
    };
    sending.set(id, state);
    try {
      for await (const bytes of handlers.stream(method, args, state.abort.signal)) {
        if (state.abort.signal.aborted) break;
        await creditFor(state);
        const [owned, transfer] = transferable(bytes);
        port.postMessage({ type: 'item', id, bytes: owned } satisfies RpcMessage, transfer);
      }
      port.postMessage({ type: 'end', id } satisfies RpcMessage);
    } catch (error) {
      sendError(id, error);
    } finally {
      sending.delete(id);
    }
  }

  function sendError(id: number, error: unknown): void {
    const { kind, message } = toWeirError(error);
    port.postMessage({ type: 'error', id, kind, message } satisfies RpcMessage);
  }

  port.on('message', (message) => {
    if (message.type === 'call') void answer(message.id, message.method, message.args);
    else if (message.type === 'stream') void send(message.id, message.method, message.args);
    else if (message.type === 'credit' || message.type === 'cancel') {
      const state = sending.get(message.id);
      if (state === undefined) return;
      if (message.type === 'credit') state.credits += message.count;
      else state.abort.abort(new WeirError('canceled', 'the reader went away'));
      state.wake?.();
    }
  });
}

async function creditFor(state: Sending): Promise<void> {
  while (state.credits === 0 && !state.abort.signal.aborted) {
    await new Promise<void>((resolve) => {
      state.wake = resolve;
    });
  }
  state.abort.signal.throwIfAborted();
  state.credits--;
}

/** Bytes alone in their buffer move; others are copied first, so that no neighbour is detached. */
export function transferable(bytes: Uint8Array): [Uint8Array, ArrayBuffer[]] {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) return [bytes, []];
  if (bytes.byteLength === buffer.byteLength) return [bytes, [buffer]];
  const copy = bytes.slice();
  return [copy, [copy.buffer]];
}
