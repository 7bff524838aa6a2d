// Random counters whose samples tell since when they count: sent to Weir by remote write 2.0, cut into blocks, and
// these read by a real Prometheus 3 that uses start timestamps (what it receives by remote write it stores without).
// rate and its like, resets and start_timestamp are answered alike by Weir's head, by Weir's blocks and by Prometheus:
// values, warnings and infos. WEIR_PEER_SEED says where chance begins.
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NativeHistogram } from '@weir/model';
import { encodeHistogram } from '@weir/wire/log-record';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDice, type Dice } from '../simulation/dice.ts';
import { type ApiAnswer, api } from '../support/prometheus-api.ts';
import { type PrometheusProcess, servePrometheus } from '../support/prometheus-process.ts';
import { differences } from '../support/random-promql/answers.ts';
import { push, type TestSeries } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const SEED = Number(process.env.WEIR_PEER_SEED ?? 7);
const EXPRESSIONS = 400;
const DIFFERENCES_MAX = 10;
const START_MS = 1_700_006_400_000;
const STEP_MS = 15_000;
const SAMPLES = 60;
const TENANT = 'test';
const FEATURES = 'st-storage,use-start-timestamps,promql-experimental-functions';

/** Of one series; a start is 0 where none is told. */
interface Started {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [
    t: number,
    value: number | NativeHistogram,
    start: number,
  ])[];
}

interface Question {
  readonly query: string;
  /** Of query_range; a query at one time has its time alone. */
  readonly start?: string;
  readonly end?: string;
  readonly step?: string;
  readonly time?: string;
}

const dice = createDice(SEED);
const series = startedSeries(dice.fork('series'));
const questions = Array.from({ length: EXPRESSIONS }, (_, at) => questionOf(dice.fork(String(at))));

let directory: string;
let weir: WeirProcess;
let prometheus: PrometheusProcess | undefined;
/** Before the samples were in blocks. */
let fromHead: readonly ApiAnswer[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-starts-'));
  const data = join(directory, 'weir');
  const flags = ['-target=all', `-data-dir=${data}`, '-log.level=warn'];
  const more = ['-ingester.start-timestamps-enabled=true'];
  weir = new WeirProcess({ port: await freePort(), flags: [...flags, ...more] });
  await weir.start();
  const { status, body } = await push(weir.base, series.flatMap(entriesOf), { version: 2 });
  expect([status, body]).toEqual([204, '']);
  fromHead = await ask(`${weir.base}/prometheus`);
  const flush = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
  expect(flush.status).toBe(204);
  const tsdb = join(directory, 'tsdb');
  await cp(join(data, 'blocks', TENANT), tsdb, { recursive: true });
  await mkdir(join(tsdb, 'wal'));
  const own = [`--enable-feature=${FEATURES}`, '--log.level=error'];
  prometheus = await servePrometheus({ data: tsdb, flags: own });
});

afterAll(async () => {
  await prometheus?.stop();
  await weir?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function ask(base: string): Promise<ApiAnswer[]> {
  const answers: ApiAnswer[] = [];
  for (const question of questions) {
    const path = question.time === undefined ? '/api/v1/query_range' : '/api/v1/query';
    answers.push(await api(base, path, { ...question }, TENANT));
  }
  return answers;
}

type Kind = 'float' | 'integer' | 'custom' | 'mixed';

function startedSeries(of: Dice): Started[] {
  const kinds: readonly Kind[] = ['float', 'float', 'float', 'integer', 'custom', 'mixed'];
  return kinds.flatMap((kind, at) =>
    ['a', 'b'].map((instance) => oneSeries(of.fork(`${at}${instance}`), kind, at, instance)),
  );
}

/** A cumulative counter or a series of deltas, whose starts are told mostly, and sometimes wrongly. */
function oneSeries(of: Dice, kind: Kind, at: number, instance: string): Started {
  const isDelta = at === 1 || (at > 2 && instance === 'b');
  const samples: [number, number | NativeHistogram, number][] = [];
  let value = of.int(0, 50);
  let before = START_MS - of.int(1, 60) * 1000;
  let start = before;
  for (let index = 0; index < SAMPLES; index++) {
    const t = START_MS + index * STEP_MS + of.pick([0, 0, 0, 1, -7]);
    if (of.chance(0.1)) continue;
    if (of.chance(0.15)) {
      // Not always to less than before.
      value = of.chance(0.5) ? of.int(0, 9) : value + of.int(0, 9);
      start = before + of.int(0, t - before - 1);
    } else value += of.int(0, 9);
    const told = isDelta ? before : start;
    const sent = of.pick([told, told, told, told, told, told, 0, before - of.int(1, 20_000)]);
    const isFloat = kind === 'float' || (kind === 'mixed' && index % 20 < 10);
    samples.push([t, isFloat ? value : histogramOf(value, kind === 'custom'), sent]);
    before = t;
  }
  return { labels: { __name__: `${kind}_${at}_total`, instance }, samples };
}

function histogramOf(value: number, isCustom: boolean): NativeHistogram {
  const none = new Float64Array(0);
  return {
    ...{ isFloat: false, isStale: false, resetHint: 0, zeroThreshold: isCustom ? 0 : 1e-3 },
    schema: isCustom ? -53 : 1,
    zeroCount: 0,
    count: 3 * value,
    sum: 5 * value,
    positiveSpans: Int32Array.of(0, 2),
    negativeSpans: new Int32Array(0),
    positiveBuckets: Float64Array.of(value, 2 * value),
    negativeBuckets: none,
    customValues: isCustom ? Float64Array.of(1, 5) : none,
  };
}

/** Each run of samples of one kind is an entry of its own, so that they come in the order of time. */
function entriesOf({ labels, samples }: Started): TestSeries[] {
  const entries: { samples: [number, number, number][]; histograms: Uint8Array[] }[] = [];
  let wasFloat: boolean | undefined;
  for (const [t, value, start] of samples) {
    const isFloat = typeof value === 'number';
    if (isFloat !== wasFloat) entries.push({ samples: [], histograms: [] });
    wasFloat = isFloat;
    const entry = entries.at(-1)!;
    if (isFloat) entry.samples.push([t, value, start]);
    else entry.histograms.push(encodeHistogram({ t, startT: start, histogram: value }));
  }
  return entries.map((entry) => ({ labels, ...entry }));
}

function questionOf(of: Dice): Question {
  const query = expressionOf(of);
  const startMs = START_MS + of.int(-2, SAMPLES + 4) * STEP_MS + of.pick([0, 0, 1, 500, 7000]);
  if (of.chance(0.5)) return { query, time: seconds(startMs) };
  const stepMs = of.pick([15_000, 30_000, 47_000]);
  const endMs = startMs + stepMs * of.int(0, 12);
  return { query, start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function expressionOf(of: Dice): string {
  const name = of.pick(series).labels.__name__!;
  const range = of.pick(['15s', '16s', '30s', '45s', '1m', '2m', '5m', '10m', '1h']);
  const offset = of.pick(['', '', '', ' offset 20s', ` @ ${START_MS / 1000 + 300}`]);
  const call = of.pick(['rate', 'increase', 'irate', 'resets', 'start_timestamp']);
  const inner =
    call === 'start_timestamp'
      ? `${call}(${name}${offset})`
      : `${call}(${name}[${range}]${offset})`;
  const outer = [
    '',
    '',
    'sum',
    'max by (instance) ',
    'histogram_count',
    'histogram_avg',
    'abs',
    '-',
  ];
  const around = of.pick(outer);
  return around === '' ? inner : `${around}(${inner})`;
}

function told(ours: readonly ApiAnswer[], theirs: readonly ApiAnswer[]): string {
  const found = questions.flatMap((question, at) => {
    const some = differences(ours[at]!, theirs[at]!).slice(0, 3);
    return some.length === 0 ? [] : [`${JSON.stringify(question)}\n    ${some.join('\n    ')}`];
  });
  return found.slice(0, DIFFERENCES_MAX).join('\n');
}

it(`${EXPRESSIONS} expressions of seed ${SEED} are answered as by Prometheus`, async () => {
  const theirs = await ask(prometheus!.base);
  expect(theirs.filter(({ status }) => status !== 'success')).toEqual([]);
  expect(told(fromHead, theirs)).toBe('');
  expect(told(await ask(`${weir.base}/prometheus`), theirs)).toBe('');
});

it('each sample has the start that was sent', async () => {
  for (const { labels, samples } of series) {
    const query = `start_timestamp(${labels.__name__}{instance="${labels.instance}"})`;
    for (const [t, , start] of samples.slice(0, 25)) {
      for (const base of [`${weir.base}/prometheus`, prometheus!.base]) {
        const { data } = await api(base, '/api/v1/query', { query, time: seconds(t) }, TENANT);
        const { result } = data as { result: { value: [number, string] }[] };
        expect(Number(result[0]?.value[1]), `${query} at ${t}`).toBe(start / 1000);
      }
    }
  }
});
