// The endpoints about a tenant itself: cardinality and active series as Mimir has them, and Weir's own
// list of what was refused after its push had been acknowledged.
import { WeirError } from '@weir/errors';
import type { TenantLimits } from '@weir/limits';
import type { Matcher } from '@weir/model';
import type { LabelCardinality, TenantReader } from '@weir/query';
import { discardText } from './discard-texts.ts';
import type { EndpointAnswer, EndpointContext } from './endpoint.ts';
import { parseSelector } from './metadata-queries.ts';
import { invalidParameter, type Parameters, TIME_MAX_MS, TIME_MIN_MS } from './parameters.ts';

const ITEMS_DEFAULT = 20;
const DISCARDS_DEFAULT = 100;

export async function answerLabelNamesCardinality(
  { params, request, signal }: EndpointContext,
  reader: TenantReader,
): Promise<EndpointAnswer> {
  const limits = limitsOf(request.limits);
  const matchers = optionalSelector(params);
  const activeOnly = countsActive(params);
  const limit = itemLimit(params, limits);
  const sizeMaxBytes = limits.cardinalitySizeMaxBytes;
  const { labels } = await reader.cardinality({ matchers, activeOnly, sizeMaxBytes }, signal);
  const counts = [...labels].map(([name, values]) => ({
    label_name: name,
    label_values_count: values.size,
  }));
  counts.sort(
    (a, b) => b.label_values_count - a.label_values_count || order(a.label_name, b.label_name),
  );
  return json({
    label_values_count_total: counts.reduce((sum, one) => sum + one.label_values_count, 0),
    label_names_count: counts.length,
    cardinality: counts.slice(0, limit),
  });
}

export async function answerLabelValuesCardinality(
  { params, request, signal }: EndpointContext,
  reader: TenantReader,
): Promise<EndpointAnswer> {
  const limits = limitsOf(request.limits);
  const names = wantedNames(params, limits.cardinalityLabelNamesMax);
  const matchers = optionalSelector(params);
  const activeOnly = countsActive(params);
  const limit = itemLimit(params, limits);
  const sizeMaxBytes = limits.cardinalitySizeMaxBytes;
  const found = await reader.cardinality({ matchers, activeOnly, names, sizeMaxBytes }, signal);
  return json({ series_count_total: found.series, labels: labelEntries(found, limit) });
}

function labelEntries({ labels }: LabelCardinality, limit: number) {
  const entries = [...labels].map(([name, values]) => {
    const cardinality = [...values].map(([value, series]) => ({
      label_value: value,
      series_count: series,
    }));
    cardinality.sort(
      (a, b) => b.series_count - a.series_count || order(a.label_value, b.label_value),
    );
    return {
      label_name: name,
      label_values_count: cardinality.length,
      series_count: cardinality.reduce((sum, { series_count }) => sum + series_count, 0),
      cardinality: cardinality.slice(0, limit),
    };
  });
  return entries.sort(
    (a, b) => b.series_count - a.series_count || order(a.label_name, b.label_name),
  );
}

export async function answerActiveSeries(
  { params, request, signal }: EndpointContext,
  reader: TenantReader,
): Promise<EndpointAnswer> {
  const matchers = neededSelector(params);
  const sizeMaxBytes = limitsOf(request.limits).activeSeriesSizeMaxBytes;
  const series = await reader.activeSeries({ matchers, sizeMaxBytes }, signal);
  return { kind: 'active-series', series, warnings: [] };
}

/** By metric name, without a limit on their number, as Mimir answers. */
export async function answerActiveHistograms(
  { params, request, signal }: EndpointContext,
  reader: TenantReader,
): Promise<EndpointAnswer> {
  const matchers = neededSelector(params);
  const sizeMaxBytes = limitsOf(request.limits).activeSeriesSizeMaxBytes;
  const found = await reader.histogramMetrics({ matchers, sizeMaxBytes }, signal);
  return json({
    data: found.map(({ metric, series, buckets, bucketsMin, bucketsMax }) => ({
      metric,
      series_count: series,
      bucket_count: buckets,
      avg_bucket_count: buckets / series,
      min_bucket_count: bucketsMin,
      max_bucket_count: bucketsMax,
    })),
  });
}

/** Weir's own; docs/reference/http-api.md describes it. */
export async function answerDiscarded(
  { params, request, signal }: EndpointContext,
  reader: TenantReader,
): Promise<EndpointAnswer> {
  const minT = params.time('start', TIME_MIN_MS);
  const maxT = params.time('end', TIME_MAX_MS);
  if (maxT < minT) throw invalidParameter('end', 'end timestamp must not be before start time');
  const limit = params.get('limit') === '' ? DISCARDS_DEFAULT : params.limit();
  const wanted = new Set(params.all('reason'));
  const isWanted = (reason: string) => wanted.size === 0 || wanted.has(reason);
  const partitions = await reader.discarded(signal);
  const entries = partitions
    .flatMap(({ partition, entries }) => entries.map((entry) => ({ partition, ...entry })))
    .filter(({ reason, timestampMs: t }) => isWanted(reason) && t >= minT && t <= maxT)
    .sort((a, b) => b.timestampMs - a.timestampMs || b.offset - a.offset);
  const reasons = new Map<string, DiscardTotal>();
  for (const { partition, reasons: counts } of partitions) {
    for (const { reason, count, firstMs, lastMs, firstOffset, lastOffset } of counts) {
      if (!isWanted(reason) || lastMs < minT || firstMs > maxT) continue;
      const total = reasons.get(reason) ?? newTotal(reason, request.limits);
      reasons.set(reason, total);
      total.count += count;
      total.first = Math.min(total.first, firstMs / 1000);
      total.last = Math.max(total.last, lastMs / 1000);
      total.partitions.push({ partition, count, firstOffset, lastOffset });
    }
  }
  return {
    kind: 'data',
    data: {
      reasons: [...reasons.values()].sort((a, b) => b.count - a.count),
      entries: entries.slice(0, limit === 0 ? undefined : limit).map((entry) => ({
        time: entry.timestampMs / 1000,
        reason: entry.reason,
        count: entry.count,
        series: entry.series,
        ...(entry.seriesCut ? { seriesTruncated: true } : {}),
        ...(typeof entry.sampleMs === 'number' ? { sampleTime: entry.sampleMs / 1000 } : {}),
        ...{ partition: entry.partition, offset: entry.offset },
      })),
    },
    warnings: [],
  };
}

interface DiscardTotal {
  readonly reason: string;
  readonly message: string;
  count: number;
  first: number;
  last: number;
  readonly partitions: {
    readonly partition: number;
    readonly count: number;
    readonly firstOffset: number;
    readonly lastOffset: number;
  }[];
}

function newTotal(reason: string, limits: TenantLimits | undefined): DiscardTotal {
  const message = discardText(reason, limits);
  return { reason, message, count: 0, first: Infinity, last: -Infinity, partitions: [] };
}

/** The routes of these endpoints send the tenant's limits along. */
function limitsOf(limits: TenantLimits | undefined): TenantLimits {
  if (limits === undefined) throw new WeirError('internal', 'query without the limits it needs');
  return limits;
}

function optionalSelector(params: Parameters): readonly Matcher[] {
  const selectors = params.all('selector').filter((selector) => selector !== '');
  if (selectors.length > 1) {
    throw new WeirError('invalid', "multiple 'selector' params are not allowed");
  }
  const [selector] = selectors;
  if (selector === undefined) return [];
  try {
    return parseSelector(selector);
  } catch (error) {
    if (!(error instanceof WeirError) || error.kind !== 'invalid') throw error;
    const message = `failed to parse selector '${selector}': ${error.message}`;
    throw new WeirError('invalid', message, { cause: error });
  }
}

function neededSelector(params: Parameters): readonly Matcher[] {
  const matchers = optionalSelector(params);
  if (matchers.length === 0) throw new WeirError('invalid', "missing 'selector' parameter");
  return matchers;
}

function countsActive(params: Parameters): boolean {
  const method = params.get('count_method');
  if (method === '' || method === 'inmemory') return false;
  if (method === 'active') return true;
  throw new WeirError(
    'invalid',
    `invalid 'count_method' param '${method}'. valid options are: [active,inmemory]`,
  );
}

function itemLimit(params: Parameters, { cardinalityResultsMax }: TenantLimits): number {
  const text = params.get('limit');
  if (text === '') return Math.min(ITEMS_DEFAULT, cardinalityResultsMax);
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw new WeirError('invalid', `invalid 'limit' param '${text}'`);
  }
  const limit = Number(text);
  if (limit < 0) throw new WeirError('invalid', "'limit' param cannot be less than '0'");
  if (limit > cardinalityResultsMax) {
    const message = `'limit' param cannot be greater than '${cardinalityResultsMax}'`;
    throw new WeirError('invalid', message);
  }
  return limit;
}

function wantedNames(params: Parameters, max: number): string[] {
  const names = [...new Set(params.all('label_names[]'))];
  if (names.length === 0) {
    throw new WeirError('invalid', "'label_names[]' param is required");
  }
  const bad = names.find((name) => name === '' || name.includes('\ufffd'));
  if (bad !== undefined) throw new WeirError('invalid', `invalid 'label_names' param '${bad}'`);
  if (names.length > max) {
    const message = `label values cardinality request label names limit (limit: ${max} actual: ${names.length}) exceeded`;
    throw new WeirError('invalid', message);
  }
  return names;
}

function json(data: unknown): EndpointAnswer {
  return { kind: 'json', json: data, warnings: [] };
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
