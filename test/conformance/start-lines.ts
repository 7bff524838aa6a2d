// Start timestamps of the promqltest format: a line `metric{labels}@st <items>` before the line of its samples,
// an item a sample. An item is `_` (unknown) or a duration, the start's distance from its sample; `xN` repeats
// one, `+` or `-` and a second duration move it along.
import { compareBytes } from '@weir/bytes';
import { encodeLabels } from '@weir/model';
import { parseDuration } from '@weir/promql';
import { parseMetric, parseSeriesLine, type SeriesLine } from './points.ts';

/** ms from a sample to its start, a sample an entry; undefined where the start is unknown. */
export type StartOffsets = readonly (number | undefined)[];

export interface LoadedSeries extends SeriesLine {
  readonly starts?: StartOffsets;
}

interface StartLine {
  readonly labels: Uint8Array;
  readonly starts: StartOffsets;
}

/** The lines of a load command. */
export function parseLoadLines(lines: readonly string[]): LoadedSeries[] {
  const loaded: LoadedSeries[] = [];
  let pending: StartLine | undefined;
  for (const line of lines) {
    const found = parseStartLine(line);
    if (found === undefined) {
      loaded.push(withStarts(parseSeriesLine(line), pending));
      pending = undefined;
    } else if (pending !== undefined) throw new Error(NO_SAMPLES);
    else pending = found;
  }
  if (pending !== undefined) throw new Error(NO_SAMPLES);
  return loaded;
}

const NO_SAMPLES = '@st line has no following sample line';

function withStarts(series: SeriesLine, pending: StartLine | undefined): LoadedSeries {
  if (pending === undefined) return series;
  const { labels, starts } = pending;
  if (compareBytes(labels, series.labels) !== 0) {
    throw new Error('@st metric does not match the following sample line metric');
  }
  const { length } = series.points;
  if (starts.length !== length) {
    throw new Error(`@st line has ${starts.length} values but sample line has ${length}`);
  }
  return { ...series, starts };
}

function parseStartLine(line: string): StartLine | undefined {
  const { labels, rest } = parseMetric(line);
  if (!/^@st\s/.test(rest)) return undefined;
  const items = rest.slice('@st'.length).trim().split(/\s+/);
  return { labels: encodeLabels(labels), starts: items.flatMap(parseItem) };
}

const ITEM = /^([-+]?\d+[a-wyzA-Z]*)(?:([-+])([-+]?\d+[a-wyzA-Z]*)(?=x))?(?:x(\d+))?$/;

function parseItem(item: string): StartOffsets {
  const unknown = /^_(?:x([1-9]\d*))?$/.exec(item);
  if (unknown !== null) return new Array<undefined>(Number(unknown[1] ?? 1)).fill(undefined);
  const match = ITEM.exec(item);
  if (match === null) throw new Error(`invalid ST item: ${item}`);
  const [, first, sign, by, repeats = '0'] = match;
  const start = parseOffset(first!);
  const step = by === undefined ? 0 : parseOffset(by) * (sign === '-' ? -1 : 1);
  return Array.from({ length: Number(repeats) + 1 }, (_, at) => start + at * step);
}

function parseOffset(text: string): number {
  const digits = text.replace(/^[-+]/, '');
  const ms = digits === '0' ? 0 : parseDuration(digits);
  if (ms === undefined) throw new Error(`invalid ST duration: ${text}`);
  return text.startsWith('-') ? -ms : ms;
}
