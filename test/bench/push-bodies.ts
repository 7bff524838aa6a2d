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

function instanceLabels(instance: number): Labels {
  return [
    ['cluster', 'production-eu-west-1'],
    ['container', 'api'],
    ['instance', `10.${instance % 255}.${instance % 7}.17:9090`],
    ['job', 'monitoring/api-server'],
    ['namespace', 'monitoring'],
    ['pod', `api-server-7d9f8b6c5d-${(instance * 7919).toString(36)}`],
  ];
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
          attributes: attributes(seriesLabels(index)),
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
            ['service.instance.id', `10.${instance % 255}.${instance % 7}.17:9090`],
          ]),
        },
        scopeMetrics: [{ scope: { name: 'bench' }, metrics }],
      };
    },
  );
  const type = typeOf('otlp', 'weir.otlp.ExportMetricsServiceRequest');
  return encoded(type, type.fromObject({ resourceMetrics }));
}
