// OpenTelemetry's SDKs of Node.js and Python send what they record to Weir over each transport, with either
// temporality: queries answer every series and value of it, and no other; exponential histograms arrive with
// every value in its bucket, exemplars with their spans, metadata as it was declared.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createExporter, type SdkTarget, sendRounds, type Transport } from '../support/node-sdk.ts';
import { sendByPython } from '../support/python-sdk.ts';
import {
  EXPECTED_METADATA,
  EXPONENTIAL,
  expectedBytes,
  expectedSeries,
  expectHistogram,
  identityOf,
  ROUNDS,
  type Temporality,
} from '../support/recording.ts';
import { SenderTarget } from '../support/sender-target.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

interface Case {
  readonly transport: Transport;
  readonly temporality: Temporality;
  readonly gzip: boolean;
}

const cases = (transports: readonly Transport[]): Case[] =>
  transports.flatMap((transport) => [
    { transport, temporality: 'cumulative', gzip: false },
    { transport, temporality: 'delta', gzip: true },
  ]);

describe('OpenTelemetry SDKs', () => {
  let target: SenderTarget;

  beforeAll(async () => {
    target = await SenderTarget.start(['-distributor.otel-native-delta-ingestion=true']);
  });

  afterAll(() => target.stop());

  /** Each job is a tenant. */
  const targetOf = (job: string, { transport, temporality, gzip }: Case): SdkTarget => ({
    url: transport === 'grpc' ? `http://${target.grpc}` : `${target.base}/otlp/v1/metrics`,
    ...{ tenant: job, temporality, gzip },
  });

  async function expectSeries(job: string, temporality: Temporality): Promise<void> {
    expect(await target.values(job, identityOf(job))).toEqual(expectedSeries(temporality));
    expect(await target.metadata(job)).toEqual(expectedMetadata(temporality));
  }

  /** Last, since it takes all out of the head. */
  async function expectHistograms(job: string, temporality: Temporality): Promise<void> {
    const histograms = await target.histograms(job, EXPONENTIAL);
    const recorded = expectedBytes(temporality);
    expect(histograms.length).toBe(recorded.length);
    for (const [round, values] of recorded.entries()) expectHistogram(histograms[round]!, values);
  }

  it.each(cases(['protobuf', 'json', 'grpc']))(
    'of Node.js: $transport, $temporality, gzip $gzip',
    async (each) => {
      const job = `node-${each.transport}-${each.temporality}`;
      const failures = await sendRounds(job, createExporter(each.transport, targetOf(job, each)));
      expect(failures).toEqual(ROUNDS.map(() => undefined));
      await expectSeries(job, each.temporality);
      await expectHistograms(job, each.temporality);
    },
  );

  it.each(cases(['protobuf', 'grpc']))(
    'of Python: $transport, $temporality, gzip $gzip, exemplars',
    async (each) => {
      const job = `python-${each.transport}-${each.temporality}`;
      expect(await sendByPython(job, each.transport, targetOf(job, each))).toBe('');
      await expectSeries(job, each.temporality);
      // The last of each bucket and round.
      const found = await target.exemplars(job, 'request_duration_seconds_bucket');
      const told = found.map(({ labels, value }) => [
        labels.span_id,
        labels.trace_id,
        Number(value),
      ]);
      const span = (number: number) => number.toString(16).padStart(16, '0');
      const last = [
        [1, 0.125],
        [3, 0.875],
        [4, 4],
        [6, 0.25],
        [7, 2],
      ] as const;
      expect(told.sort()).toEqual(last.map(([number, value]) => [span(number), TRACE_ID, value]));
      await expectHistograms(job, each.temporality);
    },
  );
});

/** Deltas are no counters, and their metadata says so. */
function expectedMetadata(temporality: Temporality): Record<string, object[]> {
  const isCumulative = (name: string) => ['queue_length', 'fill_ratio'].includes(name);
  return Object.fromEntries(
    Object.entries(EXPECTED_METADATA).map(([name, metadata]) => {
      const type = temporality === 'cumulative' || isCumulative(name) ? metadata.type : 'unknown';
      return [name, [{ ...metadata, type }]];
    }),
  );
}
