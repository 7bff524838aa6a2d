// Cardinality, active series and the discard log through their routes, over two owners whose answers are
// merged: shapes, order, limits and the texts of errors.
import { defaultsOf } from '@weir/config';
import { createHttpServer, httpFlags, tenantOf } from '@weir/http';
import { limitsFlags, type TenantLimits } from '@weir/limits';
import { labelsOf } from '@weir/model';
import {
  type LocalReader,
  type OwnerDirectory,
  type ReadHistogramMetric,
  type ReadLabelValues,
  type ReadRequest,
  serveRead,
} from '@weir/query';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createInlineExecutor } from './executor/inline-executor.ts';
import { createQuerier } from './querier.ts';
import { querierRoutes } from './querier-routes.ts';
import { querierFlags } from './querier-settings.ts';

interface Owner {
  readonly series?: number;
  readonly labels?: readonly ReadLabelValues[];
  readonly active?: readonly Record<string, string>[];
  readonly histograms?: readonly ReadHistogramMetric[];
  readonly discarded?: Awaited<ReturnType<LocalReader['discarded']>>;
}

function api(owners: readonly Owner[], overrides: Partial<TenantLimits> = {}) {
  const requests: ReadRequest[] = [];
  const directory: OwnerDirectory = {
    owners: async () =>
      owners.map(
        ({ series = 0, labels = [], active = [], histograms = [], discarded = [] }, at) => {
          const reader: Partial<LocalReader> = {
            async *histogramMetrics() {
              for (const one of histograms) yield [one];
            },
            async select() {
              const batch = active.map((one) => ({ labels: labelsOf(one), chunks: [] }));
              return {
                heldBlocks: [],
                sources: [
                  (async function* () {
                    yield batch;
                  })(),
                ],
              };
            },
            async cardinality() {
              return {
                series,
                labels: (async function* () {
                  yield* labels;
                })(),
              };
            },
            discarded: async () => discarded,
          };
          return {
            partitions: [at],
            port: {
              read(request, signal) {
                requests.push(request);
                return serveRead(reader as LocalReader, request, signal);
              },
            },
          };
        },
      ),
  };
  const telemetry = silentTelemetry();
  const settings = defaultsOf(querierFlags);
  const parts = { owners: directory, catalog: { blocks: async () => [] }, telemetry };
  const querier = createQuerier(settings, { ...parts, clock: systemClock });
  const server = createHttpServer(defaultsOf(httpFlags), { telemetry, clock: systemClock });
  querierRoutes(server, settings, createInlineExecutor(querier), {
    tenantOf: (request) => tenantOf(request, { multitenancy: true, noAuthTenant: 'anonymous' }),
    limitsFor: () => ({
      ...defaultsOf(limitsFlags),
      ...{ cardinalityAnalysisEnabled: true, ...overrides },
    }),
    version: '0.1.0',
    revision: 'abc',
  });
  const ask = async (url: string) => {
    const answer = await server.inject({ url, headers: { 'x-scope-orgid': 't' } });
    return { status: answer.statusCode, text: answer.body };
  };
  return {
    requests,
    get: async (path: string) => JSON.parse((await ask(path)).text),
    refused: ask,
    server,
  };
}

const PREFIX = '/prometheus/api/v1/cardinality';
const labels = (name: string, counts: Record<string, number>): ReadLabelValues => ({
  name,
  values: Object.keys(counts),
  series: Object.values(counts),
});
const TWO: Owner[] = [
  { series: 3, labels: [labels('__name__', { a: 2, b: 1 }), labels('job', { x: 3 })] },
  {
    series: 2,
    labels: [labels('job', { x: 1 }), labels('job', { y: 1 }), labels('zone', { z: 2 })],
  },
];

describe('cardinality of label names', () => {
  it('counts distinct values over all owners, most first', async () => {
    const { get } = api(TWO);
    expect(await get(`${PREFIX}/label_names`)).toEqual({
      label_values_count_total: 5,
      label_names_count: 3,
      cardinality: [
        { label_name: '__name__', label_values_count: 2 },
        { label_name: 'job', label_values_count: 2 },
        { label_name: 'zone', label_values_count: 1 },
      ],
    });
    const cut = await get(`${PREFIX}/label_names?limit=1`);
    expect(cut).toMatchObject({ label_values_count_total: 5, label_names_count: 3 });
    expect(cut.cardinality).toHaveLength(1);
    expect((await get(`${PREFIX}/label_names?limit=0`)).cardinality).toEqual([]);
  });

  it('hands selector and method to the owners', async () => {
    const { get, requests } = api(TWO);
    const selector = encodeURIComponent('{job=~"x.*"}');
    await get(`${PREFIX}/label_names?selector=${selector}&count_method=active`);
    expect(requests[0]).toMatchObject({
      kind: 'cardinality',
      tenant: 't',
      activeOnly: true,
      matchers: [{ name: 'job', op: '=~', value: 'x.*' }],
    });
    await get(`${PREFIX}/label_names?count_method=inmemory`);
    expect(requests[2]).toMatchObject({ activeOnly: false, matchers: [] });
  });

  it.each([
    ['?selector=a&selector=b', 400, "multiple 'selector' params are not allowed"],
    ['?selector={', 400, "failed to parse selector '{': "],
    [
      '?count_method=x',
      400,
      "invalid 'count_method' param 'x'. valid options are: [active,inmemory]",
    ],
    ['?limit=-1', 400, "'limit' param cannot be less than '0'"],
    ['?limit=501', 400, "'limit' param cannot be greater than '500'"],
    ['?limit=x', 400, "invalid 'limit' param 'x'"],
  ])('refuses %s', async (query, status, text) => {
    const answer = await api(TWO).refused(`${PREFIX}/label_names${query}`);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(text);
    expect(answer.text).not.toContain('errorType');
  });

  it('takes a limit of 500, or what the tenant’s limit says', async () => {
    expect((await api(TWO).refused(`${PREFIX}/label_names?limit=500`)).status).toBe(200);
    const raised = api(TWO, { cardinalityResultsMax: 1000 });
    expect((await raised.refused(`${PREFIX}/label_names?limit=1000`)).status).toBe(200);
    expect((await raised.refused(`${PREFIX}/label_names?limit=1001`)).status).toBe(400);
    const lowered = api(TWO, { cardinalityResultsMax: 1 });
    expect((await lowered.get(`${PREFIX}/label_names`)).cardinality).toHaveLength(1);
  });

  it.each([
    [5, 200],
    [4, 413],
  ])('of five bytes of values with a limit of %i is answered %i', async (max, status) => {
    const { refused } = api(TWO, { cardinalitySizeMaxBytes: max });
    expect((await refused(`${PREFIX}/label_names`)).status).toBe(status);
  });

  it('is there for POST, and needs to be enabled', async () => {
    const { server, refused } = api(TWO, { cardinalityAnalysisEnabled: false });
    const paths = [
      'label_names',
      'label_values',
      'active_series',
      'active_native_histogram_metrics',
    ];
    for (const path of paths) {
      expect(await refused(`${PREFIX}/${path}`)).toEqual({
        status: 400,
        text: 'cardinality analysis is disabled for the tenant: t\n',
      });
    }
    expect((await server.inject({ url: `${PREFIX}/label_names` })).statusCode).toBe(401);
    const posted = await api(TWO).server.inject({
      method: 'POST',
      url: `${PREFIX}/label_names`,
      headers: { 'x-scope-orgid': 't', 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'limit=1',
    });
    expect(posted.json().cardinality).toHaveLength(1);
  });
});

describe('cardinality of label values', () => {
  it('counts series a value over all owners', async () => {
    const { get, requests } = api(TWO);
    const url = `${PREFIX}/label_values?label_names[]=job&label_names[]=zone&label_names[]=job`;
    expect(await get(`${url}&limit=1`)).toEqual({
      series_count_total: 5,
      labels: [
        {
          label_name: 'job',
          label_values_count: 2,
          series_count: 5,
          cardinality: [{ label_value: 'x', series_count: 4 }],
        },
        {
          label_name: '__name__',
          label_values_count: 2,
          series_count: 3,
          cardinality: [{ label_value: 'a', series_count: 2 }],
        },
        {
          label_name: 'zone',
          label_values_count: 1,
          series_count: 2,
          cardinality: [{ label_value: 'z', series_count: 2 }],
        },
      ],
    });
    expect(requests[0]!.names).toEqual(['job', 'zone']);
  });

  it.each([
    ['', "'label_names[]' param is required"],
    ['?label_names[]=', "invalid 'label_names' param ''"],
    ['?label_names[]=a&label_names[]=b&label_names[]=c', '(limit: 2 actual: 3) exceeded'],
  ])('refuses "%s"', async (query, text) => {
    const { refused } = api(TWO, { cardinalityLabelNamesMax: 2 });
    const answer = await refused(`${PREFIX}/label_values${query}`);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(text);
  });
});

describe('active series', () => {
  const owners: Owner[] = [
    { active: [{ __name__: 'a' }, { __name__: 'c', l: '"' }] },
    { active: [{ __name__: 'a' }, { __name__: 'b' }] },
  ];

  it('are each answered once, without the envelope', async () => {
    const { get, requests } = api(owners);
    const selector = encodeURIComponent('{__name__=~".+"}');
    expect(await get(`${PREFIX}/active_series?selector=${selector}`)).toEqual({
      data: [{ __name__: 'a' }, { __name__: 'b' }, { __name__: 'c', l: '"' }],
    });
    expect(requests[0]).toMatchObject({ kind: 'series', activeOnly: true });
  });

  it('need a selector, and fit a size', async () => {
    const missing = await api(owners).refused(`${PREFIX}/active_series`);
    expect(missing).toEqual({ status: 400, text: "missing 'selector' parameter\n" });
    const small = api(owners, { activeSeriesSizeMaxBytes: 20 });
    const large = await small.refused(`${PREFIX}/active_series?selector=a`);
    expect(large.status).toBe(413);
    expect(large.text.trim()).toMatch(/try increasing the requested shard count$/);
  });
});

describe('active native histograms', () => {
  const one = (metric: string, series: number, ...buckets: readonly [number, number, number]) => {
    const [all, bucketsMin, bucketsMax] = buckets;
    return { metric, series, buckets: all, bucketsMin, bucketsMax };
  };
  const owners: Owner[] = [
    { histograms: [one('b', 1, 4, 4, 4), one('a', 3, 20, 2, 10), one('b', 1, 0, 0, 0)] },
    { histograms: [one('c', 1, 9, 9, 9), one('a', 1, 11, 11, 11)] },
    {},
  ];
  const url = `${PREFIX}/active_native_histogram_metrics`;

  it('are merged by metric and sorted by its name, without the envelope', async () => {
    const { get, requests } = api(owners);
    const selector = encodeURIComponent('{job="x"}');
    expect(await get(`${url}?selector=${selector}`)).toEqual({
      data: [
        {
          ...{ metric: 'a', series_count: 4, bucket_count: 31, avg_bucket_count: 7.75 },
          ...{ min_bucket_count: 2, max_bucket_count: 11 },
        },
        {
          ...{ metric: 'b', series_count: 2, bucket_count: 4, avg_bucket_count: 2 },
          ...{ min_bucket_count: 0, max_bucket_count: 4 },
        },
        {
          ...{ metric: 'c', series_count: 1, bucket_count: 9, avg_bucket_count: 9 },
          ...{ min_bucket_count: 9, max_bucket_count: 9 },
        },
      ],
    });
    expect(requests[0]).toMatchObject({
      ...{ kind: 'histogramMetrics', tenant: 't' },
      matchers: [{ name: 'job', op: '=', value: 'x' }],
    });
    expect(await api([{}]).get(`${url}?selector=a`)).toEqual({ data: [] });
  });

  it.each([
    ['', "missing 'selector' parameter"],
    ['?selector=', "missing 'selector' parameter"],
    ['?selector=a&selector=b', "multiple 'selector' params are not allowed"],
    ['?selector={', "failed to parse selector '{': "],
  ])('refuse "%s"', async (query, text) => {
    const answer = await api(owners).refused(url + query);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(text);
  });

  it.each([
    [4, 200],
    [3, 200],
    [2, 413],
  ])('with three bytes of names and a limit of %i are answered %i', async (max, status) => {
    const { refused } = api(owners, { activeSeriesSizeMaxBytes: max });
    expect((await refused(`${url}?selector=a`)).status).toBe(status);
  });
});

describe('the list of discards', () => {
  const reason = (name: string, count: number, firstMs: number, lastMs: number) => ({
    ...{ reason: name, count, firstMs, lastMs },
    ...{ firstOffset: firstMs / 1000, lastOffset: lastMs / 1000 },
  });
  const entry = (name: string, timestampMs: number, sampleMs?: number) => ({
    ...{ reason: name, count: 1, offset: timestampMs / 1000, timestampMs, series: 'm{a="b"}' },
    ...{ seriesCut: sampleMs === undefined, ...(sampleMs === undefined ? {} : { sampleMs }) },
  });
  const owners: Owner[] = [
    {
      discarded: [
        {
          partition: 0,
          reasons: [reason('per_user_series_limit', 2, 1000, 3000)],
          entries: [
            entry('per_user_series_limit', 1000, 500),
            entry('per_user_series_limit', 3000),
          ],
        },
      ],
    },
    {
      discarded: [
        { partition: 2, reasons: [], entries: [] },
        {
          partition: 1,
          reasons: [reason('per_user_series_limit', 1, 2000, 2000), reason('other', 9, 9000, 9000)],
          entries: [entry('per_user_series_limit', 2000, 1500), entry('other', 9000, 1)],
        },
      ],
    },
  ];

  it('is merged over partitions, newest entries first', async () => {
    const { data, status } = await api(owners, { seriesMax: 7 }).get('/api/v1/discarded');
    expect(status).toBe('success');
    expect(data.reasons).toEqual([
      {
        ...{ reason: 'other', message: 'other', count: 9, first: 9, last: 9 },
        partitions: [{ partition: 1, count: 9, firstOffset: 9, lastOffset: 9 }],
      },
      {
        reason: 'per_user_series_limit',
        message:
          'per-user series limit of 7 exceeded (err-mimir-max-series-per-user). To adjust the related per-tenant limit, configure -ingester.max-global-series-per-user, or contact your service administrator.',
        ...{ count: 3, first: 1, last: 3 },
        partitions: [
          { partition: 0, count: 2, firstOffset: 1, lastOffset: 3 },
          { partition: 1, count: 1, firstOffset: 2, lastOffset: 2 },
        ],
      },
    ]);
    expect(data.entries.map(({ time }: { time: number }) => time)).toEqual([9, 3, 2, 1]);
    expect(data.entries.slice(1, 3)).toEqual([
      {
        ...{ time: 3, reason: 'per_user_series_limit', count: 1, series: 'm{a="b"}' },
        ...{ seriesTruncated: true, partition: 0, offset: 3 },
      },
      {
        ...{ time: 2, reason: 'per_user_series_limit', count: 1, series: 'm{a="b"}' },
        ...{ sampleTime: 1.5, partition: 1, offset: 2 },
      },
    ]);
  });

  it('can be narrowed, and needs no cardinality analysis', async () => {
    const { get, refused } = api(owners, { cardinalityAnalysisEnabled: false });
    const times = async (query: string) => {
      const { data } = await get(`/api/v1/discarded?${query}`);
      return data.entries.map(({ time }: { time: number }) => time);
    };
    expect(await times('limit=2')).toEqual([9, 3]);
    expect(await times('reason=per_user_series_limit')).toEqual([3, 2, 1]);
    expect(await times('reason=other&reason=none')).toEqual([9]);
    expect(await times('start=2&end=3')).toEqual([3, 2]);
    const { data } = await get('/api/v1/discarded?start=4');
    expect(data.reasons.map(({ reason }: { reason: string }) => reason)).toEqual(['other']);
    const bad = await refused('/api/v1/discarded?start=2&end=1');
    expect(bad.status).toBe(400);
    expect(JSON.parse(bad.text)).toMatchObject({ status: 'error', errorType: 'bad_data' });
    expect((await refused('/api/v1/discarded?limit=-1')).status).toBe(400);
  });
});
