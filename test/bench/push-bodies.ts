// The same series as bodies of remote write 1.0, 2.0 and OTLP, encoded by protobufjs: about 233 bytes of labels in
// ten labels, as an instrumented service behind Kubernetes sends them, a hundred series an instance.
import { seededRandom } from '@weir/runtime';
import protobuf from 'protobufjs';

const SERIES_OF_INSTANCE = 100;
const NAMES = 31;
const TIME_MS = 1_700_000_000_000;
const GAUGE_TYPE = 2;

/** Benchmarks run in the root of their tree. */
const typeOf = (file: string, name: string) =>
  protobuf.loadSync(`proto/${file}.proto`).lookupType(name);

const random = seededRandom(7);

type Labels = readonly (readonly [name: string, value: string])[];

function podLabels(instance: number): Labels {
  return [
    ['cluster', 'production-eu-west-1'],
    ['container', 'api'],
    ['namespace', 'monitoring'],
    ['pod', `api-server-7d9f8b6c5d-${(instance * 7919).toString(36)}`],
  ];
}

const addressOf = (instance: number) => `10.${instance % 255}.${instance % 7}.17:9090`;

function instanceLabels(instance: number): Labels {
  const target: Labels = [
    ['instance', addressOf(instance)],
    ['job', 'monitoring/api-server'],
  ];
  return [...podLabels(instance), ...target];
}

function seriesLabels(index: number): Labels {
  return [
    ['endpoint', `/api/v1/resource/${index % SERIES_OF_INSTANCE}`],
    ['method', index % 2 === 0 ? 'GET' : 'POST'],
    ['status_code', String(200 + (index % 5))],
  ];
}

function nameOf(index: number): string {
  return `http_server_request_duration_seconds_${index % NAMES}`;
}

function labelsOf(index: number): Labels {
  const instance = Math.floor(index / SERIES_OF_INSTANCE);
  const labels: [string, string][] = [
    ['__name__', nameOf(index)],
    ...[...instanceLabels(instance), ...seriesLabels(index)].map(
      ([name, value]): [string, string] => [name, value],
    ),
  ];
  return labels.sort(([a], [b]) => (a < b ? -1 : 1));
}

function sampleValue(index: number): number {
  return index % 3 === 0 ? index : random.next() * 1000;
}

const indices = (first: number, count: number) =>
  Array.from({ length: count }, (_, at) => first + at);
const encoded = (type: protobuf.Type, message: object) =>
  Buffer.from(type.encode(message).finish());

export function remoteWrite1Body(first: number, count: number): Buffer {
  const timeseries = indices(first, count).map((index) => ({
    labels: labelsOf(index).map(([name, value]) => ({
      name: Buffer.from(name),
      value: Buffer.from(value),
    })),
    samples: [{ value: sampleValue(index), timestamp: TIME_MS }],
  }));
  return encoded(typeOf('write', 'weir.write.WriteRequest'), { timeseries });
}

export function remoteWrite2Body(first: number, count: number): Buffer {
  const symbols = new Map<string, number>([['', 0]]);
  const reference = (text: string) => {
    const known = symbols.get(text) ?? symbols.size;
    symbols.set(text, known);
    return known;
  };
  const timeseries = indices(first, count).map((index) => ({
    labelsRefs: labelsOf(index).flatMap(([name, value]) => [reference(name), reference(value)]),
    samples: [{ value: sampleValue(index), timestamp: TIME_MS }],
    metadata: { type: GAUGE_TYPE },
  }));
  return encoded(typeOf('write', 'weir.write.Request'), {
    symbols: [...symbols.keys()].map((text) => Buffer.from(text)),
    timeseries,
  });
}

const attributes = (labels: Labels) =>
  labels.map(([key, value]) => ({ key, value: { stringValue: value } }));

export function otlpBody(first: number, count: number): Buffer {
  const resourceMetrics = indices(first / SERIES_OF_INSTANCE, count / SERIES_OF_INSTANCE).map(
    (instance) => {
      const points = new Map<string, object[]>();
      for (const index of indices(instance * SERIES_OF_INSTANCE, SERIES_OF_INSTANCE)) {
        const point = {
          attributes: attributes([...podLabels(instance), ...seriesLabels(index)]),
          timeUnixNano: `${TIME_MS}000000`,
          asDouble: sampleValue(index),
        };
        const name = nameOf(index);
        points.set(name, [...(points.get(name) ?? []), point]);
      }
      const metrics = [...points].map(([name, dataPoints]) => ({ name, gauge: { dataPoints } }));
      return {
        resource: {
          attributes: attributes([
            ['service.name', 'api-server'],
            ['service.namespace', 'monitoring'],
            ['service.instance.id', addressOf(instance)],
          ]),
        },
        scopeMetrics: [{ scope: { name: 'bench' }, metrics }],
      };
    },
  );
  const type = typeOf('otlp', 'weir.otlp.ExportMetricsServiceRequest');
  return encoded(type, type.fromObject({ resourceMetrics }));
}

/** What every sample's time looks like in a body, and where its value stands beside it. */
const TIME_MARK = Buffer.from([0x10, 0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31]);
const VALUE_BEFORE = -8;
const NANOS_MARK = Buffer.concat([Buffer.of(0x19), nanosBytes(TIME_MS)]);
const VALUE_BEHIND = 10;

function nanosBytes(timeMs: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(timeMs) * 1_000_000n);
  return bytes;
}

/** A body whose samples can be given another time, and other values with it. */
export class StampedBody {
  readonly bytes: Buffer;
  readonly #times: readonly number[];
  readonly #isOtlp: boolean;

  constructor(bytes: Buffer, isOtlp: boolean) {
    this.bytes = bytes;
    this.#isOtlp = isOtlp;
    const mark = isOtlp ? NANOS_MARK : TIME_MARK;
    const times: number[] = [];
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) {
      times.push(at);
    }
    this.#times = times;
  }

  get samples(): number {
    return this.#times.length;
  }

  /** Every third value stays, others grow, as counters do. */
  stamp(timeMs: number): void {
    const nanos = nanosBytes(timeMs);
    for (const [index, at] of this.#times.entries()) {
      if (this.#isOtlp) nanos.copy(this.bytes, at + 1);
      else writeTime(this.bytes, at + 1, timeMs);
      if (index % 3 === 0) continue;
      const valueAt = at + (this.#isOtlp ? VALUE_BEHIND : VALUE_BEFORE);
      this.bytes.writeDoubleLE(this.bytes.readDoubleLE(valueAt) + (index % 50), valueAt);
    }
  }
}

/** A varint of six bytes, as all times of this age are. */
function writeTime(bytes: Buffer, start: number, timeMs: number): void {
  let rest = timeMs;
  for (let at = start; at < start + 6; at++) {
    bytes[at] = (rest % 128) | (at < start + 5 ? 128 : 0);
    rest = Math.floor(rest / 128);
  }
}
