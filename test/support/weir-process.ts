// Runs the built program as a process, the way a user does, and lets a test end it in any way.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../apps/weir/dist/main.js', import.meta.url));

/** A port is free again until its process listens, and the system may give it a second time. */
const given = new Set<number>();

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  if (given.has(address.port)) return freePort();
  given.add(address.port);
  return address.port;
}

export interface WeirOptions {
  readonly port: number;
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The built program, where it is not found from this file (a bundled benchmark). */
  readonly main?: string;
  readonly nodeFlags?: readonly string[] | undefined;
  /** Whether it rehearses queries, as it does by default: seconds of CPU that a test has no use for. */
  readonly rehearses?: boolean;
}

export class WeirProcess {
  readonly base: string;
  readonly #options: WeirOptions;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(options: WeirOptions) {
    this.#options = options;
    this.base = `http://127.0.0.1:${options.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Everything printed since the last start; for messages of failing tests. */
  get output(): string {
    return this.#output;
  }

  /** Starts without waiting. */
  spawn(): void {
    this.#output = '';
    const child = spawn(
      process.execPath,
      [
        ...(this.#options.nodeFlags ?? []),
        this.#options.main ?? MAIN,
        `-server.http-listen-port=${this.#options.port}`,
        '-server.http-listen-address=127.0.0.1',
        `-querier.rehearsal-enabled=${this.#options.rehearses ?? false}`,
        ...this.#options.flags,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, UV_THREADPOOL_SIZE: '8', ...this.#options.env },
      },
    );
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-65536);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.#child = child;
  }

  /** Starts and waits until /ready answers 200. */
  async start(timeoutMs = 30_000): Promise<void> {
    this.spawn();
    await this.ready(timeoutMs);
  }

  async ready(timeoutMs = 30_000): Promise<void> {
    const until = performance.now() + timeoutMs;
    let last = 'no answer';
    while (performance.now() < until) {
      if (this.#child?.exitCode !== null) throw new Error(`weir ended: ${this.#output}`);
      try {
        const response = await fetch(`${this.base}/ready`);
        const body = await response.text();
        if (response.status === 200) return;
        last = `${response.status} ${body}`;
      } catch (error) {
        last = String(error);
      }
      await sleep(25);
    }
    throw new Error(`weir is not ready after ${timeoutMs} ms (${last}): ${this.#output}`);
  }

  /** Waits until it ends by itself; returns the exit code. */
  async ended(timeoutMs = 30_000): Promise<number | null> {
    const child = this.#child;
    if (!child) throw new Error('not started');
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, 'exit', { signal: AbortSignal.timeout(timeoutMs) });
    }
    return child.exitCode;
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return null;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = await ended;
    return code as number | null;
  }

  kill(): Promise<number | null> {
    return this.end('SIGKILL');
  }

  stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }
}
