// Series as raw samples, for selectors and range-vector functions: from storage, or from a subquery
// whose rows are packed into columns. One series in memory at a time.
import { isStaleNaN, type LabelBytes, SampleColumns } from '@weir/model';
import type { SelectorRead, Steps } from '../plan/nodes.ts';
import type { Context } from './context.ts';
import type { RowStream } from './rows.ts';

const HISTOGRAMS_LEFT_OUT = 'native histograms are not evaluated yet, their samples were left out';

/** Series one after the other with their samples; labels and columns are valid until next(). */
export interface SampleStream {
  readonly labels: LabelBytes;
  readonly dropName: boolean;
  readonly samples: SampleColumns;
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
  const samples = new SampleColumns(1024);
  let told = false;
  const load = () => {
    samples.clear();
    series.samples(samples);
    if (series.metHistograms && !told) {
      context.annotations.info(HISTOGRAMS_LEFT_OUT, read.span);
      told = true;
    }
    context.budget.touch(samples.count);
    if (staleness === 'drop') dropStale(samples);
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
    samples,
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
  const { t, v, count } = samples;
  let kept = 0;
  while (kept < count && !Number.isNaN(v[kept]!)) kept++;
  for (let at = kept; at < count; at++) {
    const value = v[at]!;
    if (Number.isNaN(value) && isStaleNaN(value)) continue;
    t[kept] = t[at]!;
    v[kept++] = value;
  }
  samples.count = kept;
}

/** Packs each row's values into samples at the steps' times. */
export function samplesOfRows(input: RowStream, steps: Steps, context: Context): SampleStream {
  const samples = new SampleColumns(Math.max(1, steps.count));
  const { row } = input;
  const pack = () => {
    samples.clear();
    for (let step = 0; step < steps.count; step++) {
      if (row.p[step] === 1) samples.push(steps.startMs + step * steps.stepMs, row.v[step]!);
    }
    context.budget.touch(samples.count);
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
    next() {
      const more = input.next();
      if (typeof more !== 'boolean') return later(more);
      if (more) pack();
      return more;
    },
    close: () => input.close(),
  };
}
