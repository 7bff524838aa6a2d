// Series with histograms, exemplars and start timestamps, for tests: encoded by another encoder than ours, then
// scanned as a push.
import protobuf from 'protobufjs';
import { encodeHistogram } from '../histogram/encode-histogram.ts';
import { histogramOf } from '../histogram/histogram-fixture.ts';
import { RemoteWrite1Scan } from '../remote-write-1/scan.ts';
import { RemoteWrite2Scan } from '../remote-write-2/scan.ts';
import { AcceptedWrite } from './accepted-write.ts';
import type { WriteRules } from './write-rules.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
export const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const Request = schema.lookupType('weir.write.Request');
export const TimeSeries = schema.lookupType('weir.write.TimeSeries');
const Histogram = schema.lookupType('weir.write.Histogram');

export const NOW = 1_700_000_000_000;
export const RULES: WriteRules = {
  labelNameBytesMax: 1024,
  labelValueBytesMax: 2048,
  labelNamesMax: 30,
  labelNamesInfoMax: 80,
  timestampMaxMs: NOW,
  timestampMinMs: 0,
  legacyNames: false,
  metadataBytesMax: 1024,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

export const label = (name: string, value: string) => ({
  name: Buffer.from(name),
  value: Buffer.from(value),
});
export const LABELS = [label('__name__', 'm'), label('job', 'x')];

export interface Sent {
  samples?: object[];
  histograms?: object[];
  exemplars?: object[];
  createdTimestamp?: number;
}

export interface Scanned {
  accepted: AcceptedWrite;
  series: Record<string, unknown>[];
  message: string | undefined;
}

export function run(
  scanner: RemoteWrite1Scan | RemoteWrite2Scan,
  body: Uint8Array,
  rules: WriteRules,
): Scanned {
  const accepted = new AcceptedWrite();
  scanner.start(body, body.length, 5);
  while (!scanner.run(1 << 20, rules, accepted));
  const runs = Array.from({ length: accepted.count }, (_, index) => {
    const from = accepted.from[index]!;
    const source = from < 0 ? accepted.rewritten.bytes : body;
    const start = from < 0 ? ~from : from;
    return source.slice(start, start + accepted.size[index]!);
  });
  const decoded = WriteRequest.toObject(WriteRequest.decode(Buffer.concat(runs)), {
    longs: Number,
  }) as { timeseries?: Record<string, unknown>[] };
  return {
    accepted,
    series: decoded.timeseries ?? [],
    message: accepted.firstRejection?.message,
  };
}

export function push1(sent: Sent[], rules: Partial<WriteRules> = {}): Scanned {
  const timeseries = sent.map((one) => ({ labels: LABELS, ...one }));
  const body = WriteRequest.encode({ timeseries }).finish();
  return run(new RemoteWrite1Scan(), body, { ...RULES, ...rules });
}

/** With the symbols m, job, x and a, b; exemplars' labels are references. */
export function push2(sent: Sent[]): Scanned {
  const symbols = ['', '__name__', 'm', 'job', 'x', 'a', 'b'].map((text) => Buffer.from(text));
  const timeseries = sent.map((one) => ({ labelsRefs: [1, 2, 3, 4], ...one }));
  return run(new RemoteWrite2Scan(), Request.encode({ symbols, timeseries }).finish(), RULES);
}

/** A histogram as protobufjs takes it. */
export const histogram = (t: number, plan: Parameters<typeof histogramOf>[0] = {}, startT = 0) =>
  Histogram.decode(Buffer.from(encodeHistogram({ t, startT, histogram: histogramOf(plan) })));
export const exemplar = (timestamp: number, ...labels: [string, string][]) => ({
  labels: labels.map(([name, value]) => label(name, value)),
  value: 1.5,
  timestamp,
});
