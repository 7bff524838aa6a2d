// Pushes through the whole distributor in process: what reaches the log, partial writes, counts. The log is a
// recording one; its adapters have their own tests.
import { tenantSeed, tenantShard } from '@weir/cluster';
import { describe, expect, it } from 'vitest';
import {
  body1,
  body2,
  bytes,
  decode,
  many,
  NOW,
  series,
  setUp,
  VERSION_2,
  WriteRequest,
} from './push-fixture.ts';

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

  it.each([0, 2, 9])('spreads a tenant over a shard of %i of 8 partitions', async (shardSize) => {
    const active = Array.from({ length: 8 }, (_, at) => at);
    const { push, produced } = setUp({ limits: { shardSize }, active });
    expect((await push(body1(many(200)))).status).toBe(200);
    const reached = new Set(produced.map(({ partition }) => partition));
    const shard = tenantShard(tenantSeed('tenant'), active, shardSize);
    expect([...reached].sort()).toEqual([...shard].sort());
    expect(reached.size).toBe(shardSize === 2 ? 2 : 8);
    expect(decode(produced)).toHaveLength(200);
  });

  it('answers 503 while no partition is active', async () => {
    const answer = await setUp({ active: [] }).push(body1(many(1)));
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('no partition is active');
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
