// Stands between a sender and Weir: answers chosen requests itself, lets Weir have others and loses the
// answer, passes the rest, and remembers all of them with their answers.
import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';

export interface Fault {
  /** 0 ends the connection without an answer. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
  /** Weir has had the request. */
  readonly isPassed?: boolean;
}

export interface SeenRequest {
  /** When it came, and when it was answered; of a clock that only goes forward. */
  readonly atMs: number;
  readonly answeredMs: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly answer: Answer;
  /** What the plan said of it. */
  readonly fault: Fault | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface FaultProxy {
  readonly base: string;
  /** In the order in which they were answered. */
  readonly seen: readonly SeenRequest[];
  stop(): Promise<void>;
}

/** The plan is asked once a request, in their order, with their number from 0. */
export async function startFaultProxy(
  target: string,
  plan: (number: number) => Fault | undefined,
): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const seen: SeenRequest[] = [];
  let requests = 0;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const atMs = performance.now();
    const fault = plan(requests++);
    const body = await buffer(incoming);
    const isForWeir = fault === undefined || fault.isPassed === true;
    const passed = isForWeir ? await pass(incoming, body) : undefined;
    const answer = fault === undefined ? passed! : answerOf(fault);
    const { url: path = '', headers } = incoming;
    seen.push({ atMs, answeredMs: performance.now(), path, headers, body, answer, fault });
    if (answer.status === 0) incoming.socket.destroy();
    else outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  }

  async function pass(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    const { method, url, headers } = incoming;
    const outgoing = request(`${target}${url}`, { method, agent, headers });
    outgoing.end(body);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const { 'transfer-encoding': _, connection: __, ...kept } = response.headers;
    return { status: response.statusCode!, headers: kept, body: await buffer(response) };
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    base: `http://127.0.0.1:${address.port}`,
    seen,
    async stop() {
      server.closeAllConnections();
      agent.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answerOf({ status, headers = {}, text = '' }: Fault): Answer {
  return { status, headers: { ...headers }, body: Buffer.from(text) };
}

/** The request and what is the same, byte by byte. */
export function withBody(seen: readonly SeenRequest[], body: Buffer): SeenRequest[] {
  return seen.filter((other) => other.body.equals(body));
}

/** It came again until it was taken, each time not before it was told to. */
export function expectRepeated({ body }: SeenRequest, seen: readonly SeenRequest[]): void {
  const attempts = withBody(seen, body);
  const statuses = attempts.map(({ answer }) => answer.status);
  expect(statuses.filter((status) => status >= 200 && status < 300)).toEqual([statuses.at(-1)]);
  for (const [index, { answer, answeredMs }] of attempts.slice(0, -1).entries()) {
    const next = attempts[index + 1]!;
    expect(next.headers['retry-attempt']).toBe(String(index + 1));
    const toldMs = 1000 * Number(answer.headers['retry-after'] ?? 0);
    expect(next.atMs - answeredMs).toBeGreaterThanOrEqual(toldMs);
  }
  expect(attempts.length).toBeGreaterThan(1);
}
