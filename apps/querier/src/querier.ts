// The querier: answers requests of the Prometheus query API from a queryable. It knows no HTTP server
// and no thread; errors become answers here, once, so that an executor only moves bytes.
import { defaultsOf } from '@weir/config';
import { isKind, toWeirError, unreachable, WeirError } from '@weir/errors';
import { limitsFlags } from '@weir/limits';
import { createEngine, type Engine } from '@weir/promql';
import {
  type ChunkedQueryable,
  createExemplarReader,
  createMetadataReader,
  createQueryable,
  createTenantReader,
  demandOf,
  FetchBudget,
  type OwnerDirectory,
  TextAnswers,
} from '@weir/query';
import { createSemaphore } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import type { EndpointAnswer, EndpointContext, QuerierParts } from './endpoint.ts';
import { holding } from './executor/answer-stream.ts';
import { errorAnswer } from './executor/error-answer.ts';
import { answerExemplars } from './exemplar-queries.ts';
import { answerFreshness } from './freshness.ts';
import {
  activeSeriesJson,
  dataAnswerJson,
  queryAnswerJson,
  seriesAnswerJson,
  textsAnswerJson,
} from './json/answer-json.ts';
import { exemplarsAnswerJson } from './json/exemplars-json.ts';
import {
  answerLabels,
  answerLabelValues,
  answerMetadata,
  answerSeries,
} from './metadata-queries.ts';
import { Parameters } from './parameters.ts';
import {
  answerFormatQuery,
  answerInstant,
  answerParseQuery,
  answerRange,
} from './promql-queries.ts';
import type { QuerierSettings } from './querier-settings.ts';
import { withReadLength } from './query-limits.ts';
import type { QueryAnswer, QueryExecutor, QueryRequest } from './query-request.ts';
import { answerRead } from './remote-read/remote-read.ts';
import {
  answerActiveHistograms,
  answerActiveSeries,
  answerDiscarded,
  answerLabelNamesCardinality,
  answerLabelValuesCardinality,
} from './tenant-queries.ts';
import { answerUserStats } from './user-stats.ts';

export interface Querier extends QueryExecutor {
  handle(request: QueryRequest, signal: AbortSignal): Promise<QueryAnswer>;
}

/** What reads of a part by its owners need not heed: they send no chunks. */
const DEFAULT_CHUNKS_MAX = defaultsOf(limitsFlags).fetchedChunksMax;
const JSON_HEADERS = { 'content-type': 'application/json' };

export function createQuerier(settings: QuerierSettings, given: QuerierParts): Querier {
  const parts = { ...given, textAnswers: new TextAnswers() };
  const running = createSemaphore(settings.maxConcurrent);
  const engineFor = createEngines(settings, parts);
  const handle = async (request: QueryRequest, signal: AbortSignal): Promise<QueryAnswer> => {
    const release = await running.acquire();
    return answer(settings, engineFor, parts, request, signal, release);
  };
  return { handle, execute: handle, close: async () => {} };
}

/** An engine for each set of what tenants may set, as it keeps the queries that it has parsed. */
function createEngines(settings: QuerierSettings, parts: QuerierParts) {
  const engines = new Map<string, Engine>();
  return ({ limits }: QueryRequest): Engine => {
    const { queryMemoryMaxBytes: memoryMaxBytes = 0 } = limits ?? {};
    const { delayedNameRemoval = false, typeAndUnitLabels = false } = limits ?? {};
    const { startTimestamps = false } = limits ?? {};
    const own = { memoryMaxBytes, delayedNameRemoval, typeAndUnitLabels, startTimestamps };
    const key = JSON.stringify(own);
    let engine = engines.get(key);
    if (engine === undefined) {
      engine = createEngine({ ...settings, ...own }, parts);
      engines.set(key, engine);
    }
    return engine;
  };
}

async function answer(
  settings: QuerierSettings,
  engineFor: (request: QueryRequest) => Engine,
  allParts: QuerierParts,
  request: QueryRequest,
  clientSignal: AbortSignal,
  release: () => void,
): Promise<QueryAnswer> {
  const parts = { ...allParts, owners: ownersFor(request, allParts) };
  const controller = new AbortController();
  const { signal } = controller;
  // The client's signal goes with the request, and this with it.
  const leave = () => controller.abort(clientSignal.reason);
  if (clientSignal.aborted) leave();
  else clientSignal.addEventListener('abort', leave, { once: true });
  let cancelTimer = () => {};
  try {
    return await holding(over, evaluate, signal);
  } catch (error) {
    return failure(signal.aborted ? signal.reason : error, request, parts.telemetry);
  }

  function over(): void {
    cancelTimer();
    clientSignal.removeEventListener('abort', leave);
    release();
  }

  async function evaluate(): Promise<QueryAnswer> {
    signal.throwIfAborted();
    const params = new Parameters(request.params);
    const timeoutMs = timeoutOf(settings, params);
    const timer = parts.clock.after(timeoutMs, () => {
      controller.abort(new WeirError('timeout', 'query timed out in expression evaluation'));
    });
    cancelTimer = () => timer.cancel();
    const queryable = queryableFor(request, parts);
    const engine = engineFor(request);
    const context = { engine, clock: parts.clock, request, params, queryable, signal };
    return success(await answerEndpoint(settings, context, parts));
  }
}

/** Owners evaluate no part of a query whose reads are counted: what they read would not be. */
function queryableFor({ tenant, limits }: QueryRequest, parts: QuerierParts): ChunkedQueryable {
  if (limits === undefined) return createQueryable({ tenant }, parts);
  const budget = new FetchBudget(limits);
  const reading = createQueryable({ tenant }, { ...parts, budget });
  const queryable = withReadLength(reading, limits);
  const { fetchedSeriesMax, fetchedChunksMax, fetchedChunkBytesMax } = limits;
  const isDefault = fetchedChunksMax === DEFAULT_CHUNKS_MAX || fetchedChunksMax === 0;
  if (isDefault && fetchedSeriesMax === 0 && fetchedChunkBytesMax === 0) return queryable;
  return { select: (select, signal) => queryable.select(select, signal) };
}

/** The owners that the request names, or those that the directory knows. */
function ownersFor(request: QueryRequest, parts: QuerierParts): OwnerDirectory {
  const directory = namedOwners(request, parts);
  return request.demand === undefined ? directory : demandOf(directory, request.demand);
}

function namedOwners(request: QueryRequest, parts: QuerierParts): OwnerDirectory {
  const { owners, links, ownersChangedMs } = request;
  const { portOf } = parts;
  if (owners === undefined || portOf === undefined) return parts.owners;
  return {
    owners: async () => owners.map((partitions, at) => ({ port: portOf(links?.[at]), partitions })),
    ...(ownersChangedMs !== undefined && { changedMs: ownersChangedMs }),
  };
}

/** The timeout parameter can only shorten the configured time. */
function timeoutOf(settings: QuerierSettings, params: Parameters): number {
  if (params.get('timeout') === '') return settings.timeoutMs;
  return Math.max(0, Math.min(settings.timeoutMs, params.duration('timeout')));
}

function answerEndpoint(
  settings: QuerierSettings,
  context: EndpointContext,
  parts: QuerierParts,
): Promise<EndpointAnswer> {
  const { endpoint, tenant } = context.request;
  switch (endpoint) {
    case 'query':
      return answerInstant(context);
    case 'query_range':
      return answerRange(context);
    case 'format_query':
      return answerFormatQuery(context);
    case 'parse_query':
      return answerParseQuery(context);
    case 'labels':
      return answerLabels(context, createMetadataReader({ tenant }, parts));
    case 'label_values':
      return answerLabelValues(context, createMetadataReader({ tenant }, parts));
    case 'series':
      return answerSeries(context, createMetadataReader({ tenant }, parts));
    case 'metadata':
      return answerMetadata(context, createMetadataReader({ tenant }, parts));
    case 'cardinality_label_names':
      return answerLabelNamesCardinality(context, createTenantReader({ tenant }, parts));
    case 'cardinality_label_values':
      return answerLabelValuesCardinality(context, createTenantReader({ tenant }, parts));
    case 'cardinality_active_series':
      return answerActiveSeries(context, createTenantReader({ tenant }, parts));
    case 'cardinality_active_histograms':
      return answerActiveHistograms(context, createTenantReader({ tenant }, parts));
    case 'discarded':
      return answerDiscarded(context, createTenantReader({ tenant }, parts));
    case 'freshness':
      return answerFreshness(context, createTenantReader({ tenant }, parts));
    case 'user_stats':
      return answerUserStats(context, parts.owners);
    case 'read':
      return answerRead(settings, context);
    case 'query_exemplars':
      return answerExemplars(context, createExemplarReader({ tenant }, parts));
    default:
      return unreachable(endpoint);
  }
}

function success(answer: EndpointAnswer): QueryAnswer {
  if (answer.kind === 'nothing') return { status: 204, headers: {}, body: new Uint8Array(0) };
  if (answer.kind === 'bytes') {
    return { status: 200, headers: answer.headers, body: answer.body };
  }
  return { status: 200, headers: JSON_HEADERS, body: bodyOf(answer) };
}

function bodyOf(
  answer: Exclude<EndpointAnswer, { kind: 'nothing' | 'bytes' }>,
): QueryAnswer['body'] {
  const { warnings } = answer;
  switch (answer.kind) {
    case 'data':
      return dataAnswerJson(answer.data, { warnings, infos: [] });
    case 'texts':
      return textsAnswerJson(answer.texts, { warnings, infos: [] });
    case 'json':
      return Buffer.from(JSON.stringify(answer.json), 'utf8');
    case 'active-series':
      return streamOf(activeSeriesJson(answer.series));
    case 'exemplars':
      return streamOf(exemplarsAnswerJson(answer.series));
    case 'series':
      return streamOf(seriesAnswerJson(answer.series, { warnings, infos: [] }));
    case 'result': {
      const { result, stats } = answer;
      const annotations = { warnings: [...result.warnings, ...warnings], infos: result.infos };
      return streamOf(queryAnswerJson(result, annotations, stats));
    }
  }
}

/** A small answer as one buffer, a larger one as a stream that is written while it is sent. */
function streamOf(chunks: Generator<Uint8Array>): QueryAnswer['body'] {
  const first = chunks.next();
  if (first.done) return new Uint8Array(0);
  const second = chunks.next();
  if (second.done) return first.value;
  return (async function* () {
    yield first.value;
    yield second.value;
    yield* chunks;
  })();
}

function failure(error: unknown, request: QueryRequest, telemetry: Telemetry): QueryAnswer {
  if (isKind(toWeirError(error), 'internal') || isKind(error, 'corrupt')) {
    const { tenant, endpoint, params } = request;
    telemetry.log.error({ err: error, tenant, endpoint, params }, 'query failed');
  }
  return errorAnswer(request, error);
}
