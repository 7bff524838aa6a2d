// Requests answered by streams of byte messages over a MessagePort: many at once, each with its own
// credits (so a fast sender can't fill a slow receiver's memory), cancellation, and errors that keep
// their kind. Buffers of their own are transferred, views are copied.
//
// Client → server: open {id, request}, credit {id, count}, cancel {id}, call {id, request}.
// Server → client: message {id, bytes, isLast}, end {id}, error {id, …}, result {id, value}.
import type { TransferListItem } from 'node:worker_threads';
import { type ErrorKind, toWeirError, WeirError } from '@weir/errors';
import { soon } from '../soon.ts';
import type { ThreadPort } from './message-port.ts';

/** Messages that a server may send ahead of what the client has taken. */
const WINDOW = 8;
/** Taken messages for which the client grants new ones at once: short answers cost no credits. */
const GRANT = 4;

type ToServer =
  | { readonly type: 'open'; readonly id: number; readonly request: unknown }
  | { readonly type: 'credit'; readonly id: number; readonly count: number }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'call'; readonly id: number; readonly request: unknown };

type ToClient =
  | {
      readonly type: 'message';
      readonly id: number;
      readonly bytes: Uint8Array;
      /** No `end` follows. */
      readonly isLast: boolean;
    }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | {
      readonly type: 'error';
      readonly id: number;
      readonly kind: ErrorKind;
      readonly message: string;
      readonly status: number;
    };

export interface StreamHandler {
  /** Answers a request; `signal` is aborted when the client has lost interest. */
  open(request: unknown, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Answers a small question with a value that can be cloned. */
  call?(request: unknown): Promise<unknown>;
}

/** Serves streams on a port until it closes. */
export function serveStreams(port: ThreadPort, handler: StreamHandler): void {
  const streams = new Map<number, ServedStream>();
  const send = (message: ToClient, transfer?: readonly ArrayBuffer[]) =>
    port.postMessage(message, transfer);
  port.on('message', (raw) => {
    const message = raw as ToServer;
    if (message.type === 'open') {
      const stream = new ServedStream(message.id, send);
      streams.set(message.id, stream);
      void stream.run(handler, message.request).finally(() => streams.delete(message.id));
    } else if (message.type === 'credit') streams.get(message.id)?.grant(message.count);
    else if (message.type === 'cancel') streams.get(message.id)?.cancel();
    else void answerCall(handler, message.id, message.request, send);
  });
  port.on('close', () => {
    for (const stream of streams.values()) stream.cancel();
  });
}

type Send = (message: ToClient, transfer?: readonly ArrayBuffer[]) => void;

async function answerCall(
  handler: StreamHandler,
  id: number,
  request: unknown,
  send: Send,
): Promise<void> {
  try {
    if (!handler.call) throw new WeirError('internal', 'this port answers no calls');
    send({ type: 'result', id, value: await handler.call(request) });
  } catch (error) {
    send(errorMessage(id, error));
  }
}

function errorMessage(id: number, error: unknown): ToClient {
  const { kind, message, status } = toWeirError(error);
  return { type: 'error', id, kind, message, status };
}

class ServedStream {
  readonly #id: number;
  readonly #send: Send;
  readonly #controller = new AbortController();
  #credits = WINDOW;
  #granted: (() => void) | undefined;

  constructor(id: number, send: Send) {
    this.#id = id;
    this.#send = send;
  }

  grant(count: number): void {
    this.#credits += count;
    this.#granted?.();
  }

  cancel(): void {
    this.#controller.abort(new WeirError('canceled', 'the reader has left'));
    this.#granted?.();
  }

  async run(handler: StreamHandler, request: unknown): Promise<void> {
    const { signal } = this.#controller;
    try {
      const messages = handler.open(request, signal)[Symbol.asyncIterator]();
      try {
        if (await this.#sendAll(messages, signal)) this.#send({ type: 'end', id: this.#id });
      } finally {
        await messages.return?.();
      }
    } catch (error) {
      // After a cancellation nobody listens any more, and the error is most likely its echo.
      if (!signal.aborted) this.#send(errorMessage(this.#id, error));
    }
  }

  /** True where the end is still to be told. An end that comes with the last message goes with it. */
  async #sendAll(messages: AsyncIterator<Uint8Array>, signal: AbortSignal): Promise<boolean> {
    let coming: Promise<IteratorResult<Uint8Array>> | undefined;
    for (;;) {
      const next = await (coming ?? messages.next());
      coming = undefined;
      if (next.done) return true;
      if (this.#credits === 0) await this.#credit();
      if (signal.aborted) return false;
      this.#credits--;
      let isLast = false;
      if (this.#credits > 0) {
        coming = messages.next();
        isLast = (await soon(coming).catch(() => undefined))?.done === true;
        if (signal.aborted) return false;
      }
      const [bytes, transfer] = transferable(next.value);
      this.#send({ type: 'message', id: this.#id, bytes, isLast }, transfer);
      if (isLast) return false;
    }
  }

  #credit(): Promise<void> {
    return new Promise((resolve) => {
      this.#granted = () => {
        if (this.#credits === 0 && !this.#controller.signal.aborted) return;
        this.#granted = undefined;
        resolve();
      };
    });
  }
}

export interface StreamClient {
  /** A returned stream starts when it is first read, and is cancelled when it is left early. */
  open(request: unknown, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  /** What is transferred is gone here. */
  call(request: unknown, transfer?: readonly TransferListItem[]): Promise<unknown>;
  /** Requests that wait for an answer or are being streamed. */
  readonly active: number;
  close(): void;
}

/** Connects to the other end of a port; when it closes, what is open rejects with `whenClosed()`. */
export function connectStreams(port: ThreadPort, whenClosed: () => WeirError): StreamClient {
  const inboxes = new Map<number, Inbox>();
  let closed = false;
  let lastId = 0;
  const send = (message: ToServer, transfer?: readonly TransferListItem[]) =>
    port.postMessage(message, transfer);
  port.on('message', (raw) => {
    const message = raw as ToClient;
    inboxes.get(message.id)?.put(message);
  });
  port.on('close', () => {
    closed = true;
    for (const inbox of inboxes.values()) inbox.fail(whenClosed());
  });
  const openInbox = () => {
    if (closed) throw whenClosed();
    const id = ++lastId;
    const inbox = new Inbox();
    inboxes.set(id, inbox);
    return { id, inbox };
  };
  return {
    get active() {
      return inboxes.size;
    },
    async *open(request, signal) {
      signal.throwIfAborted();
      const { id, inbox } = openInbox();
      let ended = false;
      let taken = 0;
      const cancel = () => {
        inboxes.delete(id);
        if (!ended && !closed) send({ type: 'cancel', id });
        ended = true;
      };
      // At once: whoever holds this stream may never ask it for another message.
      const onAbort = () => {
        inbox.fail(signal.reason);
        cancel();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        send({ type: 'open', id, request });
        for (;;) {
          const message = await inbox.take();
          if (message.type === 'message') {
            if (message.isLast) ended = true;
            else if (++taken % GRANT === 0) send({ type: 'credit', id, count: GRANT });
            yield message.bytes;
            if (message.isLast) return;
            continue;
          }
          ended = true;
          if (message.type === 'error') throw fromMessage(message);
          return;
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
        cancel();
      }
    },
    async call(request, transfer) {
      const { id, inbox } = openInbox();
      try {
        send({ type: 'call', id, request }, transfer);
        const message = await inbox.take();
        if (message.type === 'error') throw fromMessage(message);
        if (message.type !== 'result') throw new WeirError('internal', 'a call got no result');
        return message.value;
      } finally {
        inboxes.delete(id);
      }
    },
    close: () => port.close(),
  };
}

/** Bytes alone in their buffer move; others are copied first, so that no neighbour is detached. */
export function transferable(bytes: Uint8Array): [Uint8Array, ArrayBuffer[]] {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) return [bytes, []];
  if (bytes.byteLength === buffer.byteLength) return [bytes, [buffer]];
  const copy = bytes.slice();
  return [copy, [copy.buffer]];
}

function fromMessage(message: ToClient & { type: 'error' }): WeirError {
  return new WeirError(message.kind, message.message, { status: message.status });
}

/** Messages of one request that have come and were not taken; one taker at a time. */
class Inbox {
  readonly #messages: ToClient[] = [];
  #failed = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  put(message: ToClient): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  /** Overtakes what has come: whoever waits gets the error. */
  fail(reason: unknown): void {
    this.#failed = true;
    this.#failure = reason;
    this.#wake?.();
  }

  async take(): Promise<ToClient> {
    for (;;) {
      if (this.#failed) throw this.#failure;
      const message = this.#messages.shift();
      if (message) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
