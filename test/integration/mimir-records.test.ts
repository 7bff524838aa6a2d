// Mimir's record topic as it is, on a real broker: records written by hand in versions 0, 1 and 2, as Mimir's
// distributors do, are consumed and answer queries; and what Weir writes is what was pushed, read by a
// client and a decoder that aren't ours.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NativeHistogram } from '@weir/model';
import { openRemoteSeries } from '@weir/query';
import { createHttpReadPort, createReadAgent } from '@weir/query/remote';
import { readHistogramChunk } from '@weir/tsdb/chunk';
import {
  bitsOf,
  decodeMimirRecord,
  encodeMimirHistogram,
  encodeMimirRecord,
  encodeRemoteWrite2,
  type MimirMetadata,
  type MimirSeries,
  type MimirWrite,
  plainHistogram,
  versionHeader,
} from '@weir/wire/mimir-record-fixture.ts';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';
import { call, type Message, openRaw } from '../support/kafka-raw.ts';
import { api, query, rawSamples } from '../support/prometheus-api.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const TOPIC = `mimir-records-${process.pid}-${Date.now()}`;
const PARTITIONS = 2;
const STEP_MS = 15_000;
const START_MS = Math.floor(Date.now() / STEP_MS) * STEP_MS - 40 * STEP_MS;
const STALE = 0x7ff0000000000002n.toString();
const patience = { timeout: 20_000, interval: 50 };
const RW2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';
const at = (step: number) => START_MS + step * STEP_MS;
const seconds = (step: number) => at(step) / 1000;

let kafka: KafkaProvider;
let directory: string;
let weir: WeirProcess;
let prometheus: string;

beforeAll(async () => {
  kafka = await startKafka();
  const { admin } = openRaw(kafka.brokers);
  const definition = { topic: TOPIC, num_partitions: PARTITIONS, replication_factor: 1 };
  await call((done) => admin.createTopic(definition, 10_000, done));
  admin.disconnect();
  directory = await mkdtemp(join(tmpdir(), 'weir-mimir-'));
});
afterAll(async () => {
  await weir?.stop();
  await kafka?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function startWeir(...flags: string[]): Promise<void> {
  weir = new WeirProcess({
    port: await freePort(),
    flags: [
      ...[`-data-dir=${directory}`, '-log.level=warn'],
      `-ingest-storage.kafka.address=${kafka.brokers}`,
      `-ingest-storage.kafka.topic=${TOPIC}`,
      ...flags,
    ],
  });
  await weir.start();
  prometheus = `${weir.base}/prometheus`;
}

interface HandMade {
  readonly partition: number;
  readonly tenant: string;
  readonly value: Uint8Array;
  readonly version: number;
}

/** Produces as another program would; none of our code is in it. */
async function produce(records: readonly HandMade[]): Promise<void> {
  const { driver } = openRaw(kafka.brokers);
  const producer = new driver.HighLevelProducer({ 'bootstrap.servers': kafka.brokers });
  await call((done) => producer.connect({ timeout: 10_000 }, done));
  for (const { partition, tenant, value, version } of records) {
    const header = versionHeader(version);
    const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
    const headers = header === undefined ? [trace] : [trace, { Version: header }];
    await call((done) =>
      producer.produce(
        TOPIC,
        partition,
        Buffer.from(value),
        Buffer.from(tenant),
        Date.now(),
        headers as never,
        done,
      ),
    );
  }
  await call((done) => producer.disconnect(done));
}

/** What lies in a partition from an offset on. */
async function consume(partition: number, fromOffset: number): Promise<Message[]> {
  const { consumer } = openRaw(kafka.brokers);
  const client = await consumer({
    'bootstrap.servers': kafka.brokers,
    'group.id': `reads-${TOPIC}`,
    'enable.auto.commit': false,
  });
  const { highOffset } = await call<{ highOffset: number }>((done) =>
    client.queryWatermarkOffsets(TOPIC, partition, 5000, done),
  );
  client.assign([{ topic: TOPIC, partition, offset: fromOffset }]);
  const messages: Message[] = [];
  while (fromOffset + messages.length < highOffset) {
    client.setDefaultConsumeTimeout(100);
    messages.push(...(await call<Message[]>((done) => client.consume(100, done))));
  }
  await call((done) => client.disconnect(done));
  return messages;
}

const histogram = (step: number, isFloat: boolean) => {
  const shared = {
    sum: bitsOf(18.5 + step),
    schema: 1,
    zeroThreshold: bitsOf(0.001),
    positiveSpans: [
      { offset: 0, length: 2 },
      { offset: 1, length: 1 },
    ],
    negativeSpans: [{ offset: 0, length: 1 }],
    resetHint: 0,
    timestamp: String(at(step)),
  };
  const counts = isFloat
    ? {
        countFloat: bitsOf(7.5),
        zeroCountFloat: bitsOf(1),
        positiveCounts: [1.5, 2, 1].map(bitsOf),
        negativeCounts: [bitsOf(2)],
      }
    : {
        countInt: '9',
        zeroCountInt: '2',
        positiveDeltas: ['1', '1', '-1'],
        negativeDeltas: ['3'],
      };
  return plainHistogram(encodeMimirHistogram({ ...shared, ...counts }));
};

/** One series of each kind, named by `of`. */
function everything(of: string): MimirWrite {
  const labels = (name: string) =>
    [
      ['__name__', `${name}_${of}`],
      ['cluster', 'grafana'],
      ['job', 'default/kubernetes'],
      ['ort', 'Zürich'],
    ] as const;
  const none = { samples: [], histograms: [], exemplars: [], created: '0' };
  const exemplar = {
    labels: [['trace_id', `trace-${of}`]] as const,
    value: bitsOf(0.25),
    timestamp: String(at(2)),
  };
  const series: MimirSeries[] = [
    {
      ...none,
      labels: labels('requests_total'),
      samples: [1, 2, 3].map((step) => ({
        value: bitsOf(step * 1.1),
        timestamp: String(at(step)),
      })),
      exemplars: [exemplar],
      created: String(at(0)),
    },
    { ...none, labels: labels('latency'), histograms: [histogram(1, false), histogram(2, false)] },
    { ...none, labels: labels('load'), histograms: [histogram(1, true)] },
    {
      ...none,
      labels: labels('gone'),
      samples: [bitsOf(1), STALE].map((value, step) => ({ value, timestamp: String(at(step)) })),
    },
  ];
  const described = (family: string, type: number, unit: string): MimirMetadata => {
    return { family: `${family}_${of}`, type, help: `Help of ${of}.`, unit };
  };
  return {
    series,
    metadata: [described('requests_total', 1, ''), described('alone', 2, 'seconds')],
  };
}

async function histogramsOf(metric: string, tenant: string): Promise<[number, NativeHistogram][]> {
  const agent = createReadAgent();
  const port = createHttpReadPort(new URL(weir.base).host, { agent });
  const { batches } = await openRemoteSeries(
    port,
    {
      kind: 'select',
      tenant,
      matchers: [{ name: '__name__', op: '=', value: metric }],
      ...{ minT: at(0), maxT: at(40) },
      partitions: Array.from({ length: PARTITIONS }, (_, partition) => partition),
    },
    AbortSignal.timeout(10_000),
  );
  const found: [number, NativeHistogram][] = [];
  for await (const batch of batches) {
    for (const { encoding, bytes, minT, maxT } of batch.flatMap(({ chunks }) => chunks)) {
      readHistogramChunk(encoding, bytes, minT, maxT, (t, one) => found.push([t, one]));
    }
  }
  agent.destroy();
  return found;
}

async function answersAll(of: string, tenant: string): Promise<void> {
  const labels = { cluster: 'grafana', job: 'default/kubernetes', ort: 'Zürich' };
  const named = (name: string) => ({ __name__: `${name}_${of}`, ...labels });
  const raw = (name: string) => rawSamples(prometheus, `${name}_${of}`, '1h', at(40), tenant);
  await expect.poll(() => raw('requests_total'), patience).toHaveLength(1);
  const [requests] = await raw('requests_total');
  expect(requests!.metric).toEqual(named('requests_total'));
  // Since it says when it was created, it counts from there.
  expect(requests!.values).toEqual([
    [seconds(0), '0'],
    [seconds(1), '1.1'],
    [seconds(2), '2.2'],
    [seconds(3), String(3 * 1.1)],
  ]);
  const instant = async (expression: string, step: number) =>
    (await query(prometheus, expression, at(step), tenant)).result as Record<string, unknown>[];
  expect(await instant(`latency_${of}`, 1)).toEqual([
    {
      metric: named('latency'),
      histogram: [
        seconds(1),
        {
          ...{ count: '9', sum: '19.5' },
          buckets: [
            [1, '-1', '-0.7071067811865475', '3'],
            [3, '-0.001', '0.001', '2'],
            [0, '0.7071067811865475', '1', '1'],
            [0, '1', '1.414213562373095', '2'],
            [0, '2', '2.82842712474619', '1'],
          ],
        },
      ],
    },
  ]);
  // Heads answer them in chunks, as remote read does.
  const layout = {
    schema: 1,
    zeroThreshold: 0.001,
    positiveSpans: Int32Array.of(0, 2, 1, 1),
    negativeSpans: Int32Array.of(0, 1),
  };
  const integers = {
    ...layout,
    ...{ isFloat: false, count: 9, zeroCount: 2 },
    positiveBuckets: Float64Array.of(1, 2, 1),
    negativeBuckets: Float64Array.of(3),
  };
  expect(await histogramsOf(`latency_${of}`, tenant)).toMatchObject([
    [at(1), { ...integers, sum: 19.5 }],
    [at(2), { ...integers, sum: 20.5 }],
  ]);
  const floats = {
    ...layout,
    ...{ isFloat: true, count: 7.5, zeroCount: 1, sum: 19.5 },
    positiveBuckets: Float64Array.of(1.5, 2, 1),
    negativeBuckets: Float64Array.of(2),
  };
  expect(await histogramsOf(`load_${of}`, tenant)).toMatchObject([[at(1), floats]]);
  expect(await instant(`gone_${of}`, 0)).toHaveLength(1);
  expect(await instant(`gone_${of}`, 2)).toEqual([]);
  const range = {
    query: `requests_total_${of}`,
    start: String(seconds(0)),
    end: String(seconds(4)),
  };
  expect((await api(prometheus, '/api/v1/query_exemplars', range, tenant)).data).toEqual([
    {
      seriesLabels: named('requests_total'),
      exemplars: [{ labels: { trace_id: `trace-${of}` }, value: '0.25', timestamp: seconds(2) }],
    },
  ]);
  const metadata = (await api(prometheus, '/api/v1/metadata', {}, tenant)).data;
  expect(metadata).toMatchObject({
    [`requests_total_${of}`]: [{ type: 'counter', help: `Help of ${of}.`, unit: '' }],
    [`alone_${of}`]: [{ type: 'gauge', help: `Help of ${of}.`, unit: 'seconds' }],
  });
}

describe('records by hand', () => {
  const record = (version: 0 | 1 | 2, of: string, tenant = 'team-a') => ({
    partition: version % PARTITIONS,
    tenant,
    value: encodeMimirRecord(everything(of), version),
    version,
  });

  it('of each version are consumed, each by its tenant; what cannot be read is passed', async () => {
    await produce([
      record(0, 'v0'),
      record(1, 'v1'),
      { ...record(2, 'unknown'), version: 3 },
      { ...record(1, 'damaged'), value: Buffer.from('0aff', 'hex') },
      { ...record(1, 'nobody'), tenant: '' },
      record(2, 'v2'),
      record(2, 'other', 'team-b'),
    ]);
    await startWeir();
    for (const of of ['v0', 'v1', 'v2']) await answersAll(of, 'team-a');
    await answersAll('other', 'team-b');
    const names = async (tenant: string) =>
      (await api(prometheus, '/api/v1/label/__name__/values', {}, tenant)).data as string[];
    const kinds = ['gone', 'latency', 'load', 'requests_total'];
    const expected = kinds.flatMap((kind) => ['v0', 'v1', 'v2'].map((of) => `${kind}_${of}`));
    expect(await names('team-a')).toEqual(expected);
    expect(await names('team-b')).toEqual(kinds.map((kind) => `${kind}_other`));
  });

  it('go on while Weir runs and writes beside them', async () => {
    await produce([record(2, 'later')]);
    await answersAll('later', 'team-a');
  });
});

describe('records of a push', () => {
  const ends = () =>
    Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => consume(partition, 0))).then(
      (all) => all.map((messages) => messages.length),
    );
  async function pushed(body: Uint8Array, contentType: string): Promise<Message[]> {
    const before = await ends();
    const response = await fetch(`${weir.base}/api/v1/push`, {
      method: 'POST',
      body: compressSync(Buffer.from(body)),
      headers: {
        'content-type': contentType,
        'content-encoding': 'snappy',
        'x-scope-orgid': 'team-c',
      },
    });
    expect([response.status, await response.text()]).toEqual([
      response.ok ? response.status : 200,
      '',
    ]);
    const found = await Promise.all(before.map((from, partition) => consume(partition, from)));
    return found.flat();
  }
  function check(messages: readonly Message[], version: number, write: MimirWrite): void {
    const decoded = messages.map(({ key, value, headers }) => {
      expect(Buffer.from(key as Buffer).toString()).toBe('team-c');
      const versions = (headers ?? []).flatMap((header) => header.Version ?? []);
      expect(versions).toEqual([versionHeader(version)]);
      return decodeMimirRecord(value!, version);
    });
    const name = ({ labels }: MimirSeries) => labels[0]![1];
    const series = decoded
      .flatMap((one) => one.series)
      .sort((a, b) => (name(a) < name(b) ? -1 : 1));
    expect(series).toEqual([...write.series].sort((a, b) => (name(a) < name(b) ? -1 : 1)));
    const metadata = decoded.flatMap((one) => one.metadata);
    expect(metadata.sort((a, b) => (a.family < b.family ? -1 : 1))).toEqual(
      [...write.metadata].sort((a, b) => (a.family < b.family ? -1 : 1)),
    );
  }
  const write = (of: string, created: string): MimirWrite => {
    const { series, metadata } = everything(of);
    return {
      // Remote write 2.0 takes the family of a counter's metadata from its name.
      metadata: metadata.filter(({ type }) => type !== 1),
      series: series.map((one) => ({ ...one, created: one.created === '0' ? '0' : created })),
    };
  };

  it.each([1, 2])('of version %i are what was pushed', async (version) => {
    await weir.stop();
    await startWeir(`-ingest-storage.kafka.producer-record-version=${version}`);
    const first = write(`rw1_${version}`, String(at(0)));
    check(await pushed(encodeMimirRecord(first, 1), 'application/x-protobuf'), version, first);
    const second = write(`rw2_${version}`, '0');
    check(await pushed(encodeRemoteWrite2(second), RW2), version, second);
  });
});
