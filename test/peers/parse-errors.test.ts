// A real Prometheus 3 refuses expressions that are wrong in every way, and Weir in the same words: the table of
// libs/promql, asked again of both over HTTP, and mutations of good expressions.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REFUSED, TAKEN } from '@weir/promql/refused-fixture.ts';
import { seededRandom } from '@weir/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXPRESSIONS, mutatedQuery } from '../fuzz/query-mutations.ts';
import { type PrometheusProcess, servePrometheus } from '../support/prometheus-process.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const SEED = 7;
const MUTATIONS = 2000;
/** Of so many mutations, what may differ: texts of rare faults. */
const DIFFERENT_MAX = 0.02;
const FEATURES = [
  ...['promql-experimental-functions', 'promql-duration-expr'],
  ...['promql-extended-range-selectors', 'promql-binop-fill-modifiers'],
];

let weir: WeirProcess;
let prometheus: PrometheusProcess;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-parse-'));
  weir = new WeirProcess({
    port: await freePort(),
    flags: ['-target=all', `-data-dir=${join(directory, 'weir')}`, '-log.level=warn'],
  });
  await weir.start();
  prometheus = await servePrometheus({
    data: join(directory, 'prometheus'),
    flags: [`--enable-feature=${FEATURES.join(',')}`, '--log.level=error'],
  });
});

afterAll(async () => {
  await prometheus.stop();
  await weir.stop();
  await rm(directory, { recursive: true, force: true });
});

/** The error's text; undefined of a success. */
async function refusal(base: string, path: string, query: string): Promise<string | undefined> {
  const response = await fetch(base + path, {
    method: 'POST',
    headers: { 'x-scope-orgid': 'test' },
    body: new URLSearchParams({ query }),
  });
  // A Prometheus can't write the tree of an infinite number, and answers something else than JSON.
  if (response.status === 500) return undefined;
  const { error } = (await response.json()) as { error?: string };
  return error;
}

const ofPrometheus = (query: string) => refusal(prometheus.base, '/api/v1/parse_query', query);
/** Parses and prints. */
const ofWeir = (query: string) => refusal(`${weir.base}/prometheus`, '/api/v1/format_query', query);

it(`refuses ${REFUSED.length} expressions in the same words`, async () => {
  for (const { query, message } of REFUSED) {
    const wanted = `invalid parameter "query": ${message}`;
    expect([query, await ofPrometheus(query)]).toEqual([query, wanted]);
    expect([query, await ofWeir(query)]).toEqual([query, wanted]);
  }
  for (const query of TAKEN) {
    expect([query, await ofPrometheus(query), await ofWeir(query)]).toEqual([
      query,
      undefined,
      undefined,
    ]);
  }
});

it(`and ${MUTATIONS} mutated ones, but for few`, async () => {
  const random = seededRandom(SEED);
  const different: string[] = [];
  for (let count = 0; count < MUTATIONS; count++) {
    const query = mutatedQuery(random, EXPRESSIONS);
    const [ours, theirs] = [await ofWeir(query), await ofPrometheus(query)];
    if (ours !== theirs) different.push(`${JSON.stringify(query)}: ${ours}, not ${theirs}`);
  }
  process.stdout.write(`${different.length} of ${MUTATIONS} differ\n${different.join('\n')}\n`);
  expect(different.length).toBeLessThanOrEqual(MUTATIONS * DIFFERENT_MAX);
});
