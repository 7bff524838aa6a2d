// What senders have to say, and the remote write bodies (1.0 and 2.0) that carry it.
import { decodeLabels, METRIC_TYPES, type MetricMetadata, type NativeHistogram } from '@weir/model';
import { encodeHistogram } from '@weir/wire/log-record';

export interface AgentExemplar {
  /** Canonical. */
  readonly labels: Uint8Array;
  readonly t: number;
  readonly value: number;
}

export interface AgentSample {
  /** Canonical. */
  readonly labels: Uint8Array;
  readonly t: number;
  /** Any NaN is a staleness marker. */
  readonly v: number | NativeHistogram;
  /** Since when the series counts, ms; 0 where unknown. */
  readonly createdMs: number;
  readonly exemplar?: AgentExemplar;
}

export interface AgentPush {
  readonly samples: readonly AgentSample[];
  readonly metadata: readonly MetricMetadata[];
}

export type ProtocolVersion = 1 | 2;

const STALE_BYTES = Buffer.from([0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f]);

export function encodePush(push: AgentPush, version: ProtocolVersion): Buffer {
  return version === 1 ? encodeWrite1(push) : encodeWrite2(push);
}

/** prometheus.WriteRequest, a series per label set and created timestamp. */
export function encodeWrite1({ samples, metadata }: AgentPush): Buffer {
  const parts: Uint8Array[] = seriesOf(samples).map((all) => {
    const [{ labels, createdMs }] = all as [AgentSample];
    const floats = all.map(({ t, v }) => (typeof v === 'number' ? field(2, floatOf(t, v)) : NONE));
    const exemplars = all.map(({ exemplar }) => {
      if (exemplar === undefined) return NONE;
      return field(3, Buffer.concat([exemplar.labels, ...numbersOf(exemplar)]));
    });
    const histograms = all.map(({ t, v }) => (typeof v === 'number' ? NONE : histogramOf(t, v, 0)));
    const created = createdMs === 0 ? NONE : number(6, createdMs);
    return field(1, Buffer.concat([labels, ...floats, ...exemplars, ...histograms, created]));
  });
  const entries = metadata.map(({ metric, type, help, unit }) =>
    field(
      3,
      Buffer.concat([
        number(1, METRIC_TYPES.indexOf(type)),
        ...[
          field(2, Buffer.from(metric)),
          field(4, Buffer.from(help)),
          field(5, Buffer.from(unit)),
        ],
      ]),
    ),
  );
  return Buffer.concat([...parts, ...entries]);
}

/** io.prometheus.write.v2.Request; metadata goes with the series of its metric, if there is one. */
export function encodeWrite2({ samples, metadata }: AgentPush): Buffer {
  const symbols = new Map([['', 0]]);
  const referenceOf = (text: string) => {
    const reference = symbols.get(text) ?? symbols.size;
    symbols.set(text, reference);
    return reference;
  };
  const references = (labels: Uint8Array) => {
    const all = decodeLabels(labels).flatMap(({ name, value }) => [name, value].map(referenceOf));
    return field(1, Buffer.concat(all.map(varint)));
  };
  const series = seriesOf(samples).map((all) => {
    const [{ labels, createdMs }] = all as [AgentSample];
    const parts: Uint8Array[] = [references(labels)];
    for (const { t, v, exemplar } of all) {
      if (typeof v !== 'number') parts.push(histogramOf(t, v, createdMs, 3));
      else parts.push(field(2, Buffer.concat([floatOf(t, v), number(3, createdMs)])));
      if (exemplar !== undefined) {
        parts.push(field(4, Buffer.concat([references(exemplar.labels), ...numbersOf(exemplar)])));
      }
    }
    const name = decodeLabels(labels).find((label) => label.name === '__name__')?.value;
    for (const { metric, type, help, unit } of metadata) {
      if (metric !== name) continue;
      const texts = [number(3, referenceOf(help)), number(4, referenceOf(unit))];
      parts.push(field(5, Buffer.concat([number(1, METRIC_TYPES.indexOf(type)), ...texts])));
      break;
    }
    return field(5, Buffer.concat(parts));
  });
  const table = [...symbols.keys()].map((symbol) => field(4, Buffer.from(symbol)));
  return Buffer.concat([...table, ...series]);
}

/** In the order in which they came. */
function seriesOf(samples: readonly AgentSample[]): AgentSample[][] {
  const bySeries = new Map<Uint8Array, Map<number, AgentSample[]>>();
  for (const sample of samples) {
    const byCreated = bySeries.get(sample.labels) ?? new Map<number, AgentSample[]>();
    bySeries.set(sample.labels, byCreated);
    const known = byCreated.get(sample.createdMs);
    if (known === undefined) byCreated.set(sample.createdMs, [sample]);
    else known.push(sample);
  }
  return [...bySeries.values()].flatMap((byCreated) => [...byCreated.values()]);
}

const NONE = Buffer.alloc(0);

function floatOf(t: number, v: number): Buffer {
  return Buffer.concat([fixed(1, v), number(2, t)]);
}

function numbersOf({ t, value }: AgentExemplar): Buffer[] {
  return [fixed(2, value), number(3, t)];
}

function histogramOf(t: number, histogram: NativeHistogram, startT: number, at = 4): Buffer {
  return field(at, encodeHistogram({ t, startT, histogram }));
}

function fixed(at: number, v: number): Buffer {
  const value = Buffer.alloc(9);
  value[0] = (at << 3) | 1;
  if (Number.isNaN(v)) STALE_BYTES.copy(value, 1);
  else value.writeDoubleLE(v, 1);
  return value;
}

function number(at: number, value: number): Buffer {
  return Buffer.concat([varint(at << 3), varint(value)]);
}

function field(at: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint((at << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let left = value;
  while (left >= 128) {
    out.push((left % 128) | 128);
    left = Math.floor(left / 128);
  }
  out.push(left);
  return Buffer.from(out);
}
