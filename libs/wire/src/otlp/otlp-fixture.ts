// OTLP requests as data for tests: encoded by protobufjs, scanned by Weir, and the runs decoded again.
import protobuf from 'protobufjs';
import type { PushKernel } from '../push-kernel/push-kernel.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { OtlpScan } from './scan.ts';
import type { OtlpTranslation } from './translation.ts';

const proto = (name: string) =>
  protobuf.loadSync(new URL(`../../../../proto/${name}.proto`, import.meta.url).pathname);

export const OtlpRequest: protobuf.Type = proto('otlp').lookupType(
  'weir.otlp.ExportMetricsServiceRequest',
);
export const WriteRequest: protobuf.Type = proto('write').lookupType('weir.write.WriteRequest');

export const NOW = 1_700_000_000_000;

export const RULES: WriteRules = {
  labelNameBytesMax: 60,
  labelValueBytesMax: 300,
  labelNamesMax: 12,
  labelNamesInfoMax: 14,
  timestampMaxMs: NOW,
  timestampMinMs: Number.NEGATIVE_INFINITY,
  legacyNames: false,
  metadataBytesMax: 200,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

export const TRANSLATION: OtlpTranslation = {
  strategy: 'UnderscoreEscapingWithSuffixes',
  underscoresKept: true,
  keyPrefixed: true,
  promotedAttributes: [],
  identifyingKept: false,
  scopeLabels: false,
  customBuckets: false,
  deltas: false,
  startTimes: 'none',
};

/** `ms` as the string of nanoseconds that protobufjs takes for a fixed64. */
export function nanos(ms: number): string {
  return `${BigInt(ms) * 1_000_000n + 999_999n}`;
}

export function text(value: string): object {
  return { stringValue: value };
}

export function attributes(values: Readonly<Record<string, object | string>>): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? text(value) : value,
  }));
}

/** A request of one resource and one scope. */
export function requestOf(
  metrics: readonly object[],
  resource: Readonly<Record<string, object | string>> = {},
): object {
  return {
    resourceMetrics: [
      { resource: { attributes: attributes(resource) }, scopeMetrics: [{ metrics }] },
    ],
  };
}

export function encode(request: object): Uint8Array {
  return OtlpRequest.encode(OtlpRequest.fromObject(request)).finish();
}

export interface ScannedHistogram {
  readonly schema: number;
  readonly countInt: number;
  readonly sum: number;
  readonly zeroCountInt: number;
  readonly zeroThreshold: number;
  readonly resetHint: number;
  readonly positiveSpans: readonly { readonly offset: number; readonly length: number }[];
  readonly positiveDeltas: readonly number[];
  readonly negativeSpans: readonly { readonly offset: number; readonly length: number }[];
  readonly negativeDeltas: readonly number[];
  readonly customValues: readonly number[];
}

export interface ScannedSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [number, number])[];
  readonly histograms: readonly ScannedHistogram[];
  readonly exemplars: readonly {
    labels: Record<string, string>;
    timestamp: number;
    value: number;
  }[];
  readonly createdMs: number;
}

export interface Scanned {
  readonly series: ScannedSeries[];
  readonly metadata: { type: number; family: string; help: string; unit: string }[];
  readonly accepted: AcceptedWrite;
  readonly scan: OtlpScan;
  readonly hashes: number[];
}

export interface ScanOptions {
  readonly rules?: Partial<WriteRules>;
  readonly translation?: Partial<OtlpTranslation>;
  readonly budget?: number;
  readonly scan?: OtlpScan;
  /** The body is scanned in its memory. */
  readonly kernel?: PushKernel | undefined;
}

export function scanBytes(body: Uint8Array, options: ScanOptions = {}): Scanned {
  const accepted = new AcceptedWrite();
  const { kernel, scan = new OtlpScan() } = options;
  const held = kernel?.load(body) ?? body;
  scan.start(held, held.length, {
    seed: 5,
    rules: { ...RULES, ...options.rules },
    translation: { ...TRANSLATION, ...options.translation },
    ...(kernel === undefined ? {} : { kernel }),
  });
  while (!scan.run(options.budget ?? 1 << 20, accepted));
  return { ...decoded(accepted, kernel), accepted, scan };
}

export function scanRequest(request: object, options: ScanOptions = {}): Scanned {
  return scanBytes(encode(request), options);
}

export function runOf(accepted: AcceptedWrite, index: number, kernel?: PushKernel): Uint8Array {
  const from = accepted.from[index]!;
  const size = accepted.size[index]!;
  return from < 0
    ? accepted.rewritten.bytes.slice(~from, ~from + size)
    : kernel!.run(from, size).slice();
}

/** Everything the runs hold, in order. */
export function decoded(
  accepted: AcceptedWrite,
  kernel?: PushKernel,
): Pick<Scanned, 'series' | 'metadata' | 'hashes'> {
  const series: ScannedSeries[] = [];
  const metadata: Scanned['metadata'] = [];
  const hashes: number[] = [];
  for (let index = 0; index < accepted.count; index++) {
    const run = runOf(accepted, index, kernel);
    const { timeseries, metadata: entries } = WriteRequest.toObject(WriteRequest.decode(run), {
      defaults: true,
      arrays: true,
      longs: Number,
    });
    if (timeseries.length > 0) hashes.push(accepted.hash[index]!);
    for (const one of timeseries) series.push(seriesOf(one));
    for (const { type, metricFamilyName, help, unit } of entries) {
      const [family, shownHelp, shownUnit] = [metricFamilyName, help, unit].map(shown);
      metadata.push({ type, family: family!, help: shownHelp!, unit: shownUnit! });
    }
  }
  return { series, metadata, hashes };
}

// biome-ignore lint/suspicious/noExplicitAny: protobufjs decodes to plain objects without types
function seriesOf(one: any): ScannedSeries {
  return {
    labels: labelsOf(one.labels),
    samples: one.samples.map((sample: { timestamp: number; value: number }) => [
      sample.timestamp,
      sample.value,
    ]),
    histograms: one.histograms,
    exemplars: one.exemplars.map((x: { labels: []; timestamp: number; value: number }) => ({
      labels: labelsOf(x.labels),
      timestamp: x.timestamp,
      value: x.value,
    })),
    createdMs: one.createdTimestamp,
  };
}

function labelsOf(labels: readonly { name: Uint8Array; value: Uint8Array }[]) {
  return Object.fromEntries(labels.map(({ name, value }) => [shown(name), shown(value)]));
}

function shown(bytes: Uint8Array | string): string {
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
}
