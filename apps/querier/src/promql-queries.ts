// The endpoints that evaluate or print PromQL: query, query_range, format_query. Parameters are checked
// in Prometheus's order, since only the first error is answered.
import { toWeirError, WeirError } from '@weir/errors';
import { parseExpr, printExpr } from '@weir/promql';
import { type EndpointAnswer, type EndpointContext, TRUNCATED } from './endpoint.ts';
import { invalidParameter, parseDuration } from './parameters.ts';
import type { QueryResult } from './query-engine.ts';

/** Points per series that a range query may ask for. */
const RANGE_POINTS_MAX = 11_000;

export async function answerInstant(context: EndpointContext): Promise<EndpointAnswer> {
  const { params, parts, signal, queryable } = context;
  const limit = params.limit();
  const timeMs = params.time('time', parts.clock.nowMs());
  checkTimeout(context);
  const options = lookbackOf(context);
  const query = checkedQuery(context);
  const started = parts.clock.steadyMs();
  const result = await evaluate(() =>
    parts.engine.instant({ query, timeMs, ...options }, queryable, signal),
  );
  return limited(context, result, limit, started);
}

export async function answerRange(context: EndpointContext): Promise<EndpointAnswer> {
  const { params, parts, signal, queryable } = context;
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
  const query = checkedQuery(context);
  const started = parts.clock.steadyMs();
  const result = await evaluate(() =>
    parts.engine.range({ query, startMs, endMs, stepMs, ...options }, queryable, signal),
  );
  return limited(context, result, limit, started);
}

export async function answerFormatQuery({ params }: EndpointContext): Promise<EndpointAnswer> {
  try {
    const data = printExpr(parseExpr(params.get('query')));
    return { kind: 'data', data, warnings: [] };
  } catch (error) {
    throw asParameterError('query', error);
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

/** The query's text, once it is known to parse: what fails after this is execution. */
function checkedQuery({ params }: EndpointContext): string {
  const query = params.get('query');
  try {
    parseExpr(query);
  } catch (error) {
    throw asParameterError('query', error);
  }
  return query;
}

function asParameterError(name: string, error: unknown): unknown {
  if (!(error instanceof WeirError) || error.kind !== 'invalid') return error;
  return invalidParameter(name, error.message);
}

/** What the engine refuses is an execution error, which the API tells apart from a bad request. */
async function evaluate(run: () => Promise<QueryResult>): Promise<QueryResult> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof WeirError) || error.kind !== 'invalid') throw error;
    throw new WeirError('invalid', error.message, { status: 422, cause: error });
  }
}

function limited(
  context: EndpointContext,
  result: QueryResult,
  limit: number,
  startedMs: number,
): EndpointAnswer {
  const stats = statsOf(context, result, startedMs);
  if (limit > 0 && result.type === 'vector' && result.points.length > limit) {
    const points = result.points.slice(0, limit);
    return { kind: 'result', result: { ...result, points }, warnings: [TRUNCATED], stats };
  }
  if (limit > 0 && result.type === 'matrix' && result.series.length > limit) {
    const series = result.series.slice(0, limit);
    return { kind: 'result', result: { ...result, series }, warnings: [TRUNCATED], stats };
  }
  return { kind: 'result', result, warnings: [], stats };
}

/** Times in seconds. Parts that the engine doesn't tell apart are counted as evaluation. */
function statsOf({ params, parts }: EndpointContext, result: QueryResult, startedMs: number) {
  if (params.get('stats') === '') return undefined;
  const seconds = (parts.clock.steadyMs() - startedMs) / 1000;
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
      totalQueryableSamples: result.samplesRead ?? 0,
      peakSamples: result.peakSamples ?? 0,
    },
  };
}
