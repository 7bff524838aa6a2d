// The endpoints that say what there is: labels, label values, series, metadata.
import { WeirError } from '@weir/errors';
import { createMatcher, type Matcher, type MetricMetadata } from '@weir/model';
import { type Expr, parseExpr } from '@weir/promql';
import type { MetadataReader, MetadataRequest } from '@weir/query';
import { type EndpointAnswer, type EndpointContext, TRUNCATED } from './endpoint.ts';
import { invalidParameter, TIME_MAX_MS, TIME_MIN_MS } from './parameters.ts';

const EMPTY_SELECTOR = 'vector selector must contain at least one non-empty matcher';
const EMPTY_MATCH = 'match[] must contain at least one non-empty matcher';

export async function answerLabels(
  context: EndpointContext,
  reader: MetadataReader,
): Promise<EndpointAnswer> {
  const request = requestOf(context);
  const { items, truncated } = await reader.labelNames(request, context.signal);
  return { kind: 'texts', texts: items, warnings: truncated ? [TRUNCATED] : [] };
}

export async function answerLabelValues(
  context: EndpointContext,
  reader: MetadataReader,
): Promise<EndpointAnswer> {
  const name = unescapeName(context.request.label ?? '');
  if (name === '' || name.includes('\ufffd')) {
    throw new WeirError('invalid', `invalid label name: ${JSON.stringify(name)}`);
  }
  const request = requestOf(context);
  const { items, truncated } = await reader.labelValues(name, request, context.signal);
  return { kind: 'texts', texts: items, warnings: truncated ? [TRUNCATED] : [] };
}

export async function answerSeries(
  context: EndpointContext,
  reader: MetadataReader,
): Promise<EndpointAnswer> {
  if (context.params.all('match[]').length === 0) {
    throw new WeirError('invalid', 'no match[] parameter provided');
  }
  const asked = requestOf(context, (error) => invalidParameter('match[]', error.message));
  const max = context.request.limits?.seriesAnswerMax ?? 0;
  const isOver = max > 0 && (asked.limit === 0 || asked.limit > max);
  const request = isOver ? { ...asked, limit: max } : asked;
  const { items, truncated } = await reader.series(request, context.signal);
  return { kind: 'series', series: items, warnings: truncated ? [TRUNCATED] : [] };
}

export async function answerMetadata(
  context: EndpointContext,
  reader: MetadataReader,
): Promise<EndpointAnswer> {
  const { params, signal } = context;
  const limit = params.number('limit') ?? -1;
  const limitPerMetric = params.number('limit_per_metric') ?? -1;
  const metric = params.get('metric');
  const byMetric = new Map<string, Pick<MetricMetadata, 'type' | 'help' | 'unit'>[]>();
  for (const entry of await reader.metadata(signal)) {
    if (metric !== '' && entry.metric !== metric) continue;
    const entries = byMetric.get(entry.metric) ?? [];
    if (entries.length === 0 && limit >= 0 && byMetric.size >= limit) break;
    if (limitPerMetric > 0 && entries.length >= limitPerMetric) continue;
    entries.push({ type: entry.type, help: entry.help, unit: entry.unit });
    byMetric.set(entry.metric, entries);
  }
  return { kind: 'data', data: Object.fromEntries(byMetric), warnings: [] };
}

function requestOf(
  { params, request, clock }: EndpointContext,
  wrap: (error: WeirError) => WeirError = (error) => error,
): MetadataRequest {
  const limit = params.limit();
  const startMs = params.time('start', TIME_MIN_MS);
  const maxT = params.time('end', TIME_MAX_MS);
  if (maxT < startMs) throw invalidParameter('end', 'end timestamp must not be before start time');
  const lengthMaxMs = request.limits?.labelsLengthMaxMs ?? 0;
  const lastMs = Math.min(maxT, clock.nowMs());
  const minT = lengthMaxMs > 0 ? Math.max(startMs, lastMs - lengthMaxMs) : startMs;
  const selectors = params.all('match[]');
  try {
    return { matcherSets: selectors.map(parseSelector), minT, maxT, limit };
  } catch (error) {
    if (error instanceof WeirError && error.kind === 'invalid') throw wrap(error);
    throw error;
  }
}

export function parseSelector(text: string): readonly Matcher[] {
  const expr = parse(text);
  if (expr.kind !== 'vector-selector' || expr.offsetMs !== undefined || expr.at !== undefined) {
    throw new WeirError('invalid', `1:1: parse error: expected a series selector, got ${text}`);
  }
  const matchers = expr.matchers.map(createMatcher);
  if (matchers.every((matcher) => matcher.matches(''))) {
    throw new WeirError('invalid', EMPTY_MATCH);
  }
  return matchers;
}

/** Selectors of the API may match everything by their syntax; the API refuses it with its own text. */
function parse(text: string): Expr {
  try {
    return parseExpr(text);
  } catch (error) {
    const isEmpty = error instanceof WeirError && error.message.endsWith(EMPTY_SELECTOR);
    throw isEmpty ? new WeirError('invalid', EMPTY_MATCH, { cause: error }) : error;
  }
}

/**
 * Undoes Prometheus's "values" escaping of UTF-8 names in paths: `U__`, then `__` for an underscore and
 * `_hex_` for any other character. A name that isn't escaped, or not well, stays as it is.
 */
export function unescapeName(name: string): string {
  if (!name.startsWith('U__')) return name;
  const escaped = name.slice(3);
  let out = '';
  for (let at = 0; at < escaped.length; ) {
    if (escaped[at] !== '_') {
      out += escaped[at++];
      continue;
    }
    if (escaped[at + 1] === '_') {
      out += '_';
      at += 2;
      continue;
    }
    const code = /^_([0-9a-fA-F]{1,6})_/.exec(escaped.slice(at, at + 8));
    const point = code ? Number.parseInt(code[1]!, 16) : Number.NaN;
    if (!code || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return name;
    out += String.fromCodePoint(point);
    at += code[0].length;
  }
  return out;
}
