// Good bodies of each protocol, and how one is sent: the mutations start from them.

import { gzipSync } from 'node:zlib';
import type { Distributor, PushAnswer } from '@weir/distributor';
import { systemClock } from '@weir/runtime';
import { ZSTD_FRAMES } from '@weir/wire/zstd-fixture.ts';
import { compressFrameSync } from 'lz4-napi';
import protobuf from 'protobufjs';
import { compressSync } from 'snappy';
import { TENANT } from './target.ts';

export interface Protocol {
  readonly bodies: readonly Buffer[];
  readonly isProtobuf: boolean;
  /** What may be put in anywhere. */
  readonly words: readonly string[];
  send(distributor: Distributor, body: Buffer): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const proto = (file: string, type: string) =>
  protobuf
    .loadSync(new URL(`../../proto/${file}.proto`, import.meta.url).pathname)
    .lookupType(type);
const WriteRequest = proto('write', 'weir.write.WriteRequest');
const Request = proto('write', 'weir.write.Request');
const ExportRequest = proto('otlp', 'weir.otlp.ExportMetricsServiceRequest');

const NOW = Math.floor(systemClock.nowMs());
const bytes = (value: string) => Buffer.from(value);
const label = (name: string, value: string) => ({ name: bytes(name), value: bytes(value) });
const LONG = 'v'.repeat(140);

const SAMPLES = [
  { value: 1, timestamp: NOW - 1 },
  { value: 0, timestamp: NOW },
];
const HISTOGRAMS = [
  { countInt: 3, sum: 4, schema: 1, timestamp: NOW - 2, positiveDeltas: [1, 1] },
  {
    ...{
      countFloat: 6,
      sum: 4,
      schema: 3,
      zeroThreshold: 0.001,
      zeroCountFloat: 1,
      timestamp: NOW,
    },
    ...{ negativeSpans: [{ offset: -2, length: 2 }], negativeCounts: [1, 1], resetHint: 3 },
    ...{
      positiveSpans: [
        { offset: 0, length: 1 },
        { offset: 3, length: 2 },
      ],
    },
    positiveCounts: [1, 1, 1],
  },
  {
    ...{ countInt: 3, sum: 4, schema: -53, timestamp: NOW - 1, customValues: [0.5, 1] },
    ...{ positiveSpans: [{ offset: 0, length: 2 }], positiveDeltas: [1, 1] },
  },
];

function remoteWrite1(): Buffer[] {
  const labels = [label('__name__', 'up'), label('job', 'a'), label('ü', LONG)];
  const metadata = [
    { type: 1, metricFamilyName: bytes('up'), help: bytes('help'), unit: bytes('s') },
  ];
  const exemplars = [{ labels: [label('trace_id', 'x')], value: 1, timestamp: NOW }];
  const histogram = [label('__name__', 'h'), label('cluster', 'c'), label('le', '1')];
  const encode = (request: object) => Buffer.from(WriteRequest.encode(request).finish());
  return [
    encode({ timeseries: [{ labels, samples: SAMPLES }], metadata }),
    encode({ timeseries: [{ labels: [...labels].reverse(), samples: SAMPLES }] }),
    encode({ timeseries: [{ labels, samples: SAMPLES, exemplars }] }),
    encode({ timeseries: [{ labels: histogram, histograms: HISTOGRAMS, exemplars }], metadata }),
    encode({
      timeseries: Array.from({ length: 12 }, (_, index) => ({
        labels: [label('__name__', 'many'), label('index', String(index)), label('job', 'b')],
        samples: SAMPLES.slice(1),
      })),
    }),
  ];
}

function remoteWrite2(): Buffer[] {
  const symbols = ['', '__name__', 'up', 'job', 'a', 'help', LONG].map(bytes);
  const samples = SAMPLES.map((sample) => ({ ...sample, startTimestamp: NOW - 1000 }));
  const metadata = { type: 3, helpRef: 5, unitRef: 4 };
  const one = { labelsRefs: [1, 2, 3, 6], samples, metadata };
  const exemplars = [{ labelsRefs: [3, 4], value: 2, timestamp: NOW }];
  const encode = (request: object) => Buffer.from(Request.encode(request).finish());
  return [
    encode({ symbols, timeseries: [one, one] }),
    encode({ symbols, timeseries: [{ ...one, samples: [], histograms: HISTOGRAMS, exemplars }] }),
    encode({ symbols, timeseries: [{ ...one, labelsRefs: [3, 6, 1, 2], exemplars }] }),
  ];
}

const NANOS = `${NOW}000000`;

function otlp(): object[] {
  const attributes = [
    { key: 'host.name', value: { stringValue: 'a' } },
    { key: '1x', value: { intValue: '5' } },
    { key: 'list', value: { arrayValue: { values: [{ boolValue: true }, { doubleValue: 0.5 }] } } },
    {
      key: 'map',
      value: { kvlistValue: { values: [{ key: 'k', value: { bytesValue: 'AAEC' } }] } },
    },
  ];
  const times = { startTimeUnixNano: `${NOW - 1000}000000`, timeUnixNano: NANOS };
  const point = { ...times, attributes };
  const exemplars = [
    {
      timeUnixNano: NANOS,
      asDouble: 1,
      spanId: 'AAECAwQFBgc=',
      traceId: 'AAECAwQFBgcICQoLDA0ODw==',
    },
  ];
  const metrics = [
    { name: 'a.gauge', unit: 'By', gauge: { dataPoints: [{ ...point, asDouble: 1.5 }] } },
    {
      ...{ name: 'a.sum', description: 'help', unit: '1' },
      sum: {
        ...{ aggregationTemporality: 2, isMonotonic: true },
        dataPoints: [{ ...point, asInt: '7', exemplars }],
      },
    },
    {
      ...{ name: 'a.histogram', unit: 's' },
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            ...{ ...point, count: '4', sum: 5, bucketCounts: ['1', '2', '1'] },
            ...{ explicitBounds: [0.5, 1], exemplars },
          },
        ],
      },
    },
    {
      name: 'an.exponential',
      exponentialHistogram: {
        aggregationTemporality: 1,
        dataPoints: [
          {
            ...{ ...point, count: '6', sum: 5, scale: 9, zeroCount: '1' },
            positive: { offset: -3, bucketCounts: ['1', '0', '0', '0', '2'] },
            negative: { offset: 2, bucketCounts: ['2'] },
          },
        ],
      },
    },
    {
      name: 'a.summary',
      summary: {
        dataPoints: [
          { ...point, count: '2', sum: 3, quantileValues: [{ quantile: 0.5, value: 1 }] },
        ],
      },
    },
  ];
  const resource = {
    attributes: [
      { key: 'service.name', value: { stringValue: 's' } },
      { key: 'host', value: { stringValue: LONG } },
    ],
  };
  const scope = { name: 'scope', version: '1' };
  const request = (of: object[]) => ({
    resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: of }] }],
  });
  return [request(metrics), ...metrics.map((metric) => request([metric]))];
}

const encodeOtlp = (request: object) =>
  Buffer.from(ExportRequest.encode(ExportRequest.fromObject(request)).finish());

function influx(): Buffer[] {
  return [
    `cpu,host=a,region=eu\\ west idle=2i,busy=0.5,free=7u,on=true,name="x, \\"y\\"" ${NANOS}`,
    `m value=1\nm,a=b value=2 ${NANOS}\n# remark\n\nm\\,n,k\\=1=v\\ 2 f=3.5e2,g=-1i ${NANOS}\r\n`,
    `measure,t=${LONG} a=1,b=2,c=3,d=f,e=T ${NANOS}`,
  ].map(bytes);
}

const VERSION_2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';

function remoteWrite(contentType: string, compress = true): Protocol['send'] {
  return async (distributor, body) => {
    const request = { tenant: TENANT, contentEncoding: 'snappy', retryAttempt: undefined };
    const sent = compress ? compressSync(body) : body;
    const answer: PushAnswer = await distributor.push({ ...request, contentType, body: sent });
    return { status: answer.status, text: answer.body };
  };
}

function overOtlp(encoding: 'protobuf' | 'json', compression = ''): Protocol['send'] {
  return async (distributor, body) => {
    const request = { tenant: TENANT, retryAttempt: undefined, encoding, compression };
    const { status, message } = await distributor.otlp.receive({ ...request, body });
    return { status, text: message };
  };
}

async function overInflux(distributor: Distributor, body: Buffer): Promise<Answer> {
  const precision = ['', 'ns', 'us', 'ms', 's', 'm', 'h'][body.length % 7]!;
  const request = { tenant: TENANT, retryAttempt: undefined, contentEncoding: undefined };
  const { status, message } = await distributor.influx.receive({ ...request, precision, body });
  return { status, text: message };
}

const protobufs = otlp().map(encodeOtlp);
const BINARY = { isProtobuf: true, words: [] };
const FRAMED = { isProtobuf: false, words: [] };

/** By name; the last four are compressed framings, mutated as they are. */
export const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  'remote-write-1': {
    ...{ ...BINARY, bodies: [...remoteWrite1(), remoteWrite2()[0]!] },
    send: remoteWrite('application/x-protobuf'),
  },
  'remote-write-2': {
    ...{ ...BINARY, bodies: [...remoteWrite2(), remoteWrite1()[0]!] },
    send: remoteWrite(VERSION_2),
  },
  'otlp-protobuf': { ...BINARY, bodies: protobufs, send: overOtlp('protobuf') },
  'otlp-json': {
    isProtobuf: false,
    bodies: otlp().map((request) => bytes(JSON.stringify(request))),
    words: [
      ...['{', '}', '[', ']', ',', ':', '"', 'null', 'true', '1e999', '-0', '"NaN"', '\\u0000'],
      ...['"dataPoints":', '"gauge":{', '"bucketCounts":["1"]', '9'.repeat(30), '\\ud800', '-1'],
    ],
    send: overOtlp('json'),
  },
  influx: {
    isProtobuf: false,
    bodies: influx(),
    words: [',', '=', ' ', '\n', '"', '\\', '\\\n', 'i', 'u', 't', '#', '1e400', 'NaN', '\0', '-'],
    send: overInflux,
  },
  snappy: {
    ...{ ...FRAMED, bodies: remoteWrite1().map((body) => compressSync(body)) },
    send: remoteWrite('application/x-protobuf', false),
  },
  gzip: {
    ...{ ...FRAMED, bodies: protobufs.map((body) => gzipSync(body)) },
    send: overOtlp('protobuf', 'gzip'),
  },
  zstd: { ...FRAMED, bodies: ZSTD_FRAMES, send: overOtlp('protobuf', 'zstd') },
  lz4: {
    ...{ ...FRAMED, bodies: protobufs.map((body) => compressFrameSync(body)) },
    send: overOtlp('protobuf', 'lz4'),
  },
};
