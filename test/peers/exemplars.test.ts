// query_exemplars beside a real Prometheus that was sent the same: statuses and whole bodies, of answers and of errors.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PrometheusProcess, receiveWrites } from '../support/prometheus-process.ts';
import { encodeWriteRequest, push, type TestSeries } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const STEP_MS = 15_000;
const START_MS = Math.floor(Date.now() / STEP_MS) * STEP_MS - 40 * STEP_MS;
const at = (step: number) => START_MS + step * STEP_MS;
const seconds = (step: number) => String(at(step) / 1000);

function series(
  labels: Record<string, string>,
  exemplars: readonly (readonly [step: number, value: number, labels: Record<string, string>])[],
): TestSeries {
  return {
    labels,
    samples: Array.from({ length: 40 }, (_, step) => [at(step), step] as const),
    exemplars: exemplars.map(([step, value, own]) => ({
      labels: own,
      value,
      timeMs: at(step) + 7,
    })),
  };
}

const SENT: readonly TestSeries[] = [
  series({ __name__: 'requests_total', job: 'a' }, [
    [3, 0.25, { trace_id: 'abc' }],
    [9, 1e21, { trace_id: 'def', span_id: '"ö\n' }],
    [20, Number.POSITIVE_INFINITY, { trace_id: 'inf' }],
  ]),
  series({ __name__: 'requests_total', job: 'b' }, [[5, -0, { trace_id: 'b' }]]),
  series({ __name__: 'requests_total', job: 'without' }, []),
  series({ __name__: 'errors_total', job: 'a' }, [[6, 1e-7, { trace_id: 'e' }]]),
];

const ASKED: readonly (readonly [what: string, params: Readonly<Record<string, string>>])[] = [
  ['a name', { query: 'requests_total' }],
  ['a range of time', { query: 'requests_total', start: seconds(4), end: seconds(10) }],
  ['a matcher', { query: 'requests_total{job=~"b|c"}' }],
  ['an expression', { query: 'rate(requests_total{job="a"}[5m]) / sum(errors_total offset 5m)' }],
  ['two selectors of one series', { query: 'requests_total{job="a"} + {job="a"}' }],
  ['what has none', { query: 'requests_total{job="without"}' }],
  ['what there is not', { query: 'missing' }],
  ['a selector with @', { query: 'requests_total{job="b"} @ 0' }],
  ['a subquery', { query: 'max_over_time(errors_total[5m:1m])' }],
  ['a time without any', { query: 'requests_total', start: '1', end: '2' }],
  ['an instant', { query: 'requests_total', start: seconds(3), end: seconds(3) }],
  ['RFC 3339', { query: 'errors_total', start: new Date(at(0)).toISOString() }],
  ['no selector', { query: '1 + 1' }],
  ['no query', {}],
  ['an empty query', { query: '' }],
  ['no PromQL', { query: 'sum(' }],
  ['a wrong type', { query: 'rate(requests_total)' }],
  ['a selector of everything', { query: '{job=~".*"}' }],
  ['a start that is none', { query: 'requests_total', start: 'yesterday' }],
  ['an end that is none', { query: 'requests_total', end: 'tomorrow' }],
  ['both wrong', { query: 'sum(', start: 'x', end: 'y' }],
  ['an end before the start', { query: 'requests_total', start: '2', end: '1' }],
  ['a wrong order and no PromQL', { query: 'sum(', start: '2', end: '1' }],
  ['an endless time', { query: 'requests_total', start: '1e400' }],
  ['an empty start', { query: 'errors_total', start: '', end: '' }],
];

describe('query_exemplars', () => {
  let directory: string;
  let weir: WeirProcess;
  let prometheus: PrometheusProcess;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-exemplars-'));
    const flags = ['-target=all', `-data-dir=${directory}`, '-log.level=warn'];
    weir = new WeirProcess({ port: await freePort(), flags });
    await weir.start();
    prometheus = await receiveWrites(['exemplar-storage']);
    expect((await push(weir.base, SENT)).status).toBe(200);
    const answer = await fetch(`${prometheus.base}/api/v1/write`, {
      method: 'POST',
      body: compressSync(encodeWriteRequest(SENT)),
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    });
    expect(answer.status).toBe(204);
  });

  afterAll(async () => {
    await prometheus?.stop();
    await weir?.stop();
    await rm(directory, { recursive: true });
  });

  it.each(ASKED)('answers %s', async (_, params) => {
    const asked = new URLSearchParams(params);
    const headers = { 'x-scope-orgid': 'test' };
    const ask = async (base: string, method: 'GET' | 'POST') => {
      const url = `${base}/api/v1/query_exemplars`;
      const answer = await (method === 'GET'
        ? fetch(`${url}?${asked}`, { headers })
        : fetch(url, { method, headers, body: asked }));
      const type = answer.headers.get('content-type');
      return { status: answer.status, type, body: await answer.text() };
    };
    for (const method of ['GET', 'POST'] as const) {
      const [ours, theirs] = await Promise.all([
        ask(`${weir.base}/prometheus`, method),
        ask(prometheus.base, method),
      ]);
      expect(ours).toEqual(theirs);
    }
  });
});
