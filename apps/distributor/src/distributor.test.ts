// Pushes through the whole distributor in process: negotiation, answers, partial writes, limits, what
// reaches the log. The log is a recording one; its adapters have their own tests.
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createLimits, limitsFlags, type TenantLimits } from '@weir/limits';
import type { PartitionLog, ProduceRecord } from '@weir/log';
import { type Clock, seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import fastify from 'fastify';
import protobuf from 'protobufjs';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { createDistributor, type DistributorParts } from './distributor.ts';
import { type DistributorSettings, distributorFlags } from './distributor-flags.ts';

const schema = protobuf.loadSync(new URL('../../../proto/write.proto', import.meta.url).pathname);
const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const Request = schema.lookupType('weir.write.Request');
const NOW = 1_700_000_000_000;
const VERSION_2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';

interface Setup {
  settings?: Partial<DistributorSettings>;
  limits?: Partial<TenantLimits>;
  active?: readonly number[];
  produce?: PartitionLog['produce'];
  recordSizeMaxBytes?: number;
  afterLogged?: NonNullable<DistributorParts['afterLogged']>;
}

function setUp(setup: Setup = {}) {
  const produced: ProduceRecord[] = [];
  let nowMs = NOW;
  const clock: Clock = { ...systemClock, nowMs: () => nowMs, steadyMs: () => nowMs };
  const produce = async (records: readonly ProduceRecord[]) => {
    if (setup.produce) await setup.produce(records);
    produced.push(...records);
    return records.map((_, index) => produced.length - records.length + index);
  };
  const log = {
    recordSizeMaxBytes: setup.recordSizeMaxBytes ?? 1 << 20,
    produce,
  } as Partial<PartitionLog>;
  const telemetry = silentTelemetry();
  const distributor = createDistributor(
    { ...defaultsOf(distributorFlags), ...setup.settings },
    {
      log: log as PartitionLog,
      routing: { active: () => setup.active ?? [0, 1, 2, 3] },
      limits: createLimits({ ...defaultsOf(limitsFlags), ...setup.limits }),
      clock,
      random: seededRandom(1),
      telemetry,
      tenantOf: () => 'tenant',
      ...(setup.afterLogged ? { afterLogged: setup.afterLogged } : {}),
    },
  );
  const push = (
    body: Uint8Array,
    headers: Partial<Record<'contentType' | 'contentEncoding' | 'retryAttempt', string>> = {},
  ) =>
    distributor.push({
      tenant: 'tenant',
      contentType: headers.contentType ?? 'application/x-protobuf',
      contentEncoding: headers.contentEncoding ?? 'snappy',
      retryAttempt: headers.retryAttempt,
      body,
    });
  const metric = async (name: string) =>
    (await telemetry.metrics.getSingleMetric(name)!.get()).values;
  return {
    distributor,
    push,
    produced,
    metric,
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

const bytes = (value: string) => Buffer.from(value);
const series = (name: string, index: number, timestamps = [NOW]) => ({
  labels: [
    { name: bytes('__name__'), value: bytes(name) },
    { name: bytes('index'), value: bytes(String(index)) },
  ],
  samples: timestamps.map((timestamp) => ({ value: index, timestamp })),
});
const body1 = (timeseries: object[], metadata: object[] = []) =>
  compressSync(Buffer.from(WriteRequest.encode({ timeseries, metadata }).finish()));
const body2 = (symbols: string[], timeseries: object[]) =>
  compressSync(Buffer.from(Request.encode({ symbols: symbols.map(bytes), timeseries }).finish()));
const many = (count: number) => Array.from({ length: count }, (_, index) => series('m', index));

function decode(produced: readonly ProduceRecord[]) {
  return produced.flatMap((record) => {
    const decoded = WriteRequest.toObject(WriteRequest.decode(Buffer.from(record.value)), {
      longs: Number,
    });
    return (decoded.timeseries ?? []) as ReturnType<typeof series>[];
  });
}

describe('push, remote write 1.0', () => {
  it('answers 200 with nothing once every series is in the log', async () => {
    const { push, produced, metric } = setUp();
    const answer = await push(body1(many(500), [{ type: 1, metricFamilyName: bytes('m') }]));
    expect(answer).toEqual({ status: 200, body: '', headers: {} });
    const found = decode(produced);
    expect(found.map((one) => one.samples[0]!.value ?? 0).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 500 }, (_, index) => index),
    );
    expect(produced.length).toBe(4);
    for (const record of produced) {
      expect(record.version).toBe(1);
      expect(bytes('tenant').equals(record.key)).toBe(true);
      expect(record.value.buffer.byteLength).toBe(record.value.length);
    }
    expect(await metric('cortex_distributor_received_samples_total')).toMatchObject([
      { value: 500, labels: { user: 'tenant' } },
    ]);
  });

  it('sends a series to the same partition each time', async () => {
    const { push, produced } = setUp();
    await push(body1(many(50)));
    const first = new Map(
      produced.map((record) => [record.partition, Buffer.from(record.value).toString('hex')]),
    );
    await push(body1(many(50).map((one) => ({ ...one, labels: [...one.labels].reverse() }))));
    for (const record of produced.slice(first.size)) {
      expect(Buffer.from(record.value).toString('hex')).toBe(first.get(record.partition));
    }
  });

  it('stores what is valid and answers 400 with the first refusal', async () => {
    const { push, produced, metric } = setUp();
    const future = NOW + 600_001;
    const answer = await push(
      body1([series('m', 1), series('late', 2, [future]), series('m', 3, [future - 1])]),
    );
    expect(answer.status).toBe(400);
    expect(answer.body).toBe(
      `received a sample whose timestamp is too far in the future, timestamp: ${future} series: 'late' (err-mimir-too-far-in-future). To adjust the related per-tenant limit, configure -validation.create-grace-period, or contact your service administrator.`,
    );
    expect(decode(produced).length).toBe(2);
    expect(await metric('cortex_discarded_samples_total')).toMatchObject([
      { value: 1, labels: { user: 'tenant', reason: 'too_far_in_future' } },
    ]);
  });

  it('answers an empty request with success and logs nothing', async () => {
    const { push, produced } = setUp();
    expect((await push(body1([]))).status).toBe(200);
    expect(produced).toEqual([]);
  });

  it('splits records at the size limit, and refuses a series above it', async () => {
    const { push, produced } = setUp({ recordSizeMaxBytes: 200, active: [7] });
    const huge = series(
      'huge',
      1,
      Array.from({ length: 20 }, (_, index) => NOW - index),
    );
    const answer = await push(body1([...many(10), huge]));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(/err-mimir-distributor-max-write-request-data-item-size/);
    expect(decode(produced).length).toBe(10);
    for (const record of produced) expect(record.value.length).toBeLessThanOrEqual(200);
  });

  it('waits for what must follow the log, with the last offset of each partition', async () => {
    const seen: ReadonlyMap<number, number>[] = [];
    const { push, produced } = setUp({
      active: [5],
      recordSizeMaxBytes: 100,
      afterLogged: async (offsets) => void seen.push(offsets),
    });
    await push(body1(many(6)));
    expect(seen).toEqual([new Map([[5, produced.length - 1]])]);
  });
});

describe('push, negotiation', () => {
  const cases: [string, string, string, number][] = [
    ['no content type as 1.0', '', 'snappy', 200],
    ['no encoding', 'application/x-protobuf', '', 200],
    ['1.0 by name', 'application/x-protobuf; proto=prometheus.WriteRequest', 'snappy', 200],
    ['2.0 by name', VERSION_2, 'snappy', 204],
    ['another protocol', 'application/x-protobuf;proto=other.Request', 'snappy', 415],
    ['another media type', 'application/json', 'snappy', 415],
    ['another encoding', 'application/x-protobuf', 'gzip', 415],
    ['a parameter without a value', 'application/x-protobuf;proto', 'snappy', 400],
  ];
  it.each(cases)('answers %s', async (_title, contentType, contentEncoding, status) => {
    const { push } = setUp();
    const answer = await push(compressSync(Buffer.alloc(0)), { contentType, contentEncoding });
    expect(answer.status).toBe(status);
    expect(answer.body === '').toBe(status < 300);
  });

  it('answers 400 to bytes that are no snappy, before believing their size', async () => {
    const { push } = setUp();
    for (const hex of ['', 'ff', 'ffffffff0f', '0a', '0a0061', '0400016161', '8080808001']) {
      const answer = await push(Buffer.from(hex, 'hex'));
      expect(answer.status).toBe(400);
      expect(answer.body).not.toBe('');
    }
  });

  it('refuses messages above the size limit, compressed and not', async () => {
    const { push } = setUp({ settings: { recvMessageBytesMax: 50 } });
    const compressed = await push(Buffer.alloc(51));
    expect(compressed.body).toBe(
      'the incoming push request has been rejected because its message size of 51 bytes (compressed) is larger than the allowed limit of 50 bytes (err-mimir-distributor-max-write-message-size). To adjust the related limit, configure -distributor.max-recv-msg-size, or contact your service administrator.',
    );
    const bomb = await push(compressSync(Buffer.alloc(51)));
    expect(bomb.status).toBe(400);
    expect(bomb.body).toMatch(/message size of 51 bytes \(uncompressed\)/);
  });
});

describe('native histograms and exemplars', () => {
  const labels = series('m', 1).labels;
  const histogram = { timestamp: NOW, countInt: 1, zeroCountInt: 1 };
  const exemplar = {
    labels: [{ name: bytes('trace_id'), value: bytes('x') }],
    value: 1,
    timestamp: NOW,
  };
  const values = async (api: ReturnType<typeof setUp>, name: string) =>
    (await api.metric(name)).map(({ value, labels }) => [labels.reason ?? '', value]);

  it('reach the log with their series, and are counted', async () => {
    const api = setUp();
    const answer = await api.push(
      body1([
        {
          labels,
          histograms: [{ ...histogram, positiveSpans: [{ length: 1 }], positiveDeltas: [0] }],
        },
        { labels, exemplars: [exemplar, { ...exemplar, labels: [] }] },
      ]),
    );
    expect(answer.status).toBe(200);
    expect(decode(api.produced)).toMatchObject([{ histograms: [{}] }, { exemplars: [exemplar] }]);
    expect(api.produced).toHaveLength(1);
    const counts = await Promise.all(
      [
        'cortex_distributor_samples_in_total',
        'cortex_distributor_received_samples_total',
        'cortex_distributor_received_native_histogram_samples_total',
        'cortex_distributor_received_native_histogram_buckets_total',
        'cortex_distributor_exemplars_in_total',
        'cortex_distributor_received_exemplars_total',
        'cortex_discarded_exemplars_total',
      ].map((name) => values(api, name)),
    );
    expect(counts.flat()).toEqual([
      ['', 1],
      ['', 1],
      ['', 1],
      ['', 1],
      ['', 2],
      ['', 1],
      ['exemplar_labels_missing', 1],
    ]);
  });

  it('follow the limits of the tenant', async () => {
    const off = setUp({ limits: { histogramsEnabled: false, exemplarsMax: 0 } });
    const sent = body1([{ labels, histograms: [histogram], exemplars: [exemplar] }]);
    expect(await off.push(sent)).toMatchObject({ status: 200 });
    expect(off.produced).toHaveLength(0);
    expect(await values(off, 'cortex_discarded_samples_total')).toEqual([
      ['native_histograms_disabled', 1],
    ]);
    const many = setUp({ limits: { histogramBucketsMax: 1, histogramsReduced: false } });
    const spans = { positiveSpans: [{ length: 2 }], positiveDeltas: [0, 0] };
    const answer = await many.push(body1([{ labels, histograms: [{ ...histogram, ...spans }] }]));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(/buckets: 2, limit: 1 \(err-mimir-max-native-histogram-buckets\)$/);
  });

  it('count against the rate', async () => {
    const push = (burst: number) =>
      setUp({ limits: { ingestionRate: 1, ingestionBurstSize: burst } }).push(
        body1([{ ...series('m', 1), histograms: [histogram], exemplars: [exemplar] }]),
      );
    expect((await push(3)).status).toBe(200);
    expect((await push(2)).status).toBe(429);
  });

  it('are taken back with a series that no record can hold', async () => {
    const api = setUp({ recordSizeMaxBytes: 60 });
    const answer = await api.push(
      body1([{ labels, histograms: [histogram], exemplars: [exemplar] }]),
    );
    expect(answer.status).toBe(400);
    const reason = 'distributor_max_write_request_data_item_size';
    expect(await values(api, 'cortex_discarded_samples_total')).toEqual([[reason, 1]]);
    expect(await values(api, 'cortex_discarded_exemplars_total')).toEqual([[reason, 1]]);
    expect(await values(api, 'cortex_distributor_received_metadata_total')).toEqual([]);
  });

  it('of 2.0 are told apart in the counts of what was written, refused ones left out', async () => {
    const { push } = setUp();
    const symbols = ['', '__name__', 'm', 'a', 'b'];
    const answer = await push(
      body2(symbols, [
        {
          labelsRefs: [1, 2],
          samples: [{ value: 1, timestamp: NOW, startTimestamp: NOW - 5 }],
          histograms: [histogram, { ...histogram, timestamp: NOW - 1, countInt: 7 }],
          exemplars: [{ labelsRefs: [3, 4], value: 1, timestamp: NOW }],
        },
      ]),
      { contentType: VERSION_2 },
    );
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(/err-mimir-native-histogram-count-mismatch/);
    expect(answer.headers).toEqual({
      'x-prometheus-remote-write-samples-written': '1',
      'x-prometheus-remote-write-histograms-written': '1',
      'x-prometheus-remote-write-exemplars-written': '1',
    });
  });
});

describe('push, remote write 2.0', () => {
  const symbols = ['', '__name__', 'm_bucket', 'le', '1', 'help text', 'late'];
  const written = (samples: string) => ({
    'x-prometheus-remote-write-samples-written': samples,
    'x-prometheus-remote-write-histograms-written': '0',
    'x-prometheus-remote-write-exemplars-written': '0',
  });
  const good = {
    labelsRefs: [1, 2, 3, 4],
    samples: [{ value: 1, timestamp: NOW }],
    metadata: { type: 3, helpRef: 5, unitRef: 0 },
  };

  it('answers 204 with counts, and logs the same series as 1.0', async () => {
    const { push, produced } = setUp({ active: [0] });
    const answer = await push(body2(symbols, [good]), { contentType: VERSION_2 });
    expect(answer).toEqual({ status: 204, body: '', headers: written('1') });
    const decoded = WriteRequest.toObject(WriteRequest.decode(Buffer.from(produced[0]!.value)), {
      longs: Number,
    });
    expect(decoded).toEqual({
      timeseries: [
        {
          labels: [
            { name: bytes('__name__'), value: bytes('m_bucket') },
            { name: bytes('le'), value: bytes('1') },
          ],
          samples: [{ value: 1, timestamp: NOW }],
        },
      ],
      metadata: [{ type: 3, metricFamilyName: bytes('m'), help: bytes('help text') }],
    });
  });

  it('counts what was written on errors too', async () => {
    const { push } = setUp();
    const late = { labelsRefs: [1, 6], samples: [{ value: 1, timestamp: NOW * 2 }] };
    const partial = await push(body2(symbols, [good, late]), { contentType: VERSION_2 });
    expect(partial).toMatchObject({ status: 400, headers: written('1') });
    const broken = await push(Buffer.from('ff', 'hex'), { contentType: VERSION_2 });
    expect(broken).toMatchObject({ status: 400, headers: written('0') });
  });

  const refused: [string, string[], number[], RegExp][] = [
    ['a reference out of range', symbols, [1, 99], /symbol reference 99 is out of range/],
    ['an odd number of references', symbols, [1], /odd number/],
    [
      'a first symbol that is not empty',
      ['x', '__name__'],
      [1, 0],
      /first symbol must be the empty string/,
    ],
    ['no metric name', symbols, [3, 4], /missing-metric-name/],
    ['a label twice', symbols, [1, 2, 3, 4, 3, 4], /duplicate-label-names/],
  ];
  it.each(refused)('answers 400 to %s', async (_title, table, labelsRefs, text) => {
    const { push, produced } = setUp();
    const answer = await push(body2(table, [{ ...good, labelsRefs }]), { contentType: VERSION_2 });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(text);
    expect(decode(produced)).toEqual([]);
  });

  it('bounds what symbols expand to', async () => {
    const { push } = setUp({ settings: { recvMessageBytesMax: 20_000 } });
    const wide = ['', '__name__', 'v'.repeat(2000)];
    const refs = Array.from({ length: 500 }, () => ({
      labelsRefs: [1, 2],
      samples: [{ timestamp: 1 }],
    }));
    const answer = await push(body2(wide, refs), { contentType: VERSION_2 });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(/expands to more than 40000 bytes/);
  });
});

describe('push, limits and failures', () => {
  it('answers 429 with Retry-After above the rate, and lets time pass cure it', async () => {
    const { push, produced, advance, metric } = setUp({
      limits: { ingestionRate: 10, ingestionBurstSize: 20 },
    });
    expect((await push(body1(many(20)))).status).toBe(200);
    const logged = produced.length;
    const limited = await push(body1(many(10)), { retryAttempt: '2' });
    expect(limited.status).toBe(429);
    expect(limited.body).toMatch(
      /^the request has been rejected because the tenant exceeded the ingestion rate limit, set to 10 items\/s with a maximum allowed burst of 20\..*\(err-mimir-tenant-max-ingestion-rate\)\. To adjust the related per-tenant limits, configure -distributor\.ingestion-rate-limit and -distributor\.ingestion-burst-size/,
    );
    const seconds = Number(limited.headers['retry-after']);
    expect(seconds).toBeGreaterThanOrEqual(6);
    expect(seconds).toBeLessThanOrEqual(18);
    expect(produced.length).toBe(logged);
    expect(await metric('cortex_discarded_samples_total')).toMatchObject([
      { value: 10, labels: { reason: 'rate_limited' } },
    ]);
    advance(1000);
    expect((await push(body1(many(10)))).status).toBe(200);
    const over = await push(body1(many(21)));
    expect(over.status).toBe(429);
    expect(over.body).toMatch(/exceeded the ingestion burst size limit, set to 20, with 21 items/);
  });

  const failures: [ConstructorParameters<typeof WeirError>[0], number][] = [
    ['unavailable', 503],
    ['limited', 503],
    ['closed', 503],
    ['internal', 500],
  ];
  it.each(failures)('answers a log that is %s with %i and the cause', async (kind, status) => {
    const { push } = setUp({
      produce: async () => {
        throw new WeirError(kind, 'broker 3 is gone');
      },
    });
    const answer = await push(body1(many(1)));
    expect(answer.status).toBe(status);
    expect(answer.body).toBe('send data to partitions: broker 3 is gone');
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
  });

  it('answers 503 when no partition is active', async () => {
    const { push } = setUp({ active: [] });
    expect((await push(body1(many(1)))).status).toBe(503);
  });

  it('sheds pushes above the in-flight bytes, and takes them again after', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const body = body1(many(10));
    const { push } = setUp({
      settings: { inflightBytesMax: 1500 },
      produce: () => gate.then(() => []),
    });
    const first = push(body);
    const second = await push(body);
    expect(second.status).toBe(503);
    expect(second.body).toMatch(/err-mimir-distributor-max-inflight-push-requests-bytes/);
    open();
    expect((await first).status).toBe(200);
    expect((await push(body)).status).toBe(200);
  });
});

describe('POST /api/v1/push', () => {
  const serve = (setup: Setup = {}) => {
    const server = fastify();
    setUp(setup).distributor.routes(server);
    return server;
  };

  it('takes a push whatever its content type, and answers plain text', async () => {
    const server = serve();
    const url = '/api/v1/push';
    const ok = await server.inject({
      method: 'POST',
      url,
      payload: body1(many(3)),
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect([ok.statusCode, ok.body]).toEqual([200, '']);
    const bare = await server.inject({ method: 'POST', url, payload: body1(many(3)) });
    expect(bare.statusCode).toBe(200);
    const json = await server.inject({
      method: 'POST',
      url,
      payload: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(json.statusCode).toBe(415);
    const bad = await server.inject({
      method: 'POST',
      url,
      payload: 'x',
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect(bad.statusCode).toBe(400);
    expect(bad.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(bad.headers['x-content-type-options']).toBe('nosniff');
    expect(bad.body).toMatch(/^snappy: corrupt input.*\n$/);
    await server.close();
  });

  it('refuses a body that is too large before reading it', async () => {
    const server = serve({ settings: { recvMessageBytesMax: 10 } });
    const answer = await server.inject({
      method: 'POST',
      url: '/api/v1/push',
      payload: Buffer.alloc(3_000_000),
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toMatch(/message size of 3000000 bytes \(compressed\)/);
    await server.close();
  });
});
