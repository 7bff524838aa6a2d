// Exporters of OTLP behind a proxy that fails some of their requests: those of the SDKs of Node.js and Python,
// and a Collector's by OTLP and remote write. What is answered with 429 or 503 comes again, when it was told to, and is
// there once, also where Weir had it and only the answer was lost. What is answered with 400 is dropped, and the
// next goes on. With deltas, so that a later request can't make up for a lost one.
import { afterEach, describe, expect, it } from 'vitest';
import { startCollector } from '../support/collector-process.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { createExporter, sendRounds } from '../support/node-sdk.ts';
import { sendByPython } from '../support/python-sdk.ts';
import {
  EXPONENTIAL,
  expectedBytes,
  expectedSeries,
  expectHistogram,
  identityOf,
  ROUNDS,
  type Temporality,
} from '../support/recording.ts';
import { SenderTarget } from '../support/sender-target.ts';

const JOB = 'job';
const TENANT = 'sender';
const REFUSED = 3;
const PATIENCE_MS = 60_000;
/** A collector's remote write drops what is answered with 429 unless it is told. */
const RETRY_ON_429 = ['--feature-gates=exporter.prometheusremotewritexporter.RetryOn429'];
const RETRY = { initial_interval: '200ms', max_interval: '1s', randomization_factor: 0 };

/** By the number of the request, of which a round has as many as it takes. */
const PLAN: Readonly<Record<number, Fault>> = {
  0: { status: 429, headers: { 'retry-after': '2' } },
  2: { status: 503 },
  4: { status: 503, headers: { 'retry-after': '1' }, isPassed: true },
  6: { status: 400, text: 'bad' },
};
const REQUESTS = Array.from({ length: 8 }, (_, number) => PLAN[number]);
const FIVE_ROUNDS = [0, 1, 0, 1, 0].map((round) => ROUNDS[round]!);

type Send = (proxy: FaultProxy) => Promise<void>;

interface Sender {
  readonly send: Send;
  readonly temporality: Temporality;
  /** Which of the plan's answers say when to come again and are heeded. */
  readonly heeds: readonly number[];
}

const target = (proxy: FaultProxy) => ({
  url: `${proxy.base}/otlp/v1/metrics`,
  ...({ tenant: TENANT, temporality: 'delta', timeoutMs: 60_000 } as const),
});

const byNode =
  (transport: 'protobuf' | 'json'): Send =>
  async (proxy) => {
    const failures = await sendRounds(JOB, createExporter(transport, target(proxy)), FIVE_ROUNDS);
    expect(failures.map((failure) => failure !== undefined)).toEqual(
      FIVE_ROUNDS.map((_, round) => round === REFUSED),
    );
  };

const byPython: Send = async (proxy) => {
  const said = await sendByPython(JOB, 'protobuf', target(proxy), FIVE_ROUNDS);
  expect(said.match(/Transient error/g)?.length).toBe(3);
  expect(said.match(/Failed to export/g)?.length).toBe(1);
};

const byCollector =
  (temporality: Temporality, exporter: (proxy: FaultProxy) => Record<string, object>): Send =>
  async (proxy) => {
    const collector = await startCollector(exporter(proxy), RETRY_ON_429);
    try {
      const { url } = collector;
      const sdk = createExporter('protobuf', { url, tenant: 'unused', temporality });
      await sendRounds(JOB, sdk, FIVE_ROUNDS);
      // At its end it drops what it would have to repeat.
      await expect.poll(() => proxy.seen.length, { timeout: PATIENCE_MS }).toBe(REQUESTS.length);
    } finally {
      await collector.stop();
    }
    expect(collector.log().match(/Dropping data/g)?.length).toBe(1);
  };

const otlpExporter = (proxy: FaultProxy) => ({
  otlp_http: {
    endpoint: `${proxy.base}/otlp`,
    headers: { 'X-Scope-OrgID': TENANT },
    // One after another, as the plan counts.
    sending_queue: { num_consumers: 1 },
    retry_on_failure: RETRY,
  },
});

const remoteWriter = (proxy: FaultProxy) => ({
  prometheus_remote_write: {
    endpoint: `${proxy.base}/api/v1/push`,
    headers: { 'X-Scope-OrgID': TENANT },
    remote_write_queue: { num_consumers: 1 },
    retry_on_failure: RETRY,
  },
});

const SENDERS: Readonly<Record<string, Sender>> = {
  'the SDK of Node.js, protobuf': {
    ...{ send: byNode('protobuf'), temporality: 'delta', heeds: [0, 4] },
  },
  'the SDK of Node.js, JSON': { send: byNode('json'), temporality: 'delta', heeds: [0, 4] },
  'the SDK of Python': { send: byPython, temporality: 'delta', heeds: [0, 4] },
  'the Collector, OTLP': {
    ...{ send: byCollector('delta', otlpExporter), temporality: 'delta', heeds: [0, 4] },
  },
  'the Collector, remote write': {
    ...{ send: byCollector('cumulative', remoteWriter), temporality: 'cumulative', heeds: [] },
  },
};

describe('retries of OTLP exporters', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  it.each(Object.keys(SENDERS))('%s', async (name) => {
    const { send, temporality, heeds } = SENDERS[name]!;
    const weir = await SenderTarget.start(['-distributor.otel-native-delta-ingestion=true']);
    stops.push(() => weir.stop());
    const proxy = await startFaultProxy(weir.base, (number) => PLAN[number]);
    stops.push(() => proxy.stop());
    await send(proxy);

    expect(proxy.seen.map(({ fault }) => fault)).toEqual(REQUESTS);
    const passed = proxy.seen.filter(({ fault }) => fault === undefined);
    expect(passed.filter(({ answer }) => answer.status >= 300)).toEqual([]);
    for (const number of heeds) {
      const [refused, repeated] = [proxy.seen[number]!, proxy.seen[number + 1]!];
      expect(repeated.body.equals(refused.body)).toBe(true);
      const waitedMs = repeated.atMs - refused.answeredMs;
      expect(waitedMs).toBeGreaterThanOrEqual(1000 * Number(refused.answer.headers['retry-after']));
    }

    const isKept = (_: unknown, round: number) => round !== REFUSED;
    const identity = { ...identityOf(JOB), otel_scope_name: 'test' };
    const expected = Object.entries(expectedSeries(temporality, FIVE_ROUNDS)).map(
      ([key, values]) => [key, values.filter(isKept)],
    );
    expect(await weir.values(TENANT, identity)).toEqual(Object.fromEntries(expected));
    const histograms = await weir.histograms(TENANT, EXPONENTIAL);
    const recorded = expectedBytes(temporality, FIVE_ROUNDS).filter(isKept);
    expect(histograms.length).toBe(recorded.length);
    for (const [round, values] of recorded.entries()) expectHistogram(histograms[round]!, values);
  });
});
