// histogram_quantile, histogram_quantiles and histogram_fraction over classic and native histograms.
import { SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import { type BucketQuantile, bucketQuantile, mergeEqualBounds } from '../functions/quantile.ts';
import { EMPTY_HISTOGRAM, type Histogram } from '../histogram/histogram.ts';
import { fractionOfHistogram, hasObservedNaN, quantileOfHistogram } from '../histogram/quantile.ts';
import type { Span } from '../parse/ast.ts';
import { formatShortest } from '../parse/literals.ts';
import type { Steps } from '../plan/nodes.ts';
import * as texts from './annotation-texts.ts';
import { BucketRepairs } from './bucket-repairs.ts';
import type { Context } from './context.ts';
import {
  type ClassicHistogram,
  gatherHistograms,
  type HistogramAt,
  type HistogramGroup,
} from './histogram-groups.ts';
import { withLabels } from './label-sets.ts';
import { MergedRows, Row, type RowStream, streamOf } from './rows.ts';

/** One wanted quantile, a value per step, and where it stands in the query. */
export interface Quantile {
  readonly values: Float64Array;
  readonly span: Span;
}

/** `label`, where given, gets the quantile as its value: histogram_quantiles. */
export async function histogramQuantiles(
  input: RowStream,
  quantiles: readonly Quantile[],
  { label, span, steps }: { label: string | undefined; span: Span; steps: Steps },
  context: Context,
): Promise<RowStream> {
  for (const quantile of quantiles) warnOfQuantile(quantile, span, context);
  const groups = await gatherHistograms(input, span, context);
  const merged = new MergedRows(context);
  const repairs = new BucketRepairs(steps);
  for (const group of groups) {
    const notes = groupNotes(group, span, context);
    repairs.next(group.name);
    for (const { values } of quantiles) {
      for (const [text, wanted] of byLabelValue(values, label)) {
        const row = rowOf(group, values.length, notes, (at, step) =>
          wanted(step)
            ? quantileOf(values[step]!, at, notes, (change) => repairs.add(step, change))
            : undefined,
        );
        if (row.isEmpty()) continue;
        if (label !== undefined) row.labels = withLabels(row.labels, new Map([[label, text]]));
        merged.add(row);
      }
    }
  }
  repairs.tell(context.annotations, span);
  return streamOf(merged.rows, input.row.v.length);
}

/** As many results as there are different label values among the steps, one as a rule. */
function byLabelValue(
  values: Float64Array,
  label: string | undefined,
): Map<string, (step: number) => boolean> {
  if (label === undefined) return new Map([['', () => true]]);
  const found = new Map<string, (step: number) => boolean>();
  for (const value of new Set(values)) {
    found.set(labelOf(value), (step) => Object.is(values[step], value) || values[step] === value);
  }
  return found;
}

/** As OpenMetrics prints floats: whole ones with `.0`. */
function labelOf(value: number): string {
  const text = formatShortest(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function warnOfQuantile({ values, span }: Quantile, after: Span, context: Context): void {
  for (const q of values) {
    if (q >= 0 && q <= 1) continue;
    const text = `quantile value should be between 0 and 1, got ${formatShortest(q)}`;
    context.annotations.warn(text, span, after);
  }
}

export async function histogramFraction(
  input: RowStream,
  lower: Float64Array,
  upper: Float64Array,
  span: Span,
  context: Context,
): Promise<RowStream> {
  const groups = await gatherHistograms(input, span, context);
  const rows = groups.map((group) => {
    const notes = groupNotes(group, span, context);
    return rowOf(group, lower.length, notes, (at, step) => {
      const isRange = lower[step]! < upper[step]!;
      if (isRange && 'native' in at && hasObservedNaN(at.native)) notes.nanFraction();
      const [from, to] = [lower[step]!, upper[step]!];
      if ('native' in at) return fractionOfHistogram(from, to, at.native);
      return fractionOfHistogram(from, to, asCustomBuckets(at.classic), 'classic');
    });
  });
  return streamOf(
    rows.filter((row) => !row.isEmpty()),
    lower.length,
  );
}

interface GroupNotes {
  mixed(): void;
  nan(kind: 'result' | 'skew'): void;
  nanFraction(): void;
}

function groupNotes({ name }: HistogramGroup, span: Span, { annotations }: Context): GroupNotes {
  return {
    mixed: () => annotations.warn(texts.mixedKindsOfHistograms(name), span),
    nan: (kind) => {
      const text = kind === 'result' ? texts.nanQuantile(name) : texts.skewedQuantile(name);
      annotations.info(text, span);
    },
    nanFraction: () => annotations.info(texts.nanFraction(name), span),
  };
}

function rowOf(
  group: HistogramGroup,
  count: number,
  notes: GroupNotes,
  compute: (at: HistogramAt, step: number) => number | undefined,
): Row {
  const out = new Row(count);
  out.labels = group.key;
  out.dropName = group.dropName;
  for (let step = 0; step < count; step++) {
    const at = group.at(step, notes.mixed);
    const value = at === undefined ? undefined : compute(at, step);
    if (value === undefined) continue;
    out.v[step] = value;
    out.p[step] = 1;
  }
  return out;
}

function quantileOf(
  q: number,
  at: HistogramAt,
  notes: GroupNotes,
  repaired: (change: NonNullable<BucketQuantile['forced']>) => void,
): number {
  if ('native' in at) {
    const { value, nan } = quantileOfHistogram(q, at.native);
    if (nan !== 'none') notes.nan(nan);
    return value;
  }
  const { bounds, counts, size } = at.classic;
  const { value, forced } = bucketQuantile(q, bounds, counts, size);
  if (forced !== undefined) repaired(forced);
  return value;
}

/** Cumulative buckets as a native histogram; one without a bucket up to +Inf counts as empty. */
function asCustomBuckets({ bounds, counts, size: given }: ClassicHistogram): Histogram {
  if (bounds[given - 1] !== Number.POSITIVE_INFINITY) return EMPTY_HISTOGRAM;
  const size = mergeEqualBounds(bounds, counts, given);
  const count = new Float64Array(size);
  for (let at = 0; at < size; at++) count[at] = counts[at]! - (at > 0 ? counts[at - 1]! : 0);
  return {
    ...EMPTY_HISTOGRAM,
    schema: SCHEMA_CUSTOM_BUCKETS,
    count: counts[size - 1]!,
    positive: { index: Int32Array.from(count, (_, at) => at), count },
    customValues: bounds.slice(0, size - 1),
  };
}
