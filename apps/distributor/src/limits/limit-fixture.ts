// One series in each protocol, sent behind a witness that nothing is wrong with: what is answered, what of it is
// stored. So each case also says that a refusal costs nothing else of its push. Texts of series are made here by
// other code than ours.
import { fastify } from 'fastify';
import { body1, body2, bytes, decode, NOW, type Setup, setUp, VERSION_2 } from '../push-fixture.ts';

export type Protocol = 'remote write 1.0' | 'remote write 2.0' | 'OTLP' | 'line protocol';
export const REMOTE_WRITE = ['remote write 1.0', 'remote write 2.0'] as const;
export const ALL = [...REMOTE_WRITE, 'OTLP', 'line protocol'] as const;

type Text = string | Uint8Array;

export interface Probe {
  /** Absent: a series without a name. */
  readonly metric?: Text;
  readonly labels?: readonly (readonly [Text, Text])[];
  readonly samples?: readonly { readonly value: number; readonly timestamp: number }[];
  readonly histograms?: readonly object[];
  readonly exemplars?: readonly ExemplarProbe[];
}

export interface ExemplarProbe {
  readonly labels: readonly (readonly [Text, Text])[];
  readonly timestamp: number;
}

export interface Outcome {
  readonly status: number;
  /** The text, without what a protocol puts before it. */
  readonly refusal: string;
  /** Of the probe: samples and histograms. */
  readonly stored: number;
  /** Refused data points, as OTLP says. */
  readonly rejected: number;
}

/** What a push is answered when all of it is stored, and when some. */
export const WHOLE: Readonly<Record<Protocol, number>> = {
  ...{ 'remote write 1.0': 200, 'remote write 2.0': 204, OTLP: 200, 'line protocol': 204 },
};
export const PART: Readonly<Record<Protocol, number>> = {
  ...{ 'remote write 1.0': 400, 'remote write 2.0': 400, OTLP: 200, 'line protocol': 400 },
};

const WITNESS: Probe = { metric: 'w' };
const SAMPLES = [{ value: 1, timestamp: NOW }];
const PARTIAL = 'partial write: ';

export async function send(protocol: Protocol, probe: Probe, setup: Setup = {}): Promise<Outcome> {
  const own = { ...setup, settings: { influxEnabled: true, ...setup.settings } };
  const made = setUp(own);
  const probes = [WITNESS, probe];
  const answer = await answerTo(protocol, probes, made);
  // protobufjs leaves out what a message has none of, which the type of what was sent does not say.
  const series = decode(made.produced) as unknown as {
    readonly labels: readonly { readonly name: Uint8Array; readonly value: Uint8Array }[];
    readonly samples?: readonly object[];
    readonly histograms?: readonly object[];
  }[];
  const isWitness = (one: (typeof series)[number]) =>
    one.labels.some(({ name, value }) => `${name}=${value}` === '__name__=w');
  const witnesses = series.filter(isWitness).length;
  if (witnesses !== 1) throw new Error(`the witness is stored ${witnesses} times`);
  const rest = series.filter((one) => !isWitness(one));
  const stored = rest.reduce(
    (sum, one) => sum + (one.samples?.length ?? 0) + (one.histograms?.length ?? 0),
    0,
  );
  return { ...answer, stored };
}

export async function answerTo(
  protocol: Protocol,
  probes: readonly Probe[],
  { push, distributor }: Pick<ReturnType<typeof setUp>, 'push' | 'distributor'>,
): Promise<Omit<Outcome, 'stored'>> {
  if (protocol === 'remote write 1.0') {
    const { status, body } = await push(remoteWrite1(probes));
    return { status, refusal: body, rejected: 0 };
  }
  if (protocol === 'remote write 2.0') {
    const { status, body } = await push(remoteWrite2(probes), { contentType: VERSION_2 });
    return { status, refusal: body, rejected: 0 };
  }
  if (protocol === 'OTLP') {
    const request = { tenant: 'tenant', encoding: 'json' as const, compression: '' };
    const body = otlpJson(probes);
    const answer = await distributor.otlp.receive({ ...request, retryAttempt: undefined, body });
    const refusal = answer.partial?.errorMessage ?? answer.message;
    return { status: answer.status, refusal, rejected: answer.partial?.rejectedDataPoints ?? 0 };
  }
  const server = fastify();
  distributor.routes(server);
  const url = '/api/v1/push/influx/write?precision=ms';
  const answer = await server.inject({ method: 'POST', url, payload: lines(probes) });
  await server.close();
  const message: string = answer.body === '' ? '' : answer.json().error;
  const refusal = message.startsWith(PARTIAL) ? message.slice(PARTIAL.length) : message;
  return { status: answer.statusCode, refusal, rejected: 0 };
}

/** `name{label="value", …}` of what is stored of it, as Mimir prints it: the first 200 characters. */
export function seriesText(protocol: Protocol, probe: Probe): string {
  return [...wholeText(protocol, probe)].slice(0, 200).join('');
}

export function wholeText(protocol: Protocol, { metric = '', labels = [] }: Probe): string {
  const source = protocol === 'line protocol' ? [['__mimir_source__', 'influx'] as const] : [];
  const all = [...labels, ...source]
    .map(([name, value]) => [String(Buffer.from(name as string)), value] as const)
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => `${name}="${Buffer.from(value as string)}"`);
  const name = String(Buffer.from(metric as string));
  return all.length === 0 && name !== '' ? name : `${name}{${all.join(', ')}}`;
}

function labelsOf({ metric, labels = [] }: Probe): (readonly [Text, Text])[] {
  const named = metric === undefined ? [] : [['__name__', metric] as const];
  return [...named, ...labels];
}

export function remoteWrite1(probes: readonly Probe[], metadata: object[] = []): Buffer {
  const pair = ([name, value]: readonly [Text, Text]) => ({
    name: bytes(name),
    value: bytes(value),
  });
  const timeseries = probes.map((probe) => ({
    labels: labelsOf(probe).map(pair),
    samples: probe.samples ?? (probe.histograms ? [] : SAMPLES),
    histograms: probe.histograms ?? [],
    exemplars: (probe.exemplars ?? []).map(({ labels, timestamp }) => ({
      ...{ labels: labels.map(pair), value: 1, timestamp },
    })),
  }));
  return body1(timeseries, metadata);
}

export function remoteWrite2(
  probes: readonly Probe[],
  metadata?: { readonly help: string; readonly unit: string },
): Buffer {
  const symbols: Text[] = [''];
  const symbol = (text: Text) => symbols.push(text) - 1;
  const refs = (labels: readonly (readonly [Text, Text])[]) =>
    labels.flatMap(([name, value]) => [symbol(name), symbol(value)]);
  const timeseries = probes.map((probe) => ({
    labelsRefs: refs(labelsOf(probe)),
    samples: probe.samples ?? (probe.histograms ? [] : SAMPLES),
    histograms: probe.histograms ?? [],
    exemplars: (probe.exemplars ?? []).map(({ labels, timestamp }) => ({
      ...{ labelsRefs: refs(labels), value: 1, timestamp },
    })),
    ...(metadata && {
      metadata: { type: 1, helpRef: symbol(metadata.help), unitRef: symbol(metadata.unit) },
    }),
  }));
  return body2(symbols, timeseries);
}

/** Gauges; texts only. */
export function otlpJson(probes: readonly Probe[]): Buffer {
  const metrics = probes.map(({ metric, labels = [], samples = SAMPLES }) => ({
    name: String(metric),
    gauge: {
      dataPoints: samples.map(({ value, timestamp }) => ({
        attributes: labels.map(([key, text]) => ({
          key: String(key),
          value: { stringValue: String(text) },
        })),
        timeUnixNano: `${timestamp}000000`,
        asDouble: value,
      })),
    },
  }));
  return Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }));
}

export function lines(probes: readonly Probe[]): string {
  const escaped = (text: Text) => String(text).replace(/[ ,=]/g, '\\$&');
  return probes
    .flatMap(({ metric, labels = [], samples = SAMPLES }) =>
      samples.map(({ value, timestamp }) => {
        const tags = labels.map(([name, text]) => `,${escaped(name)}=${escaped(text)}`);
        return `${escaped(metric!)}${tags.join('')} value=${value} ${timestamp}`;
      }),
    )
    .join('\n');
}
