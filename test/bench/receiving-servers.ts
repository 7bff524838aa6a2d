// Servers that take pushes, each on an empty folder, and what pushes at full speed or at a given rate cost them and take.
// Weir's needs a build, Prometheus's WEIR_PROMETHEUS.
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

export const PER_REQUEST = 2000;
export const STEP_MS = 15_000;
export const CONNECTIONS = 4;
const TICKS_PER_SECOND = 100;

export interface Protocol {
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

export const PROTOCOLS: readonly Protocol[] = [
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

export interface ReceivingServer {
  readonly url: (protocol: Protocol) => string;
  /** Before `/api/v1/query`. */
  readonly queryBase: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startWeir(): Promise<ReceivingServer> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-receivers-'));
  const flags = [`-data-dir=${directory}`, '-auth.multitenancy-enabled=false', '-log.level=error'];
  const main = resolve('apps/weir/dist/main.js');
  const nodeFlags = process.env.WEIR_NODE_FLAGS?.split(' ');
  const weir = new WeirProcess({ port: await freePort(), flags, main, nodeFlags });
  await weir.start();
  return {
    url: ({ weirPath }) => weir.base + weirPath,
    queryBase: `${weir.base}/prometheus`,
    pid: weir.pid!,
    async stop() {
      await weir.end('SIGTERM');
      await rm(directory, { recursive: true });
    },
  };
}

export async function startPrometheus(): Promise<ReceivingServer> {
  const { base, pid, stop } = await receiveWrites();
  return { url: ({ prometheusPath }) => base + prometheusPath, queryBase: base, pid, stop };
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export type Lanes = readonly (readonly StampedBody[])[];

export interface Figures {
  readonly cpuMicros: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

/** To be destroyed at the end. */
export const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

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
export async function load(
  server: ReceivingServer,
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
  const samples = latencies.length * PER_REQUEST;
  const seconds = (performance.now() - from) / 1000;
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.floor(q * (latencies.length - 1))]!;
  const cpuMicros = ((cpuSeconds(server.pid) - cpu) * 1e6) / samples;
  return { cpuMicros, rate: samples / seconds, p50: quantile(0.5), p99: quantile(0.99) };
}

/** Bodies for each connection: a series always goes over the same one. */
export function lanesOf({ make, snappy }: Protocol, series: number): Lanes {
  return Array.from({ length: CONNECTIONS }, (_, lane) =>
    Array.from({ length: Math.floor(series / PER_REQUEST / CONNECTIONS) }, (_, at) => {
      const bytes = make((at * CONNECTIONS + lane) * PER_REQUEST, PER_REQUEST);
      return new StampedBody(bytes, !snappy);
    }),
  );
}

export const timesFrom = (firstMs: number, count: number) =>
  Array.from({ length: count }, (_, step) => firstMs + step * STEP_MS);
