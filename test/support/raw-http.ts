// HTTP clients that misbehave, over plain sockets: slow ones, silent ones, ones that send everything before they
// read. What the server said is told by status and text.
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

export class RawClient {
  readonly socket: Socket;
  #received = '';
  #closed = false;

  constructor(port: number) {
    this.socket = createConnection({ port, host: '127.0.0.1' });
    this.socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
    });
    this.socket.on('close', () => {
      this.#closed = true;
    });
    // A reset is what some of these tests are about: `answer()` says what came before it.
    this.socket.on('error', () => {
      this.#closed = true;
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  async opened(): Promise<this> {
    if (this.socket.connecting) await once(this.socket, 'connect');
    return this;
  }

  /** Resolves once the system has taken it, or the connection is gone. */
  send(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve();
      this.socket.write(bytes, () => resolve());
    });
  }

  /** `size` bytes from `fill`, in pieces; with `chunked` as chunks. */
  async sendMany(size: number, fill: Uint8Array, chunked = false): Promise<void> {
    for (let left = size; left > 0 && !this.#closed; left -= fill.length) {
      const piece = fill.subarray(0, Math.min(left, fill.length));
      if (!chunked) await this.send(piece);
      else {
        await this.send(`${piece.length.toString(16)}\r\n`);
        await this.send(piece);
        await this.send('\r\n');
      }
    }
    if (chunked) await this.send('0\r\n\r\n');
  }

  /** The answer, once it is whole; rejects where the connection ended without one. */
  async answer(timeoutMs = 30_000): Promise<RawAnswer> {
    for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += 10) {
      const found = parse(this.#received);
      if (found !== undefined) {
        this.#received = '';
        return found;
      }
      if (this.#closed) break;
      await sleep(10);
    }
    throw new Error(`no answer (closed: ${this.#closed}), but '${this.#received.slice(0, 200)}'`);
  }

  end(): void {
    this.socket.destroy();
  }
}

function parse(received: string): RawAnswer | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const headers = received.slice(0, end);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1]);
  if (status === 100) return parse(received.slice(end + 4));
  const size = Number(/^content-length: (\d+)/im.exec(headers)?.[1] ?? 0);
  const body = received.slice(end + 4);
  return body.length < size ? undefined : { status, headers, body: body.slice(0, size) };
}
