// Counts what rows are made of, where somebody asked: see sample-counts.ts.
import type { Windows } from '../functions/window.ts';
import type { Context } from './context.ts';
import { weightOf } from './histogram-samples.ts';
import { FLOAT, HISTOGRAM, mapRows, type Row, type RowStream } from './rows.ts';
import type { SampleCounts } from './sample-counts.ts';
import type { SampleStream } from './samples.ts';

/** The values of a selector's rows. */
export function countingValues(rows: RowStream, { counts }: Context): RowStream {
  if (counts === undefined) return rows;
  return mapRows(rows, ({ p, h }) => {
    for (let step = 0; step < p.length; step++) {
      if (p[step] === FLOAT) counts.addAt(step, 1);
      else if (p[step] === HISTOGRAM) counts.addAt(step, weightOf(h![step]!));
    }
    return true;
  });
}

/** All samples in the windows of each series. */
export function countingWindows(
  fill: (row: Row) => boolean,
  input: SampleStream,
  windows: Windows,
  { counts }: Context,
): (row: Row) => boolean {
  if (counts === undefined) return fill;
  return (row) => {
    const any = fill(row);
    if (input.samples.count > 0) addFloats(counts, windows);
    if (input.histograms.count > 0) addHistograms(counts, windows);
    return any;
  };
}

function addFloats(counts: SampleCounts, { from, to }: Windows): void {
  for (let step = 0; step < from.length; step++) counts.addAt(step, to[step]! - from[step]!);
}

function addHistograms(counts: SampleCounts, { histograms: { from, to, h } }: Windows): void {
  for (let step = 0; step < from.length; step++) {
    for (let at = from[step]!; at < to[step]!; at++) counts.addAt(step, weightOf(h[at]!));
  }
}
