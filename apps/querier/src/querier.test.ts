// The query API through its routes, over an owner that answers from memory and the real engine: shapes,
// errors and parameters as a Prometheus client sees them.
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createHttpServer, httpFlags, tenantOf } from '@weir/http';
import { limitsFlags } from '@weir/limits';
import { createMatcher, labelsOf, labelValue } from '@weir/model';
import { type LocalReader, type OwnerDirectory, type SeriesChunks, serveRead } from '@weir/query';
import { type Clock, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { CHUNK_XOR, encodeXorChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import { createInlineExecutor } from './executor/inline-executor.ts';
import { createQuerier } from './querier.ts';
import { querierRoutes } from './querier-routes.ts';
import { querierFlags } from './querier-settings.ts';

const NOW_MS = 1_000_000;
const clock: Clock = { ...systemClock, nowMs: () => NOW_MS };

/** 21 samples, one every 15 s, with value = seconds × factor, up to now. */
function series(labels: Record<string, string>, factor: number): SeriesChunks {
  const t = Float64Array.from({ length: 21 }, (_, at) => NOW_MS - 300_000 + at * 15_000);
  const v = t.map((ms) => (ms / 1000) * factor);
  const bytes = encodeXorChunk(t, v, 0, t.length);
  const chunk = { minT: t[0]!, maxT: t[20]!, encoding: CHUNK_XOR, bytes };
  return { labels: labelsOf(labels), chunks: [chunk] };
}

const stored = [
  series({ __name__: 'up', job: 'a' }, 1),
  series({ __name__: 'up', job: 'b' }, 2),
  series({ __name__: 'up', job: 'c"\n' }, 0.5),
];

const askedExemplars: object[] = [];
const traced = (t: number, value: number, id: string) => ({
  labels: [{ name: 'trace_id', value: id }],
  value,
  t,
});
const labelsTold = (job: string) => [
  { name: '__name__', value: 'up' },
  { name: 'job', value: job },
];
/** One series comes twice, as it does from two heads that had it. */
const exemplars = [
  { labels: labelsTold('b"'), exemplars: [traced(1500, Number.POSITIVE_INFINITY, 'x')] },
  { labels: labelsTold('a'), exemplars: [traced(3000, 2.5, 'y')] },
  { labels: labelsTold('a'), exemplars: [traced(1001, -0, 'z'), traced(3000, 2.5, 'y')] },
];

const reader: LocalReader = {
  async select(request) {
    const matchers = request.matchers.map(createMatcher);
    const found = stored.filter(({ labels }) =>
      matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
    );
    return {
      heldBlocks: [],
      sources: [
        (async function* () {
          yield found;
        })(),
      ],
    };
  },
  labelNames: async () => ({ heldBlocks: [], lists: [['job'], ['__name__']] }),
  labelValues: async ({ name }) => ({
    heldBlocks: [],
    lists: name === 'job' ? [['b'], ['a']] : [],
  }),
  async *histogramMetrics() {},
  cardinality: async () => ({ series: 0, labels: (async function* () {})() }),
  discarded: async () => [],
  freshness: async () => [],
  tenantStats: async () => [],
  metadata: async () => [
    { metric: 'up', type: 'gauge', help: 'h', unit: '' },
    { metric: 'up', type: 'counter', help: 'h2', unit: 's' },
    { metric: 'z', type: 'gauge', help: '', unit: '' },
  ],
  exemplars: async ({ matcherSets = [], minT, maxT }) => {
    askedExemplars.push({ matcherSets, minT, maxT });
    return exemplars;
  },
};

const working: OwnerDirectory = {
  owners: async () => [
    {
      port: { read: (request, signal) => serveRead(reader, request, signal) },
      partitions: [0],
    },
  ],
};

function createApi(owners: OwnerDirectory = working, overrides: Partial<Clock> = {}) {
  const telemetry = silentTelemetry();
  const settings = defaultsOf(querierFlags);
  const parts = { owners, catalog: { blocks: async () => [] }, telemetry };
  const querier = createQuerier(settings, { ...parts, clock: { ...clock, ...overrides } });
  const server = createHttpServer(defaultsOf(httpFlags), { telemetry, clock });
  querierRoutes(server, settings, createInlineExecutor(querier), {
    tenantOf: (request) => tenantOf(request, { multitenancy: true, noAuthTenant: 'anonymous' }),
    limitsFor: () => ({ ...defaultsOf(limitsFlags), cardinalityAnalysisEnabled: true }),
    version: '0.1.0',
    revision: 'abc',
  });
  const get = async (url: string) => {
    const answer = await server.inject({
      url: `/prometheus/api/v1${url}`,
      headers: { 'x-scope-orgid': 't' },
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  return { server, get };
}

const q = encodeURIComponent;

describe('query', () => {
  it('answers an instant vector at now', async () => {
    const { status, body } = await createApi().get('/query?query=up');
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'success',
      data: {
        resultType: 'vector',
        result: [
          { metric: { __name__: 'up', job: 'a' }, value: [1000, '1000'] },
          { metric: { __name__: 'up', job: 'b' }, value: [1000, '2000'] },
          { metric: { __name__: 'up', job: 'c"\n' }, value: [1000, '500'] },
        ],
      },
    });
  });

  it('takes a form as POST, and a time', async () => {
    const answer = await createApi().server.inject({
      method: 'POST',
      url: '/prometheus/api/v1/query',
      headers: {
        'x-scope-orgid': 't',
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload: `query=${q('sum(up{job=~"a|b"})')}&time=${q('1970-01-01T00:16:00Z')}`,
    });
    expect(answer.json().data.result).toEqual([{ metric: {}, value: [960, '2865'] }]);
  });

  it('cuts at the limit with a warning', async () => {
    const { body } = await createApi().get('/query?query=up&limit=2');
    expect(body.data.result.length).toBe(2);
    expect(body.warnings).toEqual(['results truncated due to limit']);
  });

  it('adds stats when asked, and scalars and strings have their shapes', async () => {
    const { get } = createApi();
    expect((await get('/query?query=1.5&stats=true')).body.data).toMatchObject({
      resultType: 'scalar',
      result: [1000, '1.5'],
      stats: { timings: {}, samples: {} },
    });
    const counted = await get('/query?query=up&stats=all');
    const { samples } = counted.body.data.stats;
    const looked = counted.body.data.result.length;
    expect(samples.totalQueryableSamples).toBe(looked);
    expect(samples.totalQueryableSamplesPerStep).toEqual([[1000, looked]]);
    expect(samples.peakSamples).toBeGreaterThan(0);
    expect((await get(`/query?query=${q('"x"')}`)).body.data).toEqual({
      resultType: 'string',
      result: [1000, 'x'],
    });
  });

  it('answers a range as a matrix', async () => {
    const { body } = await createApi().get(
      `/query_range?query=${q('up{job="a"}')}&start=970&end=1000&step=15s`,
    );
    expect(body.data).toEqual({
      resultType: 'matrix',
      result: [
        {
          metric: { __name__: 'up', job: 'a' },
          values: [
            [970, '970'],
            [985, '985'],
            [1000, '1000'],
          ],
        },
      ],
    });
  });
});

describe('query errors', () => {
  it.each([
    ['/query?query=up{', 400, 'bad_data', /^invalid parameter "query": 1:\d+: parse error: /],
    ['/query', 400, 'bad_data', /^invalid parameter "query": .*no expression found in input/],
    [
      '/query?query=up&time=x',
      400,
      'bad_data',
      /^invalid parameter "time": invalid time value for 'time': cannot parse "x" to a valid timestamp$/,
    ],
    [
      '/query?query=up&limit=-1',
      400,
      'bad_data',
      /^invalid parameter "limit": limit must be non-negative$/,
    ],
    [
      '/query?query=up&timeout=x',
      400,
      'bad_data',
      /^invalid parameter "timeout": cannot parse "x" to a valid duration$/,
    ],
    [
      '/query?query=up&lookback_delta=x',
      400,
      'bad_data',
      /^error parsing lookback delta duration: cannot parse "x" to a valid duration$/,
    ],
    [
      '/query_range?query=up&end=1&step=1',
      400,
      'bad_data',
      /^invalid parameter "start": cannot parse "" to a valid timestamp$/,
    ],
    [
      '/query_range?query=up&start=2&end=1&step=1',
      400,
      'bad_data',
      /^invalid parameter "end": end timestamp must not be before start time$/,
    ],
    [
      '/query_range?query=up&start=1&end=2&step=0',
      400,
      'bad_data',
      /^invalid parameter "step": zero or negative query resolution step widths are not accepted\. Try a positive integer$/,
    ],
    [
      '/query_range?query=up&start=0&end=11001&step=1',
      400,
      'bad_data',
      /^exceeded maximum resolution of 11,000 points per timeseries\. Try decreasing the query resolution \(\?step=XX\)$/,
    ],
    [
      `/query_range?query=${q('up[5m]')}&start=0&end=1&step=1`,
      400,
      'bad_data',
      /^invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector$/,
    ],
    [`/query?query=${q('up * on() up')}`, 422, 'execution', /many-to-many|duplicate series/],
    ['/series', 400, 'bad_data', /^no match\[\] parameter provided$/],
    [
      `/series?match[]=${q('{a=""}')}`,
      400,
      'bad_data',
      /match\[\] must contain at least one non-empty matcher$/,
    ],
    ['/labels?start=2&end=1', 400, 'bad_data', /end timestamp must not be before start time$/],
    ['/metadata?limit=x', 400, 'bad_data', /^limit must be a number$/],
    ['/format_query?query=up(', 400, 'bad_data', /^invalid parameter "query": .*parse error/],
  ])('%s', async (url, status, errorType, text) => {
    const answer = await createApi().get(url);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status: 'error', errorType });
    expect(answer.body.error).toMatch(text);
  });

  it('is 401 as plain text without a tenant', async () => {
    const answer = await createApi().server.inject('/prometheus/api/v1/query?query=up');
    expect([answer.statusCode, answer.body]).toEqual([401, 'no org id\n']);
  });

  it('is 503 when a partition has no owner', async () => {
    const { get } = createApi({
      owners: async () => {
        throw new WeirError('unavailable', 'partition 3 has no healthy owner');
      },
    });
    const { status, body } = await get('/query?query=up');
    expect([status, body.errorType, body.error]).toEqual([
      503,
      'unavailable',
      'partition 3 has no healthy owner',
    ]);
  });

  it('is a timeout when the time is over', async () => {
    const hanging: OwnerDirectory = {
      owners: async () => [
        {
          partitions: [0],
          port: {
            async *read(_request, signal) {
              await new Promise((_resolve, reject) => {
                signal.addEventListener('abort', () => reject(signal.reason));
              });
            },
          },
        },
      ],
    };
    const waits: number[] = [];
    const { get } = createApi(hanging, {
      after(ms, callback) {
        waits.push(ms);
        void systemClock.yield().then(callback);
        return { cancel() {} };
      },
    });
    const { status, body } = await get('/query?query=up&timeout=3s');
    expect([status, body.errorType, body.error]).toEqual([
      503,
      'timeout',
      'query timed out in expression evaluation',
    ]);
    expect(waits).toEqual([3000]);
  });
});

describe('metadata', () => {
  it('lists labels, values, series and metadata', async () => {
    const { get } = createApi();
    expect((await get('/labels')).body).toEqual({ status: 'success', data: ['__name__', 'job'] });
    expect((await get('/label/job/values?limit=1')).body).toEqual({
      status: 'success',
      data: ['a'],
      warnings: ['results truncated due to limit'],
    });
    expect((await get('/label/U__job/values')).body.data).toEqual(['a', 'b']);
    expect((await get(`/series?match[]=${q('up{job=~"a|b"}')}&match[]=up`)).body.data.length).toBe(
      3,
    );
    expect((await get('/series?match[]=nothing')).body).toEqual({ status: 'success', data: [] });
    expect((await get('/metadata?limit=1')).body.data).toEqual({
      up: [
        { type: 'counter', help: 'h2', unit: 's' },
        { type: 'gauge', help: 'h', unit: '' },
      ],
    });
    expect((await get('/metadata?metric=z')).body.data).toEqual({
      z: [{ type: 'gauge', help: '', unit: '' }],
    });
  });

  it('shows the tree of a query', async () => {
    const { get } = createApi();
    expect((await get(`/parse_query?query=${q('-(1)')}`)).body).toEqual({
      status: 'success',
      data: {
        expr: { expr: { type: 'numberLiteral', val: '1' }, type: 'parenExpr' },
        ...{ op: '-', type: 'unaryExpr' },
      },
    });
    expect((await get(`/parse_query?query=${q('up(')}`)).body).toMatchObject({
      errorType: 'bad_data',
      error: 'invalid parameter "query": 1:4: parse error: unclosed left parenthesis',
    });
  });

  it('formats queries and says what it is, with and without the prefix', async () => {
    const { get, server } = createApi();
    expect((await get(`/format_query?query=${q('foo/bar')}`)).body).toEqual({
      status: 'success',
      data: 'foo / bar',
    });
    const plain = await server.inject('/api/v1/status/buildinfo');
    expect(plain.json().data.version).toBe('0.1.0');
    expect((await get('/status/buildinfo')).status).toBe(200);
  });

  it('is 405 for methods that a route does not have', async () => {
    const { server } = createApi();
    const url = '/prometheus/api/v1/label/job/values';
    expect((await server.inject({ method: 'POST', url })).statusCode).toBe(405);
  });
});

describe('query_exemplars', () => {
  const seriesOf = (job: string) => ({ __name__: 'up', job });
  const expected = [
    {
      seriesLabels: seriesOf('a'),
      exemplars: [
        { labels: { trace_id: 'z' }, value: '-0', timestamp: 1.001 },
        { labels: { trace_id: 'y' }, value: '2.5', timestamp: 3 },
      ],
    },
    {
      seriesLabels: seriesOf('b"'),
      exemplars: [{ labels: { trace_id: 'x' }, value: '+Inf', timestamp: 1.5 }],
    },
  ];

  it('answers each series once, of whatever selectors the expression has', async () => {
    askedExemplars.length = 0;
    const { status, body } = await createApi().get(
      `/query_exemplars?query=${q('rate(up{job="a"}[5m]) / down')}&start=1&end=9.5`,
    );
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'success', data: expected });
    expect(askedExemplars).toMatchObject([
      {
        matcherSets: [
          [
            { name: 'job', op: '=', value: 'a' },
            { name: '__name__', op: '=', value: 'up' },
          ],
          [{ name: '__name__', op: '=', value: 'down' }],
        ],
        minT: 1000,
        maxT: 9500,
      },
    ]);
  });

  it('takes a form, and all times where none is told', async () => {
    askedExemplars.length = 0;
    const answer = await createApi().server.inject({
      method: 'POST',
      url: '/prometheus/api/v1/query_exemplars',
      headers: {
        'x-scope-orgid': 't',
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload: 'query=up',
    });
    expect(answer.json()).toEqual({ status: 'success', data: expected });
    const [asked] = askedExemplars as { minT: number; maxT: number }[];
    expect(asked!.minT).toBeLessThan(-8e15);
    expect(asked!.maxT).toBeGreaterThan(8e15);
  });

  it('answers 204 where nothing is selected', async () => {
    const answer = await createApi().server.inject({
      url: '/prometheus/api/v1/query_exemplars?query=1',
      headers: { 'x-scope-orgid': 't' },
    });
    expect([answer.statusCode, answer.body]).toEqual([204, '']);
  });

  it.each([
    ['query=up&start=2&end=1', 'end timestamp must not be before start timestamp'],
    [
      'query=up&start=x',
      `invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp`,
    ],
    [`query=${q('up{')}`, /parse error/],
  ])('answers 400 to %s', async (params, text) => {
    const { status, body } = await createApi().get(`/query_exemplars?${params}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ status: 'error', errorType: 'bad_data' });
    expect(body.error).toMatch(text);
  });
});
