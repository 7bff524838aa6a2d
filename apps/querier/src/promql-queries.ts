// The endpoints that evaluate or print PromQL: query, query_range, format_query, parse_query. Parameters are checked
// in Prometheus's order, since only the first error is answered.
import { toWeirError, WeirError } from '@weir/errors';
import {
  type Expr,
  parseExpr,
  printExpr,
  type QueryResult,
  type SampleStats,
  treeOf,
} from '@weir/promql';
import { type EndpointAnswer, type EndpointContext, TRUNCATED } from './endpoint.ts';
import { invalidParameter, parseDuration } from './parameters.ts';
import {
  allowedStart,
  checkBlocked,
  checkExperimental,
  checkExpressionSize,
} from './query-limits.ts';

const UNNOTED = { warnings: [], infos: [] };

/** Points per series that a range query may ask for. */
const RANGE_POINTS_MAX = 11_000;

export async function answerInstant(context: EndpointContext): Promise<EndpointAnswer> {
  const { params, engine, signal, queryable } = context;
  const limit = params.limit();
  const timeMs = params.time('time', context.clock.nowMs());
  checkTimeout(context);
  const options = lookbackOf(context);
  const query = params.get('query');
  checkExpressionSize(query, context.request.limits);
  const started = context.clock.steadyMs();
  const { limits } = context.request;
  checkBlocked(query, limits);
  checkExperimental(query, limits, context.request.tenant);
  const times = { startMs: timeMs, endMs: timeMs, stepMs: 1 };
  const countsSamples = params.get('stats') !== '';
  if (allowedStart(times, limits, context.clock.nowMs()) === undefined) {
    const nothing = { type: 'vector', timeMs, samples: [], ...UNNOTED } as const;
    return limited(context, nothing, limit, times, started);
  }
  const result = await evaluate(() =>
    engine.instant({ query, timeMs, countsSamples, ...options }, queryable, signal),
  );
  return limited(context, result, limit, times, started);
}

export async function answerRange(context: EndpointContext): Promise<EndpointAnswer> {
  const { params, engine, signal, queryable } = context;
  const limit = params.limit();
  const startMs = params.time('start');
  const endMs = params.time('end');
  if (endMs < startMs) {
    throw invalidParameter('end', 'end timestamp must not be before start time');
  }
  const stepMs = Math.trunc(params.duration('step'));
  if (stepMs <= 0) {
    throw invalidParameter(
      'step',
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
  }
  if ((endMs - startMs) / stepMs > RANGE_POINTS_MAX) {
    throw new WeirError(
      'invalid',
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    );
  }
  checkTimeout(context);
  const options = lookbackOf(context);
  const query = params.get('query');
  const { limits } = context.request;
  checkExpressionSize(query, limits);
  checkBlocked(query, limits, { startMs, endMs, stepMs });
  checkExperimental(query, limits, context.request.tenant);
  const started = context.clock.steadyMs();
  const countsSamples = params.get('stats') !== '';
  const fromMs = allowedStart({ startMs, endMs, stepMs }, limits, context.clock.nowMs());
  if (fromMs === undefined) {
    const nothing = { type: 'matrix', series: [], ...UNNOTED } as const;
    return limited(context, nothing, limit, { startMs, stepMs }, started);
  }
  const result = await evaluate(() =>
    engine.range(
      { query, startMs: fromMs, endMs, stepMs, countsSamples, ...options },
      queryable,
      signal,
    ),
  );
  return limited(context, result, limit, { startMs: fromMs, stepMs }, started);
}

export async function answerFormatQuery(context: EndpointContext): Promise<EndpointAnswer> {
  return { kind: 'data', data: printExpr(parsed(context)), warnings: [] };
}

export async function answerParseQuery(context: EndpointContext): Promise<EndpointAnswer> {
  return { kind: 'data', data: treeOf(parsed(context)), warnings: [] };
}

function parsed({ params }: EndpointContext): Expr {
  try {
    return parseExpr(params.get('query'));
  } catch (error) {
    throw asParameterError(error);
  }
}

/** A malformed timeout is an error of its own; its value was applied before. */
function checkTimeout({ params }: EndpointContext): void {
  if (params.get('timeout') !== '') params.duration('timeout');
}

function lookbackOf({ params }: EndpointContext): { lookbackDeltaMs?: number } {
  const text = params.get('lookback_delta');
  if (text === '') return {};
  try {
    return { lookbackDeltaMs: parseDuration(text) };
  } catch (error) {
    const reason = toWeirError(error).message;
    throw new WeirError('invalid', `error parsing lookback delta duration: ${reason}`);
  }
}

/** The engine answers 400 for what is wrong with the query's text, 422 for what goes wrong later. */
function asParameterError(error: unknown): unknown {
  if (!(error instanceof WeirError) || error.kind !== 'invalid' || error.status !== 400) {
    return error;
  }
  return invalidParameter('query', error.message);
}

async function evaluate(run: () => Promise<QueryResult>): Promise<QueryResult> {
  try {
    return await run();
  } catch (error) {
    throw asParameterError(error);
  }
}

interface Times {
  readonly startMs: number;
  readonly stepMs: number;
}

function limited(
  context: EndpointContext,
  result: QueryResult,
  limit: number,
  times: Times,
  startedMs: number,
): EndpointAnswer {
  const stats = statsOf(context, result.samplesStats, times, startedMs);
  if (limit > 0 && result.type === 'vector' && result.samples.length > limit) {
    const samples = result.samples.slice(0, limit);
    return { kind: 'result', result: { ...result, samples }, warnings: [TRUNCATED], stats };
  }
  if (limit > 0 && result.type === 'matrix' && result.series.length > limit) {
    const series = result.series.slice(0, limit);
    return { kind: 'result', result: { ...result, series }, warnings: [TRUNCATED], stats };
  }
  return { kind: 'result', result, warnings: [], stats };
}

const NO_SAMPLES: SampleStats = { total: 0, peak: 0, perStep: new Float64Array(0) };

/** Times in seconds. The engine doesn't tell its parts apart: a query streams through all of them. */
function statsOf(
  { params, clock }: EndpointContext,
  { total, peak, perStep }: SampleStats = NO_SAMPLES,
  { startMs, stepMs }: Times,
  startedMs: number,
) {
  const asked = params.get('stats');
  if (asked === '') return undefined;
  const seconds = (clock.steadyMs() - startedMs) / 1000;
  const steps = Array.from(perStep, (count, step) => [(startMs + step * stepMs) / 1000, count]);
  return {
    timings: {
      evalTotalTime: seconds,
      resultSortTime: 0,
      queryPreparationTime: 0,
      innerEvalTime: seconds,
      execQueueTime: 0,
      execTotalTime: seconds,
    },
    samples: {
      ...(asked === 'all' && { totalQueryableSamplesPerStep: steps }),
      totalQueryableSamples: total,
      peakSamples: peak,
    },
  };
}
