// Pushes of replicas in each protocol: what is stored, without which label, how the others are answered, and
// what is counted. Two distributors on one cluster give the same answers.
import { createMemoryCluster } from '@weir/cluster/memory';
import { fastify } from 'fastify';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import {
  body1,
  body2,
  bytes,
  decode,
  NOW,
  type Setup,
  setUp as setUpPlain,
  VERSION_2,
  WriteRequest,
} from '../push-fixture.ts';

const settings = { haTrackerEnabled: true, influxEnabled: true };

function setUp(limits: Setup['limits'] = {}, more: Setup = {}) {
  const own = { cluster: createMemoryCluster(), ...more };
  const made = setUpPlain({ ...own, settings, limits: { haEnabled: true, ...limits } });
  const counts = async (name: string) =>
    Object.fromEntries(
      (await made.metric(name)).map(({ labels, value }) => [
        labels.cluster ?? labels.reason ?? labels.user,
        value,
      ]),
    );
  return { ...made, counts };
}

type Labels = Readonly<Record<string, string>>;
const seriesOf = (labels: Labels, samples = 1) => ({
  labels: Object.entries(labels)
    .sort()
    .map(([name, value]) => ({ name: bytes(name), value: bytes(value) })),
  samples: Array.from({ length: samples }, (_, at) => ({ value: at, timestamp: NOW + at })),
});
const from = (cluster: string, replica: string, name = 'm', samples = 1) =>
  seriesOf({ __name__: name, __replica__: replica, cluster }, samples);
const stored = (produced: Parameters<typeof decode>[0]) =>
  decode(produced)
    .map(({ labels }) =>
      labels.map(({ name, value }) => `${Buffer.from(name)}=${Buffer.from(value)}`).join(),
    )
    .sort();

const DEDUPED = 'cortex_distributor_deduped_samples_total';
const NOT_HA = 'cortex_distributor_non_ha_samples_received_total';
const DISCARDED = 'cortex_discarded_samples_total';
const text = (replica: string, elected: string) =>
  `replicas did not match, rejecting sample: replica=${replica}, elected=${elected}`;
const TOO_MANY =
  'the write request has been rejected because the maximum number of high-availability (HA) clusters has been reached for this tenant (limit: 1) (err-mimir-tenant-too-many-ha-clusters). To adjust the related per-tenant limit, configure -distributor.ha-tracker.max-clusters, or contact your service administrator.';

describe('replicas, judged by the first series', () => {
  it('stores what the elected one sends without its label, and answers 202 to the other', async () => {
    const { push, produced, counts, advance } = setUp();
    const one = await push(body1([from('c', 'a'), from('c', 'a', 'n')]));
    const other = await push(body1([from('c', 'b', 'm', 3), from('c', 'b', 'n')]));
    expect([one.status, other.status, other.body]).toEqual([200, 202, text('b', 'a')]);
    expect(other.headers).toEqual({});
    expect(stored(produced)).toEqual(['__name__=m,cluster=c', '__name__=n,cluster=c']);
    expect(await counts(DEDUPED)).toEqual({ c: 4 });
    expect(await counts('cortex_distributor_samples_in_total')).toEqual({ tenant: 6 });
    expect(await counts('cortex_distributor_received_samples_total')).toEqual({ tenant: 2 });
    advance(30_000);
    expect((await push(body1([from('c', 'b')]))).status).toBe(200);
    expect((await push(body1([from('c', 'a')]))).body).toBe(text('a', 'b'));
  });

  it.each([
    ['below', 19_999, 202],
    ['at', 20_000, 200],
    ['above', 20_001, 200],
  ])('fails over once samples are late enough: earliest %s', async (_name, afterMs, status) => {
    const { push, advance } = setUp({ haFailoverSampleTimeoutMs: 20_000 });
    await push(body1([from('c', 'a')]));
    advance(60_000);
    const at = (ms: number) => ({
      ...from('c', 'b', `at${ms}`),
      samples: [{ value: 1, timestamp: NOW + ms }],
    });
    const answer = await push(body1([at(60_000), at(afterMs), at(50_000)]));
    expect([answer.status, answer.body]).toEqual([status, status === 202 ? text('b', 'a') : '']);
  });

  it('a timeout for samples beyond the one for pushes holds by itself', async () => {
    const { push, advance } = setUp({ haFailoverSampleTimeoutMs: 40_000 });
    await push(body1([from('c', 'a')]));
    const late = { ...from('c', 'b'), samples: [{ value: 1, timestamp: NOW + 50_000 }] };
    advance(39_999);
    expect((await push(body1([late]))).status).toBe(202);
    advance(1);
    expect((await push(body1([late]))).status).toBe(200);
  });

  it('two distributors agree', async () => {
    const cluster = createMemoryCluster();
    const [one, two] = [setUp({}, { cluster }), setUp({}, { cluster })];
    const answers = await Promise.all([
      one.push(body1([from('c', 'a')])),
      two.push(body1([from('c', 'b')])),
      two.push(body1([from('c', 'a')])),
      one.push(body1([from('c', 'b')])),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 202, 200, 202]);
  });

  it('holds for remote write 2.0, with nothing written', async () => {
    const { push, produced } = setUp();
    const symbols = ['', '__name__', 'm', '__replica__', 'a', 'b', 'cluster', 'c'];
    const bodyOf = (replica: number) =>
      body2(symbols, [
        { labelsRefs: [1, 2, 3, replica, 6, 7], samples: [{ value: 1, timestamp: NOW }] },
      ]);
    const one = await push(bodyOf(4), { contentType: VERSION_2 });
    const other = await push(bodyOf(5), { contentType: VERSION_2 });
    expect([one.status, one.headers['x-prometheus-remote-write-samples-written']]).toEqual([
      ...[204, '1'],
    ]);
    expect([other.status, other.headers['x-prometheus-remote-write-samples-written']]).toEqual([
      ...[202, '0'],
    ]);
    expect(stored(produced)).toEqual(['__name__=m,cluster=c']);
  });

  it('holds for OTLP, whose exporters see a success', async () => {
    const { distributor, produced, counts } = setUp();
    const one = await distributor.otlp.receive(otlp('c', 'a'));
    const other = await distributor.otlp.receive(otlp('c', 'b'));
    expect([one.status, one.code, other.status, other.code]).toEqual([200, 0, 202, 0]);
    expect(stored(produced)).toEqual(['__name__=m,cluster=c']);
    expect(await counts(DEDUPED)).toEqual({ c: 1 });
  });

  it('holds for line protocol', async () => {
    const { distributor, produced } = setUp();
    const server = fastify();
    distributor.routes(server);
    const answers: (string | number)[] = [];
    for (const replica of ['a', 'b']) {
      const payload = `m,cluster=c,__replica__=${replica} value=1`;
      const url = '/api/v1/push/influx/write';
      const answer = await server.inject({ method: 'POST', url, payload });
      answers.push(answer.statusCode, answer.body);
    }
    await server.close();
    expect(answers).toEqual([204, '', 202, '']);
    expect(stored(produced)).toEqual(['__mimir_source__=influx,__name__=m,cluster=c']);
  });

  it('takes what has not both labels as it is', async () => {
    const { push, produced, counts } = setUp();
    const half = seriesOf({ __name__: 'm', cluster: 'c' });
    const other = seriesOf({ __name__: 'm', __replica__: 'b' });
    expect((await push(body1([half, from('c', 'a')]))).status).toBe(200);
    expect((await push(body1([other]))).status).toBe(200);
    expect(stored(produced)).toEqual([
      '__name__=m,__replica__=a,cluster=c',
      '__name__=m,__replica__=b',
      '__name__=m,cluster=c',
    ]);
    expect(await counts(NOT_HA)).toEqual({ tenant: 3 });
  });

  it('takes a push of metadata alone', async () => {
    const { push, produced } = setUp();
    const metadata = [{ type: 1, metricFamilyName: bytes('m'), help: bytes('h') }];
    expect((await push(body1([], metadata))).status).toBe(200);
    expect(produced).toHaveLength(1);
  });

  it('refuses one cluster more than the limit', async () => {
    const { push, produced, counts } = setUp({ haClustersMax: 1 });
    await push(body1([from('c', 'a')]));
    const answer = await push(body1([from('d', 'a'), from('d', 'a', 'n')]));
    expect([answer.status, answer.body]).toEqual([400, TOO_MANY]);
    expect(produced).toHaveLength(1);
    expect(await counts(DISCARDED)).toEqual({ tenant_too_many_ha_clusters: 2 });
  });

  it('refuses one cluster more than the limit of OTLP, as a limit of the tenant', async () => {
    const { distributor } = setUp({ haClustersMax: 1 });
    expect(await distributor.otlp.receive(otlp('c', 'a'))).toMatchObject({ code: 0 });
    expect(await distributor.otlp.receive(otlp('d', 'a'))).toMatchObject({
      ...{ status: 400, code: 9, message: TOO_MANY, retryAfterSeconds: 0 },
    });
  });

  it('makes no entry of a label that validation refuses', async () => {
    const { push, counts } = setUp({ labelValueBytesMax: 5 });
    expect((await push(body1([from('c', '123456')]))).body).toContain('label-value-too-long');
    expect((await push(body1([from('123456', 'a')]))).body).toContain('label-value-too-long');
    expect((await push(body1([from('12345', '12345')]))).status).toBe(200);
    expect(await counts(NOT_HA)).toEqual({ tenant: 2 });
  });

  it('relabels after the replica was found, and judges what is left', async () => {
    const { push, produced } = setUp({
      dropLabels: ['cluster'],
      labelNamesMax: 2,
      relabelRules: [{ target_label: 'seen', source_labels: ['__replica__'], replacement: 'x$1' }],
    });
    expect((await push(body1([from('c', 'a')]))).status).toBe(200);
    expect((await push(body1([from('c', 'b')]))).status).toBe(202);
    expect(stored(produced)).toEqual(['__name__=m,seen=x']);
  });

  it('uses the labels that the tenant says', async () => {
    const { push, produced } = setUp({ haClusterLabel: 'team', haReplicaLabel: 'pod' });
    expect((await push(body1([seriesOf({ __name__: 'm', pod: '1', team: 'x' })]))).status).toBe(
      200,
    );
    expect((await push(body1([seriesOf({ __name__: 'm', pod: '2', team: 'x' })]))).status).toBe(
      202,
    );
    expect(stored(produced)).toEqual(['__name__=m,team=x']);
  });

  it('answers 400 to a body that is broken behind its first series', async () => {
    const { distributor } = setUp();
    await distributor.push({ ...RAW, body: body1([from('c', 'a')]) });
    const whole = WriteRequest.encode({ timeseries: [from('c', 'b')] }).finish();
    const broken = compressSync(Buffer.concat([whole, Buffer.from([0x0a, 0x7f])]));
    const answer = await distributor.push({ ...RAW, body: broken });
    expect(answer.status).toBe(400);
  });

  it.each([
    ['the tenant has none', {}, { haEnabled: false }],
    ['the tracker is off', { haTrackerEnabled: false }, { haEnabled: true }],
  ])('leaves all as it is where %s', async (_name, off, limits) => {
    const { push, produced } = setUpPlain({
      ...{ settings: { ...settings, ...off }, limits, cluster: createMemoryCluster() },
    });
    await push(body1([from('c', 'a')]));
    expect((await push(body1([from('c', 'b')]))).status).toBe(200);
    expect(stored(produced)).toHaveLength(2);
    expect(stored(produced)[0]).toContain('__replica__=a');
  });
});

describe('replicas, each series judged by its own labels', () => {
  const each = { haPerSample: true };

  it('stores what is from elected ones or from none', async () => {
    const { push, produced, counts } = setUp(each);
    await push(body1([from('c', 'a', 'x')]));
    produced.length = 0;
    const mixed = [from('c', 'b', 'x', 2), from('d', 'b'), seriesOf({ __name__: 'plain' })];
    expect((await push(body1(mixed))).status).toBe(200);
    expect(stored(produced)).toEqual(['__name__=m,cluster=d', '__name__=plain']);
    expect(await counts(DEDUPED)).toEqual({ c: 2 });
    expect(await counts(NOT_HA)).toEqual({ tenant: 1 });
    expect((await push(body1([from('d', 'a')]))).status).toBe(202);
  });

  it('a failover looks at the samples of its own cluster', async () => {
    const { push, advance } = setUp({ ...each, haFailoverSampleTimeoutMs: 20_000 });
    await push(body1([from('c', 'a'), from('d', 'a')]));
    advance(60_000);
    const late = { ...from('d', 'b'), samples: [{ value: 1, timestamp: NOW + 20_000 }] };
    expect((await push(body1([from('c', 'b'), late]))).status).toBe(200);
    expect((await push(body1([from('c', 'b')]))).body).toBe(text('b', 'a'));
    expect((await push(body1([from('d', 'a')]))).body).toBe(text('a', 'b'));
  });

  it('answers 202 where all is from others', async () => {
    const { push, produced } = setUp(each);
    await push(body1([from('c', 'a'), from('d', 'a')]));
    produced.length = 0;
    const answer = await push(body1([from('c', 'b'), from('d', 'x')]));
    expect([answer.status, answer.body, produced.length]).toEqual([202, text('b', 'a'), 0]);
  });

  it('stores the rest where a cluster is one too many', async () => {
    const { push, produced, counts } = setUp({ ...each, haClustersMax: 1 });
    const answer = await push(body1([from('c', 'a'), from('d', 'a', 'm', 2)]));
    expect([answer.status, answer.body]).toEqual([400, TOO_MANY]);
    expect(stored(produced)).toEqual(['__name__=m,cluster=c']);
    expect(await counts(DISCARDED)).toEqual({ tenant_too_many_ha_clusters: 2 });
  });

  it('counts no point of OTLP as refused', async () => {
    const { distributor } = setUp(each);
    await distributor.otlp.receive(otlp('c', 'a'));
    const answer = await distributor.otlp.receive(otlp('c', 'b', 'd'));
    expect(answer).toMatchObject({ status: 200, partial: undefined });
  });
});

const RAW = {
  ...{ tenant: 'tenant', contentType: undefined, contentEncoding: 'snappy' },
  retryAttempt: undefined,
};

/** A gauge for each cluster; `replica` sends all of them. */
function otlp(cluster: string, replica: string, second?: string) {
  const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const dataPoints = [cluster, second].flatMap((name) =>
    name === undefined
      ? []
      : {
          attributes: [attribute('__replica__', replica), attribute('cluster', name)],
          timeUnixNano: `${NOW}000000`,
          asDouble: 1,
        },
  );
  const request = {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints } }] }] }],
  };
  return {
    ...{ tenant: 'tenant', encoding: 'json' as const, compression: '', retryAttempt: undefined },
    body: Buffer.from(JSON.stringify(request)),
  };
}
