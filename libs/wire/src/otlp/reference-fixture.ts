// The slow reference: OTLP data as plain objects turned into series as the rules say, label by label in a
// Map, one object per everything. It shares the tables of names with what it checks (names.test.ts holds
// those to their own table), and nothing else.
import { labelName } from './label-names.ts';
import { metricName, metricUnit } from './metric-names.ts';
import type { OtlpTranslation } from './translation.ts';

export interface Attribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: number;
    readonly boolValue?: boolean;
  };
}

export interface SentExemplar {
  readonly timeMs: number;
  readonly value: number;
  readonly traceId: string;
}

export interface SentPoint {
  readonly attributes: readonly Attribute[];
  readonly timeMs: number;
  readonly startMs: number;
  readonly isStale: boolean;
  readonly value: number;
  readonly isInt: boolean;
  readonly exemplars: readonly SentExemplar[];
  readonly counts: readonly number[];
  readonly hasSum: boolean;
  readonly scale: number;
  readonly offset: number;
}

export type SentKind = 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary';

export interface SentMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: SentKind;
  readonly isMonotonic: boolean;
  readonly temporality: number;
  readonly points: readonly SentPoint[];
}

export interface SentScope {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  readonly metrics: readonly SentMetric[];
}

export interface SentResource {
  readonly attributes: readonly Attribute[];
  readonly scopes: readonly SentScope[];
}

export interface ExpectedSeries {
  readonly labels: Record<string, string>;
  readonly samples: [number, number | 'stale'][];
  /** Of a native histogram: schema, and counts by bucket index. */
  readonly native?: {
    schema: number;
    positive: Record<number, number>;
    count: number;
    hint: number;
  };
  readonly exemplars: { labels: Record<string, string>; timestamp: number; value: number }[];
  readonly createdMs: number;
}

export interface Expected {
  readonly series: ExpectedSeries[];
  readonly metadata: { type: number; family: string; unit: string }[];
  readonly rejected: number;
}

/** Bounds of all histograms that have `counts`. */
export function boundsFor(counts: readonly number[]): number[] {
  return counts.slice(1).map((_, index) => [0.005, 1, 2.5, 1e7, 1e21][index]!);
}

const BOUND_TEXTS = ['0.005', '1', '2.5', '10000000', '1000000000000000000000', '+Inf'];

export function translate(resources: readonly SentResource[], how: OtlpTranslation): Expected {
  const expected: Expected & { rejected: number } = { series: [], metadata: [], rejected: 0 };
  const told = new Set<string>();
  for (const resource of resources) {
    const times: number[] = [];
    for (const scope of resource.scopes) {
      for (const metric of scope.metrics) {
        if (metric.points.length === 0) continue;
        const isDelta = metric.temporality === 1;
        const refused =
          metric.kind !== 'gauge' &&
          metric.kind !== 'summary' &&
          metric.temporality !== 2 &&
          !(isDelta && how.deltas);
        const kind =
          metric.kind === 'gauge'
            ? 'gauge'
            : metric.kind === 'sum' && metric.isMonotonic
              ? 'counter'
              : 'other';
        const name = metricName({ name: metric.name, unit: metric.unit, kind }, how.strategy);
        if (refused || name === undefined) {
          expected.rejected += metric.points.length;
          continue;
        }
        const identity = `${metric.name} ${metric.unit} ${kind}`;
        if (!told.has(identity)) {
          told.add(identity);
          const type =
            isDelta && metric.kind !== 'gauge' && metric.kind !== 'summary'
              ? 0
              : {
                  gauge: 2,
                  counter: 1,
                  other: { sum: 2, summary: 5, gauge: 2, histogram: 3, exponentialHistogram: 3 }[
                    metric.kind
                  ],
                }[kind];
          expected.metadata.push({
            type,
            family: name,
            unit: metricUnit(metric.unit, how.strategy),
          });
        }
        for (const point of metric.points) {
          times.push(point.timeMs);
          const base = labelsFor(point.attributes, resource, scope, how);
          if (base === undefined) expected.rejected++;
          else expected.series.push(...seriesOf(metric, point, name, base, how));
        }
      }
    }
    if (times.length > 0) expected.series.push(...targetOf(resource, times, how));
  }
  return expected;
}

function seriesOf(
  metric: SentMetric,
  point: SentPoint,
  name: string,
  base: ReadonlyMap<string, string>,
  how: OtlpTranslation,
): ExpectedSeries[] {
  const isDelta = metric.temporality === 1 && metric.kind !== 'gauge' && metric.kind !== 'summary';
  const isTold = isDelta ? how.startTimes === 'all' : how.startTimes !== 'none';
  const created = isTold && metric.kind !== 'gauge' ? point.startMs : 0;
  const createdMs = created < point.timeMs ? created : 0;
  const exemplars = point.exemplars.map((one) => ({
    labels: { trace_id: one.traceId },
    timestamp: one.timeMs,
    value: one.value,
  }));
  const one = (
    suffix: string,
    value: number,
    extra: Record<string, string> = {},
  ): ExpectedSeries => ({
    labels: shown(base, { ...extra, __name__: name + suffix }),
    samples: [[point.timeMs, point.isStale ? 'stale' : value]],
    exemplars: [],
    createdMs,
  });
  const count = point.counts.reduce((sum, each) => sum + each, 0);
  const sums = point.hasSum || metric.kind === 'summary' ? [one('_sum', point.value)] : [];
  switch (metric.kind) {
    case 'gauge':
      return [one('', point.value)];
    case 'sum':
      return [{ ...one('', point.value), exemplars }];
    case 'summary': {
      const quantile = one('', point.value, { quantile: '0.5' });
      return [...sums, one('_count', count), quantile];
    }
    case 'histogram': {
      if (how.customBuckets) {
        const positive = Object.fromEntries([...point.counts.entries()].filter(([, n]) => n > 0));
        return [nativeOf(-53, positive)];
      }
      const bounds = [...boundsFor(point.counts), Number.POSITIVE_INFINITY];
      let cumulative = 0;
      const buckets = bounds.map((bound, index) => {
        cumulative += point.counts[index] ?? 0;
        const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : BOUND_TEXTS[index]!;
        const own = exemplars.filter(({ value }) => bounds.find((each) => value <= each) === bound);
        return { ...one('_bucket', cumulative, { le }), exemplars: own };
      });
      return [...sums, one('_count', count), ...buckets];
    }
    case 'exponentialHistogram': {
      const positive: Record<number, number> = {};
      const down = Math.max(0, point.scale - 8);
      for (const [index, n] of point.counts.entries()) {
        const at = Math.floor((point.offset + index) / 2 ** down) + 1;
        if (n > 0) positive[at] = (positive[at] ?? 0) + n;
      }
      return [nativeOf(point.scale - down, positive)];
    }
  }

  function nativeOf(schema: number, positive: Record<number, number>): ExpectedSeries {
    const native = {
      schema,
      positive: point.isStale ? {} : positive,
      count: point.isStale ? 0 : count,
      hint: isDelta ? 3 : 0,
    };
    return { labels: shown(base, { __name__: name }), samples: [], native, exemplars, createdMs };
  }
}

function labelsFor(
  attributes: readonly Attribute[],
  resource: SentResource,
  scope: SentScope,
  how: OtlpTranslation,
): Map<string, string> | undefined {
  const labels = new Map<string, string>();
  for (const { key, value } of byKey(attributes)) {
    const name = labelName(key, how);
    if (name === undefined) return undefined;
    const before = labels.get(name) ?? '';
    labels.set(name, before === '' ? valueText(value) : `${before};${valueText(value)}`);
  }
  for (const { key, value } of byKey(resource.attributes)) {
    const name = labelName(key, how);
    if (!how.promotedAttributes.includes(key) || name === undefined) continue;
    if ((labels.get(name) ?? '') === '') labels.set(name, valueText(value));
  }
  if (how.scopeLabels && scope.name !== '') {
    labels.set('otel_scope_name', scope.name);
    for (const { key, value } of scope.attributes) {
      labels.set(labelName(`otel_scope_${key}`, how)!, valueText(value));
    }
  }
  for (const [name, value] of identityOf(resource)) labels.set(name, value);
  return labels;
}

function identityOf(resource: SentResource): [string, string][] {
  const value = (key: string) => {
    const found = resource.attributes.find((each) => each.key === key);
    return found === undefined ? undefined : valueText(found.value);
  };
  const service = value('service.name');
  const space = value('service.namespace');
  const instance = value('service.instance.id');
  const found: [string, string][] = [];
  if (service !== undefined)
    found.push(['job', space === undefined ? service : `${space}/${service}`]);
  if (instance !== undefined) found.push(['instance', instance]);
  return found;
}

function targetOf(
  resource: SentResource,
  times: readonly number[],
  how: OtlpTranslation,
): ExpectedSeries[] {
  const identity = identityOf(resource);
  const others = resource.attributes.filter(({ key }) => !key.startsWith('service.'));
  if (identity.length === 0 || others.length === 0) return [];
  const labels = new Map<string, string>();
  for (const { key, value } of byKey(how.identifyingKept ? resource.attributes : others)) {
    labels.set(labelName(key, how)!, valueText(value));
  }
  for (const [name, value] of identity) labels.set(name, value);
  const from = Math.min(...times);
  const to = Math.max(...times);
  const samples: [number, number][] = [];
  for (let t = from; t < to; t += 150_000) samples.push([t, 1]);
  samples.push([to, 1]);
  return [
    { labels: shown(labels, { __name__: 'target_info' }), samples, exemplars: [], createdMs: 0 },
  ];
}

function byKey(attributes: readonly Attribute[]): Attribute[] {
  return [...attributes].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function shown(
  base: ReadonlyMap<string, string>,
  over: Record<string, string>,
): Record<string, string> {
  const merged = { ...Object.fromEntries(base), ...over };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''));
}

function valueText(value: Attribute['value']): string {
  return String(value.stringValue ?? value.intValue ?? value.boolValue ?? '');
}
