// Senders whom Weir itself refuses, by limits of their tenants: what it answers, read on the way by a proxy that
// fails nothing, and what they do then. Over a rate they come again when Weir said, and all is there once;
// where a limit refuses series they go on with the others.
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { startCollector } from '../support/collector-process.ts';
import {
  expectRepeated,
  type FaultProxy,
  startFaultProxy,
  withBody,
} from '../support/fault-proxy.ts';
import { createExporter, sendRounds } from '../support/node-sdk.ts';
import { sendByPrometheus } from '../support/prometheus-sender.ts';
import { sendByPython } from '../support/python-sdk.ts';
import { expectedSeries, identityOf, ROUNDS } from '../support/recording.ts';
import { type Overrides, SenderTarget } from '../support/sender-target.ts';

const JOB = 'job';
const TENANT = 'sender';
const PATIENCE_MS = 60_000;
const RETRY_MIN_SECONDS = 2;
const RETRY_MAX_SECONDS = 4;
const FLAGS = [
  '-distributor.otel-native-delta-ingestion=true',
  `-distributor.retry-after-header.min-backoff=${RETRY_MIN_SECONDS}s`,
  `-distributor.retry-after-header.max-backoff=${RETRY_MAX_SECONDS}s`,
];
/** A token comes back while a sender waits. */
const ONE_REQUEST: Overrides = { [TENANT]: { request_rate: 0.5, request_burst_size: 1 } };
const REQUEST_RATE = 'err-mimir-tenant-max-request-rate';
const ITEM_RATE = 'err-mimir-tenant-max-ingestion-rate';
const LABELS = 'err-mimir-max-label-names-per-series';

/** Lines are `{__name__="a", le="0.1"} 1 1763700000000`; series that tell of a process may have more labels. */
const isWithin = (labelsMax: number) => (line: string) =>
  /^\{__name__="[^"]*_info"/.test(line) || [...line.matchAll(/="/g)].length <= labelsMax;

describe('what Weir refuses', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  async function start(overrides: Overrides) {
    const target = await SenderTarget.start(FLAGS, overrides);
    stops.push(() => target.stop());
    const proxy = await startFaultProxy(target.base, () => undefined);
    stops.push(() => proxy.stop());
    return { target, proxy };
  }

  const refused = (proxy: FaultProxy, status: number) =>
    proxy.seen.filter(({ answer }) => answer.status === status);

  function expectTold(proxy: FaultProxy, id: string): void {
    const answers = refused(proxy, 429).map(({ answer }) => answer);
    expect(answers.length).toBeGreaterThan(0);
    for (const { headers, body } of answers) {
      expect(headers['retry-after']).toMatch(/^[2-4]$/);
      expect(body.toString()).toContain(id);
    }
  }

  it.each([1, 2] as const)('by an ingestion rate: Prometheus %d.0', async (version) => {
    const { target, proxy } = await start({
      [TENANT]: { ingestion_rate: 200, ingestion_burst_size: 2500 },
    });
    const sent = await sendByPrometheus(proxy.base, { tenant: TENANT, version }, async () => {
      await expect
        .poll(() => refused(proxy, 429).length, { timeout: PATIENCE_MS })
        .toBeGreaterThan(1);
      await target.override({});
      await sleep(6000);
    });
    expectTold(proxy, ITEM_RATE);
    for (const request of refused(proxy, 429)) expectRepeated(request, proxy.seen);
    expect((await target.dump(TENANT)).filter(sent.isSent)).toEqual(sent.lines);
  });

  it.each([1, 2] as const)('by a limit of labels: Prometheus %d.0', async (version) => {
    const { target, proxy } = await start({ [TENANT]: { max_label_names_per_series: 4 } });
    const sent = await sendByPrometheus(proxy.base, { tenant: TENANT, version }, () =>
      sleep(12_000),
    );
    const answers = refused(proxy, 400);
    expect(answers.length).toBeGreaterThan(1);
    for (const { answer, body } of answers) {
      expect(withBody(proxy.seen, body).length).toBe(1);
      expect(answer.body.toString()).toContain(LABELS);
      const written = answer.headers['x-prometheus-remote-write-samples-written'];
      if (version === 1) expect(written).toBeUndefined();
      else expect(Number(written)).toBeGreaterThan(0);
    }
    const allowed = sent.lines.filter(isWithin(4));
    expect(allowed.length).toBeGreaterThan(500);
    expect(allowed.length).toBeLessThan(sent.lines.length);
    expect((await target.dump(TENANT)).filter(sent.isSent)).toEqual(allowed);
  });

  it.each(['protobuf', 'json'] as const)(
    'by a request rate: the SDK of Node.js, %s',
    async (transport) => {
      const { target, proxy } = await start(ONE_REQUEST);
      const url = `${proxy.base}/otlp/v1/metrics`;
      const settings = { url, tenant: TENANT, temporality: 'delta', timeoutMs: 60_000 } as const;
      const failures = await sendRounds(JOB, createExporter(transport, settings));
      expect(failures).toEqual([undefined, undefined]);
      expect(proxy.seen.map(({ answer }) => answer.status)).toEqual([200, 429, 200]);
      expectTold(proxy, REQUEST_RATE);
      const [, first, second] = proxy.seen;
      const toldMs = 1000 * Number(first!.answer.headers['retry-after']);
      expect(second!.atMs - first!.answeredMs).toBeGreaterThanOrEqual(toldMs);
      expect(await target.values(TENANT, identityOf(JOB))).toEqual(expectedSeries('delta'));
    },
  );

  it('by a request rate, over gRPC: the SDK of Node.js, which repeats nothing', async () => {
    const { target } = await start(ONE_REQUEST);
    const url = `http://${target.grpc}`;
    const settings = { url, tenant: TENANT, temporality: 'delta', timeoutMs: 60_000 } as const;
    const failures = await sendRounds(JOB, createExporter('grpc', settings));
    expect(failures[0]).toBeUndefined();
    expect(failures[1]?.message).toContain(`${status.RESOURCE_EXHAUSTED} RESOURCE_EXHAUSTED`);
    expect(failures[1]?.message).toContain(REQUEST_RATE);
    const first = Object.entries(expectedSeries('delta')).map(([key, [value]]) => [key, [value]]);
    expect(await target.values(TENANT, identityOf(JOB))).toEqual(Object.fromEntries(first));
  });

  it('by a request rate, over gRPC: the SDK of Python', async () => {
    const { target } = await start(ONE_REQUEST);
    const url = `http://${target.grpc}`;
    const settings = { url, tenant: TENANT, temporality: 'delta', timeoutMs: 60_000 } as const;
    const said = await sendByPython(JOB, 'grpc', settings);
    expect(said).toMatch(/RESOURCE_EXHAUSTED .* retrying in [2-4]\.00s/);
    expect(said).toContain(REQUEST_RATE);
    expect(await target.values(TENANT, identityOf(JOB))).toEqual(expectedSeries('delta'));
  });

  it('by a request rate, over gRPC: the Collector', async () => {
    const { target } = await start(ONE_REQUEST);
    const collector = await startCollector({
      otlp_grpc: {
        ...{ endpoint: target.grpc, tls: { insecure: true }, headers: { 'X-Scope-OrgID': TENANT } },
        // It repeats what a limit refused only if it is told when; this is less than Weir tells.
        retry_on_failure: { initial_interval: '100ms', max_interval: '100ms' },
      },
    });
    stops.push(() => collector.stop());
    const { url } = collector;
    const startedMs = performance.now();
    await sendRounds(JOB, createExporter('protobuf', { url, tenant: '', temporality: 'delta' }));
    await expect
      .poll(() => target.values(TENANT, identityOf(JOB)), { timeout: PATIENCE_MS })
      .toEqual(expectedSeries('delta'));
    expect(performance.now() - startedMs).toBeGreaterThan(1000 * RETRY_MIN_SECONDS);
  });

  it('by a limit of labels: the SDK of Node.js', async () => {
    const { target, proxy } = await start({
      [TENANT]: { max_label_names_per_series: 3, max_label_names_per_info_series: 3 },
      nothing: { max_label_names_per_series: 2, max_label_names_per_info_series: 2 },
    });
    const send = (tenant: string) => {
      const url = `${proxy.base}/otlp/v1/metrics`;
      return sendRounds(JOB, createExporter('json', { url, tenant, temporality: 'delta' }));
    };
    // Some are taken: that is success, and the answer says what was left out.
    expect(await send(TENANT)).toEqual([undefined, undefined]);
    expect(proxy.seen.length).toBe(ROUNDS.length);
    for (const { answer } of proxy.seen) {
      const { partialSuccess } = JSON.parse(answer.body.toString()) as {
        partialSuccess: { rejectedDataPoints: string; errorMessage: string };
      };
      expect([answer.status, partialSuccess.rejectedDataPoints]).toEqual([200, '4']);
      expect(partialSuccess.errorMessage).toContain(LABELS);
    }
    const allowed = Object.entries(expectedSeries('delta')).filter(([key]) => key.endsWith('[]'));
    expect(await target.values(TENANT, identityOf(JOB))).toEqual(Object.fromEntries(allowed));
    // Nothing is taken: that is bad, and not repeated.
    const failures = await send('nothing');
    expect(failures.map((failure) => failure instanceof Error)).toEqual([true, true]);
    const bad = proxy.seen.slice(ROUNDS.length).map(({ answer }) => answer);
    expect(bad.map(({ status }) => status)).toEqual([400, 400]);
    for (const { body } of bad) expect(JSON.parse(body.toString()).message).toContain(LABELS);
  });
});
