// Weir beside Prometheus's receivers (WEIR_PROMETHEUS): the same series by remote write 1.0, 2.0 and OTLP to
// one server after the other, each on an empty folder. Prints the server's CPU per sample, and the latency
// of pushes at full speed and at half of what Prometheus sustained; without it Weir's alone, at full speed.
// Both first take as many steps at full speed uncounted: servers live long, and until a just-in-time compiler is
// done a quarter of the CPU is its own.
// Needs a build. WEIR_BENCH_PROTOCOL names one of the three, WEIR_NODE_FLAGS are for Weir's process.
//
//   npm run bench -- receivers [SERIES] [STEPS]
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compress } from 'snappy';
import { receiveWrites } from '../support/prometheus-process.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';
import { otlpBody, remoteWrite1Body, remoteWrite2Body, StampedBody } from './push-bodies.ts';

const SERIES = Number(process.argv[2] ?? 100_000);
const STEPS = Number(process.argv[3] ?? 60);
const PER_REQUEST = 2000;
const STEP_MS = 15_000;
const CONNECTIONS = 4;
const TICKS_PER_SECOND = 100;

interface Protocol {
  readonly name: string;
  readonly make: (first: number, count: number) => Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly weirPath: string;
  readonly prometheusPath: string;
  readonly snappy: boolean;
}

const remoteWrite = (version: string, parameters: string) => ({
  headers: {
    'content-type': `application/x-protobuf${parameters}`,
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': version,
  },
  weirPath: '/api/v1/push',
  prometheusPath: '/api/v1/write',
  snappy: true,
});

const PROTOCOLS: readonly Protocol[] = [
  { name: 'remote write 1.0', make: remoteWrite1Body, ...remoteWrite('0.1.0', '') },
  {
    name: 'remote write 2.0',
    make: remoteWrite2Body,
    ...remoteWrite('2.0.0', ';proto=io.prometheus.write.v2.Request'),
  },
  {
    name: 'OTLP',
    make: otlpBody,
    headers: { 'content-type': 'application/x-protobuf' },
    weirPath: '/otlp/v1/metrics',
    prometheusPath: '/api/v1/otlp/v1/metrics',
    snappy: false,
  },
];

interface Server {
  readonly url: (protocol: Protocol) => string;
  readonly pid: number;
  stop(): Promise<void>;
}

async function startWeir(): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-receivers-'));
  const flags = [`-data-dir=${directory}`, '-auth.multitenancy-enabled=false', '-log.level=error'];
  const main = resolve('apps/weir/dist/main.js');
  const nodeFlags = process.env.WEIR_NODE_FLAGS?.split(' ');
  const weir = new WeirProcess({ port: await freePort(), flags, main, nodeFlags });
  await weir.start();
  return {
    url: ({ weirPath }) => weir.base + weirPath,
    pid: weir.pid!,
    async stop() {
      await weir.end('SIGTERM');
      await rm(directory, { recursive: true });
    },
  };
}

async function startPrometheus(): Promise<Server> {
  const { base, pid, stop } = await receiveWrites();
  return { url: ({ prometheusPath }) => base + prometheusPath, pid, stop };
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

type Lanes = readonly (readonly StampedBody[])[];

interface Figures {
  readonly cpuMicros: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

function report(name: string, { cpuMicros, rate, p50, p99 }: Figures): void {
  const latency = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  console.log(
    `${name}  ${cpuMicros.toFixed(2)} µs CPU a sample, ${Math.round(rate)}/s, ${latency}`,
  );
}

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

function send(url: string, headers: Protocol['headers'], body: Buffer): Promise<void> {
  return new Promise((done, failed) => {
    const length = { 'content-length': String(body.length) };
    const sent = request(url, { method: 'POST', agent, headers: { ...headers, ...length } });
    sent.on('error', failed);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        if (response.statusCode! < 300) done();
        else failed(new Error(`${url}: ${response.statusCode} ${Buffer.concat(chunks)}`));
      });
    });
    sent.end(body);
  });
}

/** Sends `steps` steps of all bodies, in order for each; `gapMs` between starts on a connection, or at once. */
async function load(
  server: Server,
  { protocol, lanes }: { readonly protocol: Protocol; readonly lanes: Lanes },
  steps: readonly number[],
  gapMs: number,
): Promise<Figures> {
  const latencies: number[] = [];
  const connection = async (bodies: readonly StampedBody[], lane: number) => {
    // Senders are not in step.
    let due = performance.now() + (lane * gapMs) / CONNECTIONS;
    for (const timeMs of steps) {
      for (const body of bodies) {
        body.stamp(timeMs);
        const sent = protocol.snappy ? await compress(body.bytes) : body.bytes;
        if (performance.now() < due) await sleep(due - performance.now());
        const from = gapMs > 0 ? Math.min(performance.now(), due + gapMs) : performance.now();
        await send(server.url(protocol), protocol.headers, sent as Buffer);
        latencies.push(performance.now() - from);
        due += gapMs;
      }
    }
  };
  const from = performance.now();
  const cpu = cpuSeconds(server.pid);
  await Promise.all(lanes.map(connection));
  const samples = SERIES * steps.length;
  const seconds = (performance.now() - from) / 1000;
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.floor(q * (latencies.length - 1))]!;
  const cpuMicros = ((cpuSeconds(server.pid) - cpu) * 1e6) / samples;
  return { cpuMicros, rate: samples / seconds, p50: quantile(0.5), p99: quantile(0.99) };
}

/** Bodies for each connection: a series always goes over the same one. */
function lanesOf({ make, snappy }: Protocol): Lanes {
  return Array.from({ length: CONNECTIONS }, (_, lane) =>
    Array.from({ length: Math.floor(SERIES / PER_REQUEST / CONNECTIONS) }, (_, at) => {
      const bytes = make((at * CONNECTIONS + lane) * PER_REQUEST, PER_REQUEST);
      return new StampedBody(bytes, !snappy);
    }),
  );
}

const timesFrom = (firstMs: number, count: number) =>
  Array.from({ length: count }, (_, step) => firstMs + step * STEP_MS);

const only = process.env.WEIR_BENCH_PROTOCOL;
const isAlone = !process.env.WEIR_PROMETHEUS;
for (const protocol of PROTOCOLS) {
  if (only !== undefined && only !== protocol.name) continue;
  const sent = { protocol, lanes: lanesOf(protocol) };
  const { samples } = sent.lanes[0]![0]!;
  if (samples !== PER_REQUEST) throw new Error(`${protocol.name}: ${samples} samples in a body`);
  const warmMs = Math.floor(Date.now() / STEP_MS - 2 * STEPS - STEPS / 2) * STEP_MS;
  const fullMs = warmMs + STEPS * STEP_MS;
  const halfMs = fullMs + STEPS * STEP_MS;
  const figures: Figures[] = [];
  let gapMs = 0;
  for (const start of isAlone ? [startWeir] : [startPrometheus, startWeir]) {
    const server = await start();
    const name = start === startWeir ? 'Weir' : 'Prometheus';
    try {
      await load(server, sent, timesFrom(warmMs, STEPS), 0);
      const full = await load(server, sent, timesFrom(fullMs, STEPS), 0);
      if (gapMs === 0) gapMs = (2 * CONNECTIONS * PER_REQUEST * 1000) / full.rate;
      figures.push(full);
      report(`${protocol.name}, ${name}, full`, full);
      if (isAlone) continue;
      const half = await load(server, sent, timesFrom(halfMs, STEPS / 2), gapMs);
      report(`${protocol.name}, ${name}, half`, half);
    } finally {
      await server.stop();
    }
  }
  if (isAlone) continue;
  const ratio = (figures[1]!.cpuMicros / figures[0]!.cpuMicros).toFixed(2);
  console.log(`${protocol.name}: Weir / Prometheus  ${ratio}`);
}
agent.destroy();
