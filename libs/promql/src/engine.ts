// The door of evaluation: instant and range queries over a Queryable. Results are columns, so that a
// caller can stream them as JSON without building objects per sample.
import { WeirError } from '@weir/errors';
import { compareLabels, type LabelBytes, labelsOf } from '@weir/model';
import type { Clock } from '@weir/runtime';
import { Context } from './evaluate/context.ts';
import { executionError } from './evaluate/errors.ts';
import { Evaluator } from './evaluate/evaluator.ts';
import { extendedPoints } from './evaluate/extended-points.ts';
import { PartDeclined } from './evaluate/part-declined.ts';
import {
  FLOAT,
  forEachRow,
  HISTOGRAM,
  MergedRows,
  type Row,
  type RowStream,
} from './evaluate/rows.ts';
import { SampleCounts } from './evaluate/sample-counts.ts';
import type { EngineSettings } from './evaluate/settings.ts';
import type { Histogram } from './histogram/histogram.ts';
import type { Expr } from './parse/ast.ts';
import { type QueryTimes, resolveDurations } from './parse/durations.ts';
import { refuseExperimental } from './parse/experimental.ts';
import { quote } from './parse/literals.ts';
import { ParsedQueries } from './parse/parsed-queries.ts';
import { typeOf } from './parse/types.ts';
import type { QueryPlan, Steps } from './plan/nodes.ts';
import { planQuery } from './plan/plan.ts';
import type { PlanSettings } from './plan/reads.ts';
import type { Queryable } from './queryable.ts';

export interface InstantQuery {
  readonly query: string;
  readonly timeMs: number;
  readonly lookbackDeltaMs?: number;
  /** The answer is to tell what was looked at. No part of the query is evaluated elsewhere then. */
  readonly countsSamples?: boolean;
}

export interface RangeQuery {
  readonly query: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly lookbackDeltaMs?: number;
  readonly countsSamples?: boolean;
}

/** One series of a matrix: the first `count` entries of both columns. */
export interface SeriesColumns {
  readonly labels: LabelBytes;
  /** Milliseconds, ascending. */
  readonly t: Float64Array;
  readonly v: Float64Array;
  readonly count: number;
  /** Native histograms, at other times than the floats. */
  readonly histograms?: readonly HistogramPoint[];
}

export interface HistogramPoint {
  /** Milliseconds. */
  readonly t: number;
  readonly histogram: Histogram;
}

export interface VectorSample {
  readonly labels: LabelBytes;
  readonly value: number;
  /** Instead of the value, which then is NaN. */
  readonly histogram?: Histogram;
}

/** What a query looked at, in samples; see SampleCounts. */
export interface SampleStats {
  readonly total: number;
  /** The most that were held at once. */
  readonly peak: number;
  readonly perStep: Float64Array;
}

interface Notes {
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
  readonly samplesStats?: SampleStats;
}

export type QueryResult = Notes &
  (
    | {
        readonly type: 'vector';
        readonly timeMs: number;
        readonly samples: readonly VectorSample[];
      }
    | { readonly type: 'matrix'; readonly series: readonly SeriesColumns[] }
    | { readonly type: 'scalar'; readonly timeMs: number; readonly value: number }
    | { readonly type: 'string'; readonly timeMs: number; readonly value: string }
  );

export interface Engine {
  /**
   * Evaluates at one time. Errors: `invalid` 400 (the query), `invalid` 422 (its evaluation),
   * `canceled`, `timeout`, and what the storage throws.
   */
  instant(query: InstantQuery, queryable: Queryable, signal: AbortSignal): Promise<QueryResult>;
  /** Evaluates from start to end, both included; a matrix in label order. */
  range(query: RangeQuery, queryable: Queryable, signal: AbortSignal): Promise<QueryResult>;
}

export function createEngine(settings: EngineSettings, parts: { readonly clock: Clock }): Engine {
  const open = (
    query: string,
    times: QueryTimes,
    parsed: Expr,
    parts: { clock: Clock; queryable: Queryable; signal: AbortSignal; pushes: boolean },
  ) => {
    const expr = resolveDurations(parsed, query, times);
    const context = new Context(settings, query, parts);
    return { expr, context, evaluator: new Evaluator(context) };
  };
  const queries = new ParsedQueries();
  const parse = (query: string): Expr => {
    const parsed = queries.parse(query);
    if (settings.experimental === false) refuseExperimental(parsed, query);
    return parsed;
  };
  return {
    async instant(asked, queryable, signal) {
      const { query, timeMs, lookbackDeltaMs, countsSamples = false } = asked;
      const times = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
      const parsed = parse(query);
      return pushing(!countsSamples, async (pushes) => {
        const opened = open(query, times, parsed, { ...parts, queryable, signal, pushes });
        const { expr, context, evaluator } = opened;
        const steps = { startMs: timeMs, stepMs: 1, count: 1 };
        if (countsSamples) context.counts = new SampleCounts(1);
        const plan = planQuery(expr, steps, planSettings(settings, times, lookbackDeltaMs));
        return instantResult(plan, timeMs, evaluator, context);
      });
    },
    async range(asked, queryable, signal) {
      const { query, startMs, endMs, stepMs, lookbackDeltaMs, countsSamples = false } = asked;
      checkRange(startMs, endMs, stepMs);
      const times = { startMs, endMs, stepMs };
      const parsed = parse(query);
      refuseType(parsed);
      return pushing(!countsSamples, async (pushes) => {
        const opened = open(query, times, parsed, { ...parts, queryable, signal, pushes });
        const { expr, context, evaluator } = opened;
        const steps = { startMs, stepMs, count: Math.floor((endMs - startMs) / stepMs) + 1 };
        if (countsSamples) context.counts = new SampleCounts(steps.count);
        const plan = planQuery(expr, steps, planSettings(settings, times, lookbackDeltaMs));
        return rangeResult(plan, steps, evaluator, context);
      });
    },
  };
}

/** Parts of the plan are evaluated where their series are; once more without that where one was declined. */
async function pushing(
  pushes: boolean,
  evaluate: (pushes: boolean) => Promise<QueryResult>,
): Promise<QueryResult> {
  try {
    return await evaluate(pushes);
  } catch (error) {
    if (!(error instanceof PartDeclined)) throw error;
    return evaluate(false);
  }
}

function planSettings(
  settings: EngineSettings,
  times: QueryTimes,
  lookbackDeltaMs: number | undefined,
): PlanSettings {
  return {
    lookbackMs: lookbackDeltaMs ?? settings.lookbackDeltaMs,
    defaultSubqueryStepMs: settings.defaultSubqueryStepMs,
    maxSamples: settings.maxSamples,
    startTimestamps: settings.startTimestamps === true,
    ...times,
  };
}

function checkRange(startMs: number, endMs: number, stepMs: number): void {
  if (!(stepMs > 0)) throw new WeirError('invalid', 'zero or negative query resolution step');
  if (endMs < startMs) {
    throw new WeirError('invalid', 'end timestamp must not be before start time');
  }
}

function refuseType(expr: Expr): void {
  const type = typeOf(expr);
  if (type === 'vector' || type === 'scalar') return;
  const documented = type === 'matrix' ? 'range vector' : type;
  throw new WeirError(
    'invalid',
    `invalid expression type ${quote(documented)} for range query, must be Scalar or instant Vector`,
  );
}

async function instantResult(
  plan: QueryPlan,
  timeMs: number,
  evaluator: Evaluator,
  context: Context,
): Promise<QueryResult> {
  const notes = () => notesOf(context);
  if (plan.type === 'string') return { type: 'string', timeMs, value: plan.value, ...notes() };
  if (plan.type === 'scalar') {
    const [value] = await evaluator.scalar(plan.node);
    return { type: 'scalar', timeMs, value: value!, ...notes() };
  }
  if (plan.type === 'matrix') {
    return { type: 'matrix', series: await rawSeries(plan, evaluator, context), ...notes() };
  }
  const rows = await finalRows(await evaluator.vector(plan.node), evaluator, context);
  const samples = rows.map(sampleOf);
  return { type: 'vector', timeMs, samples, ...notes() };
}

async function rangeResult(
  plan: QueryPlan,
  steps: Steps,
  evaluator: Evaluator,
  context: Context,
): Promise<QueryResult> {
  const notes = () => notesOf(context);
  if (plan.type === 'scalar') {
    const v = await evaluator.scalar(plan.node);
    const series = { labels: labelsOf({}), t: timesOf(steps), v, count: v.length };
    return { type: 'matrix', series: [series], ...notes() };
  }
  if (plan.type !== 'vector') throw new TypeError(`no range result for a ${plan.type}`);
  const rows = await finalRows(await evaluator.vector(plan.node), evaluator, context);
  const times = timesOf(steps);
  const series = rows.map((row) => columnsOf(row, times, steps));
  series.sort((a, b) => compareLabels(a.labels, b.labels));
  return { type: 'matrix', series, ...notes() };
}

function notesOf(context: Context): Notes {
  const { warnings, infos } = context.annotations;
  const { counts, budget } = context;
  if (counts === undefined) return { warnings, infos };
  const { total, perStep } = counts;
  return { warnings, infos, samplesStats: { total, peak: budget.peak, perStep } };
}

/** Gathers the result, with names dropped and rows of equal labels joined. */
async function finalRows(
  input: RowStream,
  evaluator: Evaluator,
  context: Context,
): Promise<readonly Row[]> {
  const merged = new MergedRows(context);
  await forEachRow(input, context, (row) => {
    if (row.isEmpty()) return;
    evaluator.names.finish(row);
    merged.add(row);
  });
  return merged.rows;
}

function sampleOf({ labels, p, v, h }: Row): VectorSample {
  if (p[0] === FLOAT) return { labels, value: v[0]! };
  return { labels, value: Number.NaN, histogram: h![0]! };
}

function timesOf({ startMs, stepMs, count }: Steps): Float64Array {
  const times = new Float64Array(count);
  for (let step = 0; step < count; step++) times[step] = startMs + step * stepMs;
  return times;
}

/** A row without gaps shares the times of all steps. */
function columnsOf(row: Row, times: Float64Array, steps: Steps): SeriesColumns {
  const { labels, p, v } = row;
  let count = 0;
  while (count < p.length && p[count] === FLOAT) count++;
  if (count === p.length) return { labels, t: times, v, count };
  const t = times.slice();
  for (let step = count; step < p.length; step++) {
    if (p[step] !== FLOAT) continue;
    t[count] = times[step]!;
    v[count++] = v[step]!;
  }
  const floats = { labels, t, v, count };
  return row.h === undefined ? floats : { ...floats, histograms: pointsOf(row, steps) };
}

function pointsOf({ p, h }: Row, steps: Steps): HistogramPoint[] {
  const points: HistogramPoint[] = [];
  for (let step = 0; step < p.length; step++) {
    if (p[step] !== HISTOGRAM) continue;
    points.push({ t: steps.startMs + step * steps.stepMs, histogram: h![step]! });
  }
  return points;
}

/** A range vector as it is: the samples of (time − range, time] per series. */
async function rawSeries(
  plan: Extract<QueryPlan, { type: 'matrix' }>,
  evaluator: Evaluator,
  context: Context,
): Promise<SeriesColumns[]> {
  const { source } = plan;
  const { counts } = context;
  const isSubquery = counts !== undefined && source.kind !== 'read';
  const inner = isSubquery ? new SampleCounts(source.input.steps.count) : undefined;
  const input = await evaluator.samples(source, inner);
  const series: SeriesColumns[] = [];
  try {
    for (;;) {
      const next = input.next();
      if (!(typeof next === 'boolean' ? next : await next)) break;
      const { samples, histograms } = input;
      if (plan.extension !== undefined) {
        if (histograms.count > 0) {
          throw executionError(`${plan.extension} modifier is not supported with histograms`);
        }
        const endMs = plan.times.startMs;
        const range = { extension: plan.extension, startMs: endMs - plan.rangeMs, endMs };
        const points = extendedPoints(samples, { ...range, lookbackMs: plan.lookbackMs });
        context.budget.hold(points.count);
        if (points.count > 0) series.push({ labels: input.labels.slice(), ...points });
      } else if (samples.count + histograms.count > 0) {
        context.budget.hold(samples.count + histograms.weight);
        if (inner === undefined) counts?.addAt(0, samples.count + histograms.weight);
        const t = samples.t.slice(0, samples.count);
        const v = samples.v.slice(0, samples.count);
        const floats = { labels: input.labels.slice(), t, v, count: samples.count };
        series.push(
          histograms.count === 0 ? floats : { ...floats, histograms: histograms.points() },
        );
      }
      const pause = context.pace();
      if (pause !== undefined) await pause;
    }
    if (inner !== undefined) counts?.addAt(0, inner.total);
  } finally {
    input.close();
  }
  return series.sort((a, b) => compareLabels(a.labels, b.labels));
}
