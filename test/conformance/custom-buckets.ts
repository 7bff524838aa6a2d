// What load_with_nhcb adds: each classic histogram (series `x_bucket` by `le`, `x_count`, `x_sum`) once
// more as the native histogram `x` with custom buckets.
import { encodeLabels, type Label, type LabelBytes, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import { fromNative, type Histogram } from '@weir/promql';
import { parseValue, type SeriesLine } from './points.ts';

/** A classic histogram at one time; counts are cumulative. */
interface Classic {
  readonly buckets: Map<number, number>;
  count: number | undefined;
  sum: number;
}

interface Family {
  readonly labels: LabelBytes;
  readonly at: Map<number, Classic>;
}

export interface ConvertedSeries {
  readonly labels: LabelBytes;
  /** In intervals of the load command. */
  readonly samples: readonly { readonly index: number; readonly histogram: Histogram }[];
}

export function convertClassic(lines: readonly SeriesLine[]): ConvertedSeries[] {
  const families = new Map<string, Family>();
  for (const line of lines) addLine(families, line);
  return [...families.values()].map(({ labels, at }) => {
    const samples = [...at].map(([index, classic]) => ({ index, histogram: nativeOf(classic) }));
    return { labels, samples };
  });
}

function addLine(families: Map<string, Family>, { labelList, points }: SeriesLine): void {
  const name = labelOf(labelList, '__name__');
  const [, base, part] = /^(.+)_(bucket|count|sum)$/.exec(name) ?? [];
  if (base === undefined) return;
  const labels = encodeLabels(
    labelList
      .filter((label) => label.name !== 'le')
      .map((label) => (label.name === '__name__' ? { name: '__name__', value: base } : label)),
  );
  const key = Buffer.from(labels).toString('latin1');
  const family = families.get(key) ?? { labels, at: new Map<number, Classic>() };
  families.set(key, family);
  const bound = part === 'bucket' ? parseValue(labelOf(labelList, 'le')) : 0;
  points.forEach((point, index) => {
    if (point === undefined || !('value' in point)) return;
    const classic = family.at.get(index) ?? { buckets: new Map(), count: undefined, sum: 0 };
    family.at.set(index, classic);
    if (part === 'bucket') classic.buckets.set(bound, point.value);
    else if (part === 'count') classic.count = point.value;
    else classic.sum = point.value;
  });
}

function labelOf(labels: readonly Label[], name: string): string {
  return labels.find((label) => label.name === name)?.value ?? '';
}

function nativeOf({ buckets, count, sum }: Classic): Histogram {
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  const finite = bounds.filter((bound) => bound !== Number.POSITIVE_INFINITY);
  const last = bounds.length === 0 ? 0 : buckets.get(bounds.at(-1)!)!;
  const total = buckets.get(Number.POSITIVE_INFINITY) ?? count ?? last;
  const cumulative = [...finite.map((bound) => buckets.get(bound)!), total];
  const positiveBuckets = Float64Array.from(cumulative, (upTo, at) =>
    at === 0 ? upTo : upTo - cumulative[at - 1]!,
  );
  return fromNative({
    isFloat: true,
    isStale: false,
    resetHint: 0,
    schema: SCHEMA_CUSTOM_BUCKETS,
    zeroThreshold: 0,
    zeroCount: 0,
    count: total,
    sum,
    positiveSpans: Int32Array.of(0, positiveBuckets.length),
    negativeSpans: new Int32Array(0),
    positiveBuckets,
    negativeBuckets: new Float64Array(0),
    customValues: Float64Array.from(finite),
  });
}
