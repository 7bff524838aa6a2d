// histogram_quantile over classic histograms: bucket series of one histogram are gathered, sorted by
// their upper bound once, and evaluated step by step.
import { labelValue } from '@weir/model';
import { bucketQuantile } from '../functions/quantile.ts';
import type { Span } from '../parse/ast.ts';
import { formatNumber, parseNumber, quote } from '../parse/literals.ts';
import type { Context } from './context.ts';
import { LabelProjection, LabelTable } from './label-sets.ts';
import { forEachRow, Row, RowSet, type RowStream, streamOf } from './rows.ts';

interface Bucket {
  readonly bound: number;
  readonly row: Row;
}

interface Histogram {
  readonly buckets: Bucket[];
  readonly key: Uint8Array;
  readonly name: string;
  dropName: boolean;
}

export async function histogramQuantile(
  input: RowStream,
  quantiles: Float64Array,
  spans: { quantile: Span; input: Span },
  context: Context,
): Promise<RowStream> {
  for (const q of quantiles) {
    if (Number.isNaN(q) || q < 0 || q > 1) {
      const text = `quantile value should be between 0 and 1, got ${formatNumber(q)}`;
      context.annotations.warn(text, spans.quantile);
    }
  }
  const histograms = await gather(input, spans.input, context);
  const rows: Row[] = [];
  for (const histogram of histograms) {
    histogram.buckets.sort((a, b) => a.bound - b.bound);
    const row = quantileRow(histogram, quantiles, (text) =>
      context.annotations.info(text, spans.input),
    );
    if (!row.isEmpty()) rows.push(row);
  }
  return streamOf(rows, quantiles.length);
}

async function gather(input: RowStream, span: Span, context: Context): Promise<Histogram[]> {
  const projection = new LabelProjection(['le'], 'drop');
  const table = new LabelTable();
  const kept = new RowSet(context);
  const histograms: Histogram[] = [];
  await forEachRow(input, context, (row) => {
    const le = labelValue(row.labels, 'le') ?? '';
    const bound = parseBound(le);
    if (bound === undefined) {
      const name = labelValue(row.labels, '__name__') ?? '';
      const text = `bucket label "le" is missing or has a malformed value of ${quote(le)}`;
      context.annotations.warn(`${text}${ofMetric(name)}`, span);
      return;
    }
    const number = table.add(projection.project(row.labels));
    if (number === histograms.length) {
      const key = table.keys[number]!;
      const name = labelValue(row.labels, '__name__') ?? '';
      histograms.push({ buckets: [], key, name, dropName: false });
    }
    const histogram = histograms[number]!;
    histogram.dropName ||= row.dropName;
    histogram.buckets.push({ bound, row: kept.add(row) });
  });
  return histograms;
}

function ofMetric(name: string): string {
  return name === '' ? '' : ` for metric name ${quote(name)}`;
}

function parseBound(le: string): number | undefined {
  const sign = le[0] === '-' ? -1 : 1;
  const text = le.replace(/^[-+]/, '');
  if (/^inf(inity)?$/i.test(text)) return sign * Number.POSITIVE_INFINITY;
  if (!/^[\d.]/.test(text) || /[a-df-z]/i.test(text)) return undefined;
  const number = parseNumber(text);
  return number === undefined ? undefined : sign * number.value;
}

function quantileRow(
  histogram: Histogram,
  quantiles: Float64Array,
  info: (text: string) => void,
): Row {
  const { buckets } = histogram;
  const out = new Row(quantiles.length);
  out.labels = histogram.key;
  out.dropName = histogram.dropName;
  const bounds = new Float64Array(buckets.length);
  const counts = new Float64Array(buckets.length);
  for (let step = 0; step < quantiles.length; step++) {
    let size = 0;
    for (const { bound, row } of buckets) {
      if (row.p[step] === 0) continue;
      bounds[size] = bound;
      counts[size++] = row.v[step]!;
    }
    if (size === 0) continue;
    const { value, forced } = bucketQuantile(quantiles[step]!, bounds, counts, size);
    out.v[step] = value;
    out.p[step] = 1;
    if (forced !== undefined) info(forcedText(forced, histogram.name));
  }
  return out;
}

function forcedText(
  forced: { from: number; to: number; maxDifference: number },
  name: string,
): string {
  const buckets = `from buckets ${formatNumber(forced.from)} to ${formatNumber(forced.to)}`;
  return (
    'input to histogram_quantile needed to be fixed for monotonicity (see ' +
    'https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)' +
    `, ${buckets}, with a max diff of ${forced.maxDifference.toFixed(2)}${ofMetric(name)}`
  );
}
