// Log records as Mimir writes and reads them, for tests: by another encoder than ours (protobufjs, on
// proto/mimir-record.proto), with Mimir's rules of version 2 (reference/mimir-ingest, 1.3) written anew.
// 64-bit numbers are decimal strings, and doubles are their bits: nothing is rounded on the way.
import protobuf from 'protobufjs';

const schema = protobuf.loadSync(
  new URL('../../../../proto/mimir-record.proto', import.meta.url).pathname,
);
const WriteRequest = schema.lookupType('mimir.record.WriteRequest');
const Histogram = schema.lookupType('mimir.record.Histogram');

export type Labels = readonly (readonly [name: string, value: string])[];

export interface MimirExemplar {
  readonly labels: Labels;
  readonly value: string;
  readonly timestamp: string;
}

export interface MimirSeries {
  readonly labels: Labels;
  readonly samples: readonly { readonly value: string; readonly timestamp: string }[];
  /** As protobufjs shows them: see `plainHistogram`. */
  readonly histograms: readonly object[];
  readonly exemplars: readonly MimirExemplar[];
  readonly created: string;
}

export interface MimirMetadata {
  readonly type: number;
  readonly family: string;
  readonly help: string;
  readonly unit: string;
}

export interface MimirWrite {
  readonly series: readonly MimirSeries[];
  readonly metadata: readonly MimirMetadata[];
  readonly source?: number;
}

/** The texts that both sides of version 2 know, by reference. */
const COMMON = (
  '|__name__|__aggregation__|<aggregated>|le|component|cortex_request_duration_seconds_bucket' +
  '|storage_operation_duration_seconds_bucket|grafana|asserts_env|asserts_request_context' +
  '|asserts_source|asserts_entity_type|asserts_request_type|name|image|cluster|namespace|pod|job' +
  '|instance|container|replicaset|interface|status_code|resource|operation|method|kube-system' +
  '|kube-system/cadvisor|node-exporter|node-exporter/node-exporter|kube-system/kubelet' +
  '|kube-system/node-local-dns|kube-state-metrics/kube-state-metrics|default/kubernetes'
).split('|');
const OWN_FROM = 64;
const RECORD_SYMBOLS = { common: COMMON, ownFrom: OWN_FROM };

/** The bits of a double, as this fixture tells values. */
export function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString();
}

/** protobufjs takes each 32-bit number of more than five bytes for one of ten; others read as many as there are. */
function readerOf(bytes: Uint8Array): protobuf.Reader {
  const reader = protobuf.Reader.create(Buffer.from(bytes));
  reader.uint32 = () => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (reader.pos >= reader.len) throw new Error('the message ends within a number');
      const byte = reader.buf[reader.pos++]!;
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new Error('a number of more than ten bytes');
  };
  return reader;
}

/** A Histogram message's fields, its defaults left out. */
export function plainHistogram(message: Uint8Array): object {
  return plain(Histogram.decode(readerOf(message)), Histogram);
}

export function encodeMimirHistogram(histogram: object): Uint8Array {
  return Histogram.encode(Histogram.fromObject(histogram)).finish();
}

/** Header `Version`, as Mimir sets it: none means 0. */
export function versionHeader(version: number): Buffer | undefined {
  return version === 0 ? undefined : Buffer.from([0, 0, 0, version]);
}

/** The value of a record of this version. */
export function encodeMimirRecord(write: MimirWrite, version: 0 | 1 | 2): Uint8Array {
  const request = version === 2 ? asRw2(write) : asRw1(write);
  return WriteRequest.encode(WriteRequest.fromObject(request)).finish();
}

/** A push of remote write 2.0: the same fields as version 2, but all symbols are the request's own. */
export function encodeRemoteWrite2(write: MimirWrite): Uint8Array {
  const request = asRw2(write, { common: [''], ownFrom: 0 });
  return WriteRequest.encode(WriteRequest.fromObject(request)).finish();
}

export function decodeMimirRecord(value: Uint8Array, version: number): MimirWrite {
  const request = plain(WriteRequest.decode(readerOf(value)), WriteRequest) as Message;
  const source = request.source === undefined ? {} : { source: request.source as number };
  if (version === 2) {
    if (request.timeseries || request.metadata)
      throw new Error('fields of version 1 in a version 2');
    return { ...fromRw2(request), ...source };
  }
  if (request.symbolsRw2 || request.timeseriesRw2) throw new Error('fields of version 2 in a 1');
  return {
    series: listOf(request.timeseries).map((one) => seriesOf(one, labelsOf(one.labels))),
    metadata: listOf(request.metadata).map((one) => ({
      type: (one.type as number) ?? 0,
      family: (one.metricFamilyName as string) ?? '',
      help: (one.help as string) ?? '',
      unit: (one.unit as string) ?? '',
    })),
    ...source,
  };
}

type Message = Readonly<Record<string, unknown>>;

function plain(message: protobuf.Message, type: protobuf.Type): object {
  return type.toObject(message, { longs: String });
}

function listOf(list: unknown): Message[] {
  return (list as Message[] | undefined) ?? [];
}

function labelsOf(labels: unknown): Labels {
  const text = (bytes: unknown) => (bytes === undefined ? '' : (bytes as Buffer).toString());
  return listOf(labels).map(({ name, value }) => [text(name), text(value)]);
}

function seriesOf(
  one: Message,
  labels: Labels,
  labelsOfExemplar = (e: Message) => labelsOf(e.labels),
) {
  return {
    labels,
    samples: listOf(one.samples).map(({ value, timestampMs }) => ({
      value: (value as string) ?? '0',
      timestamp: (timestampMs as string) ?? '0',
    })),
    histograms: listOf(one.histograms),
    exemplars: listOf(one.exemplars).map((exemplar) => ({
      labels: labelsOfExemplar(exemplar),
      value: (exemplar.value as string) ?? '0',
      timestamp: (exemplar.timestampMs as string) ?? '0',
    })),
    created: (one.createdTimestamp as string) ?? '0',
  };
}

const samplesFor = ({ samples }: MimirSeries) =>
  samples.map(({ value, timestamp }) => ({ value, timestampMs: timestamp }));
const createdFor = ({ created }: MimirSeries) =>
  created === '0' ? {} : { createdTimestamp: created };

function asRw1({ series, metadata, source }: MimirWrite): object {
  const pairs = (labels: Labels) =>
    labels.map(([name, value]) => ({ name: Buffer.from(name), value: Buffer.from(value) }));
  return {
    timeseries: series.map((one) => ({
      labels: pairs(one.labels),
      samples: samplesFor(one),
      histograms: one.histograms,
      exemplars: one.exemplars.map(({ labels, value, timestamp }) => ({
        labels: pairs(labels),
        value,
        timestampMs: timestamp,
      })),
      ...createdFor(one),
    })),
    metadata: metadata.map(({ type, family, help, unit }) => ({
      type,
      metricFamilyName: family,
      help,
      unit,
    })),
    ...(source !== undefined && { source }),
  };
}

/** Metadata goes with the first series of its name; what matches none gets a series of nothing but a name. */
function asRw2(
  { series, metadata, source }: MimirWrite,
  { common, ownFrom } = RECORD_SYMBOLS,
): object {
  const symbols = [''];
  const referenceOf = (symbol: string) => {
    const shared = common.indexOf(symbol);
    if (shared >= 0) return shared;
    const known = symbols.indexOf(symbol);
    return ownFrom + (known >= 0 ? known : symbols.push(symbol) - 1);
  };
  const references = (labels: Labels) => labels.flat().map(referenceOf);
  const left = [...metadata];
  const metadataFor = (name: string | undefined) => {
    const index = left.findIndex(({ family }) => family === name);
    if (index < 0) return {};
    const [{ type, help, unit }] = left.splice(index, 1) as [MimirMetadata];
    return { metadata: { type, helpRef: referenceOf(help), unitRef: referenceOf(unit) } };
  };
  const timeseriesRw2: object[] = series.map((one) => ({
    labelsRefs: references(one.labels),
    samples: samplesFor(one),
    histograms: one.histograms,
    exemplars: one.exemplars.map(({ labels, value, timestamp }) => ({
      labelsRefs: references(labels),
      value,
      timestampMs: timestamp,
    })),
    ...metadataFor(one.labels.find(([name]) => name === '__name__')?.[1]),
    ...createdFor(one),
  }));
  while (left.length > 0) {
    const { family } = left[0]!;
    timeseriesRw2.push({ labelsRefs: references([['__name__', family]]), ...metadataFor(family) });
  }
  return { symbolsRw2: symbols, timeseriesRw2, ...(source !== undefined && { source }) };
}

function fromRw2({ symbolsRw2, timeseriesRw2 }: Message): MimirWrite {
  const symbols = (symbolsRw2 as string[] | undefined) ?? [];
  if (symbols.length > 0 && symbols[0] !== '') throw new Error('the first symbol is not empty');
  const symbolOf = (reference = 0) => {
    const symbol = reference < OWN_FROM ? COMMON[reference] : symbols[reference - OWN_FROM];
    if (symbol === undefined) throw new Error(`no symbol ${reference}`);
    return symbol;
  };
  const labelsAt = ({ labelsRefs }: Message): Labels => {
    const references = (labelsRefs as number[] | undefined) ?? [];
    if (references.length % 2 !== 0) throw new Error('a name without a value');
    return Array.from({ length: references.length / 2 }, (_, index) => [
      symbolOf(references[2 * index]),
      symbolOf(references[2 * index + 1]),
    ]);
  };
  const series: MimirSeries[] = [];
  const metadata: MimirMetadata[] = [];
  for (const one of listOf(timeseriesRw2)) {
    const labels = labelsAt(one);
    const entry = one.metadata as Message | undefined;
    if (entry !== undefined) {
      metadata.push({
        type: (entry.type as number) ?? 0,
        family: labels.find(([name]) => name === '__name__')?.[1] ?? '',
        help: symbolOf(entry.helpRef as number | undefined),
        unit: symbolOf(entry.unitRef as number | undefined),
      });
    }
    const decoded = seriesOf(one, labels, labelsAt);
    const { samples, histograms, exemplars } = decoded;
    const hasData = samples.length + histograms.length + exemplars.length > 0;
    if (hasData || entry === undefined) series.push(decoded);
  }
  return { series, metadata };
}
