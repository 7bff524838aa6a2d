// Series as raw samples, for selectors and range-vector functions: from storage, or from a subquery
// whose rows are packed into columns. One series in memory at a time.
import { HistogramColumns, isStaleNaN, type LabelBytes, SampleColumns } from '@weir/model';
import type { SelectorRead, Steps } from '../plan/nodes.ts';
import type { SeriesOrigin } from '../queryable.ts';
import type { Context } from './context.ts';
import { HistogramSamples } from './histogram-samples.ts';
import { ABSENT, FLOAT, type RowStream } from './rows.ts';

/** Series one after the other with their samples; labels and columns are valid until next(). */
export interface SampleStream {
  readonly labels: LabelBytes;
  readonly dropName: boolean;
  /** The storage's stream, where its labels are these. */
  readonly origin?: SeriesOrigin;
  readonly samples: SampleColumns;
  /** At other times than the floats. */
  readonly histograms: HistogramSamples;
  next(): boolean | Promise<boolean>;
  close(): void;
}

export async function readSamples(
  read: SelectorRead,
  context: Context,
  staleness: 'keep' | 'drop',
): Promise<SampleStream> {
  context.check();
  const series = await context.queryable.select(read, context.signal);
  const samples = new SampleColumns(256, read.startTimes);
  const histograms = new HistogramSamples(read.startTimes);
  const natives = new HistogramColumns();
  const load = () => {
    samples.clear();
    series.samples(samples);
    histograms.clear();
    if (series.histograms !== undefined) {
      natives.clear();
      series.histograms(natives);
      if (natives.count > 0) histograms.takeNative(natives, read.tellsResets, samples);
    }
    context.budget.touch(samples.count + histograms.weight);
    if (staleness === 'drop') {
      dropStale(samples);
      histograms.dropStale();
    }
  };
  const later = async (more: Promise<boolean>) => {
    if (!(await more)) return false;
    load();
    return true;
  };
  return {
    get labels() {
      return series.labels;
    },
    dropName: false,
    origin: series,
    samples,
    histograms,
    next() {
      const more = series.next();
      if (typeof more !== 'boolean') return later(more);
      if (more) load();
      return more;
    },
    close: () => series.close(),
  };
}

/** Range vectors don't see staleness markers. */
function dropStale(samples: SampleColumns): void {
  const { t, v, st, count } = samples;
  let kept = 0;
  while (kept < count && !Number.isNaN(v[kept]!)) kept++;
  for (let at = kept; at < count; at++) {
    const value = v[at]!;
    if (Number.isNaN(value) && isStaleNaN(value)) continue;
    t[kept] = t[at]!;
    if (st !== undefined) st[kept] = st[at]!;
    v[kept++] = value;
  }
  samples.count = kept;
}

/** Packs each row's values into samples at the steps' times. */
export function samplesOfRows(input: RowStream, steps: Steps, context: Context): SampleStream {
  const samples = new SampleColumns(Math.max(1, steps.count));
  const histograms = new HistogramSamples();
  const { row } = input;
  const pack = () => {
    samples.clear();
    histograms.clear();
    for (let step = 0; step < steps.count; step++) {
      const t = steps.startMs + step * steps.stepMs;
      if (row.p[step] === FLOAT) samples.push(t, row.v[step]!);
      else if (row.p[step] !== ABSENT) histograms.pushApart(t, row.h![step]!);
    }
    context.budget.touch(samples.count + histograms.weight);
  };
  const later = async (more: Promise<boolean>) => {
    if (!(await more)) return false;
    pack();
    return true;
  };
  return {
    get labels() {
      return row.labels;
    },
    get dropName() {
      return row.dropName;
    },
    samples,
    histograms,
    next() {
      const more = input.next();
      if (typeof more !== 'boolean') return later(more);
      if (more) pack();
      return more;
    },
    close: () => input.close(),
  };
}
