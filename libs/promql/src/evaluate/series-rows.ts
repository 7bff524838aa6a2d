// Samples to rows: instant selectors (look-back) and range-vector functions (windows), series by series.
import { isStaleNaN, labelValue, RESET_UNKNOWN, type SampleColumns } from '@weir/model';
import { between, extendedKernel } from '../functions/extended.ts';
import { betweenHistograms, extendedHistogram } from '../functions/extended-histograms.ts';
import { HISTOGRAM_KERNELS } from '../functions/histogram-windows.ts';
import { WINDOW_KERNELS } from '../functions/over-time.ts';
import { Windows } from '../functions/window.ts';
import type { WindowNotes } from '../functions/window-notes.ts';
import {
  type Histogram,
  hasCustomBuckets,
  isGauge,
  withResetHint,
} from '../histogram/histogram.ts';
import { quote } from '../parse/literals.ts';
import type { SelectNode, WindowNode } from '../plan/nodes.ts';
import { setValue } from './binary-histograms.ts';
import type { Context } from './context.ts';
import { countingValues, countingWindows } from './counting-rows.ts';
import type { HistogramSamples } from './histogram-samples.ts';
import { ABSENT, FLOAT, Row, type RowStream } from './rows.ts';
import type { SampleStream } from './samples.ts';
import { hasOneName } from './uniqueness.ts';
import { windowNotes } from './window-notes.ts';
import { type ParamCheck, windowParamCheck } from './window-params.ts';

export function selectRows(node: SelectNode, input: SampleStream, context: Context): RowStream {
  if (node.result === 'smoothed') return smoothedRows(node, input, context);
  const rows = rowsOf(input, node.steps.count, (row) => {
    const any = lookBack(node, input.samples, row.v, row.p);
    if (input.histograms.count === 0) return any;
    return lookBackAtHistograms(node, input.samples, input.histograms, row);
  });
  return countingValues(rows, context);
}

/** The latest sample of (t − lookback, t], unless it is a staleness marker. False when none is. */
function lookBack(
  node: SelectNode,
  samples: SampleColumns,
  outV: Float64Array,
  outP: Uint8Array,
): boolean {
  const { startMs, stepMs, count } = node.times;
  const { lookbackMs } = node;
  const { t, v } = samples;
  const times = timesTold(node, samples);
  const size = samples.count;
  let at = -1;
  let any = false;
  for (let step = 0; step < count; step++) {
    const now = startMs + step * stepMs;
    while (at + 1 < size && t[at + 1]! <= now) at++;
    outP[step] = 0;
    if (at < 0 || t[at]! <= now - lookbackMs) continue;
    const value = v[at]!;
    if (Number.isNaN(value) && isStaleNaN(value)) continue;
    outV[step] = times === undefined ? value : times[at]! / 1000;
    outP[step] = 1;
    any = true;
  }
  return any;
}

/** What a selector tells in place of values, ms: the times of its samples, or since when they count. */
function timesTold(
  { result }: SelectNode,
  { t, st }: Pick<SampleColumns, 't' | 'st'>,
): Float64Array | undefined {
  if (result === 'timestamp') return t;
  return result === 'start-timestamp' ? st : undefined;
}

/** `smoothed`: between the sample before and the one after, where both are near enough and of one kind. */
function smoothedRows(node: SelectNode, input: SampleStream, context: Context): RowStream {
  const { startMs, stepMs, count } = node.times;
  const { lookbackMs } = node;
  const isNear = ({ t, count: size }: Times, at: number, now: number) =>
    at >= 0 && at < size && t[at]! > now - lookbackMs && t[at]! <= now + lookbackMs;
  return rowsOf(input, node.steps.count, (row) => {
    const { samples, histograms } = input;
    const { t, v } = samples;
    let at = -1;
    let native = -1;
    for (let step = 0; step < count; step++) {
      const now = startMs + step * stepMs;
      while (at + 1 < samples.count && t[at + 1]! <= now) at++;
      while (native + 1 < histograms.count && histograms.t[native + 1]! <= now) native++;
      row.p[step] = ABSENT;
      const isNative = isNear(histograms, native, now) || isNear(histograms, native + 1, now);
      if (isNative && (isNear(samples, at, now) || isNear(samples, at + 1, now))) {
        windowNotes(context, node.read.span, row).mixedSamples();
        continue;
      }
      if (!isNear(isNative ? histograms : samples, isNative ? native : at, now)) continue;
      if (isNative) {
        const hasNext = isNear(histograms, native + 1, now);
        const notes = windowNotes(context, node.read.span, row);
        setValue(row, step, smoothedHistogram(histograms, native, hasNext, now, notes));
        continue;
      }
      row.p[step] = FLOAT;
      const isBetween = t[at] !== now && isNear(samples, at + 1, now);
      row.v[step] = isBetween ? between(t[at]!, v[at]!, t[at + 1]!, v[at + 1]!, now) : v[at]!;
    }
    return !row.isEmpty();
  });
}

type Times = Pick<SampleColumns, 't' | 'count'>;

/** Undefined where the buckets of two neighbours don't mix. */
function smoothedHistogram(
  { t, h }: HistogramSamples,
  at: number,
  hasNext: boolean,
  now: number,
  notes: WindowNotes,
): Histogram | undefined {
  const before = h[at]!;
  if (t[at] === now) return before;
  // What a hint says is about the neighbour, not about what is carried on.
  if (!hasNext) return withResetHint(before, RESET_UNKNOWN);
  const next = h[at + 1]!;
  if (hasCustomBuckets(before) !== hasCustomBuckets(next)) {
    notes.mixedSchemas();
    return undefined;
  }
  const share = (now - t[at]!) / (t[at + 1]! - t[at]!);
  const isCounter = !(isGauge(before) && isGauge(next));
  return betweenHistograms(before, next, { share, isCounter }, notes);
}

/** Where a histogram, or a marker that ended one, is newer than the float, it takes the float's place. */
function lookBackAtHistograms(
  node: SelectNode,
  samples: SampleColumns,
  histograms: HistogramSamples,
  row: Row,
): boolean {
  const { startMs, stepMs, count } = node.times;
  const { t, h } = histograms;
  const times = timesTold(node, histograms);
  let at = -1;
  let float = -1;
  for (let step = 0; step < count; step++) {
    const now = startMs + step * stepMs;
    while (at + 1 < histograms.count && t[at + 1]! <= now) at++;
    while (float + 1 < samples.count && samples.t[float + 1]! <= now) float++;
    if (at < 0 || t[at]! <= now - node.lookbackMs) continue;
    if (float >= 0 && samples.t[float]! > t[at]!) continue;
    const histogram = h[at];
    if (histogram === undefined) row.p[step] = ABSENT;
    else if (times !== undefined) {
      row.v[step] = times[at]! / 1000;
      row.p[step] = 1;
    } else row.setHistogram(step, histogram);
  }
  return !row.isEmpty();
}

export function windowRows(
  node: WindowNode,
  input: SampleStream,
  params: readonly Float64Array[],
  context: Context,
): RowStream {
  const windows = new Windows({
    times: node.times,
    rangeMs: node.rangeMs,
    evalStartMs: node.steps.startMs,
    evalStepMs: node.steps.stepMs,
    params,
  });
  const kernel = WINDOW_KERNELS[node.name]!;
  const { source } = node;
  const oneName = source.kind === 'read' && hasOneName(source.matchers);
  let unnoted = node.name === 'rate' || node.name === 'increase';
  if (node.extension !== undefined) return extendedRows(node, input, windows, context);
  const check = windowParamCheck(node, params, context);
  const mixed = withHistograms(node, input, windows, check, context);
  const fill = (row: Row) => {
    if (input.histograms.count > 0) return mixed(row);
    if (input.samples.count === 0 || !windows.slideOver(input.samples)) return false;
    check?.(windows, false);
    kernel(windows, row);
    noteOverlaps(node, windows, context, row);
    const any = !row.isEmpty();
    if (any && unnoted) {
      noteIfNoCounter(row, node, context);
      // With types, the label decides and may differ from series to series of a name.
      if (oneName && !context.settings.typeAndUnitLabels) unnoted = false;
    }
    return any;
  };
  return rowsOf(input, node.steps.count, countingWindows(fill, input, windows, context));
}

/** What the function of floats has met. */
function noteOverlaps(
  { span }: WindowNode,
  { overlaps }: Windows,
  context: Context,
  row: Row,
): void {
  if (overlaps === undefined || !overlaps.includes(1)) return;
  const notes = windowNotes(context, span, row);
  for (const overlap of overlaps) if (overlap === 1) notes.overlap();
}

function extendedRows(
  node: WindowNode,
  input: SampleStream,
  windows: Windows,
  context: Context,
): RowStream {
  const kernel = extendedKernel(node.name, node.extension!, node.lookbackMs);
  const isCounter = node.name === 'rate' || node.name === 'increase';
  const fill = (row: Row) => {
    windows.slideOver(input.samples);
    kernel(windows, row);
    if (input.histograms.count > 0) withExtendedHistograms(node, input, windows, context, row);
    const any = !row.isEmpty();
    if (any && isCounter && row.p.includes(FLOAT)) noteIfNoCounter(row, node, context);
    return any;
  };
  return rowsOf(input, node.steps.count, countingWindows(fill, input, windows, context));
}

function withExtendedHistograms(
  { name, extension, lookbackMs, span, steps }: WindowNode,
  input: SampleStream,
  windows: Windows,
  context: Context,
  row: Row,
): void {
  const notes = windowNotes(context, span, row);
  const range = { name, extension: extension!, lookbackMs };
  windows.slideOverHistograms(input.histograms);
  for (let step = 0; step < steps.count; step++) {
    const result = extendedHistogram(windows, step, range, notes);
    if (result === 'floats') continue;
    setValue(row, step, result === 'none' ? undefined : result);
  }
}

/** Series that have histograms, alone or among floats. */
function withHistograms(
  node: WindowNode,
  input: SampleStream,
  windows: Windows,
  check: ParamCheck,
  context: Context,
): (row: Row) => boolean {
  const isCounter = node.name === 'rate' || node.name === 'increase';
  const kernel = WINDOW_KERNELS[node.name]!;
  const histogramKernel = HISTOGRAM_KERNELS[node.name]!;
  return (row) => {
    const notes = windowNotes(context, node.span, row);
    windows.slideOver(input.samples);
    kernel(windows, row);
    windows.slideOverHistograms(input.histograms);
    check?.(windows, true);
    const { from, to } = windows.histograms;
    for (let step = 0; step < from.length; step++) {
      if (from[step]! === to[step]!) continue;
      // Floats beside histograms have no say.
      if (windows.overlaps !== undefined) windows.overlaps[step] = 0;
      histogramKernel(windows, step, row, notes);
    }
    noteOverlaps(node, windows, context, row);
    if (isCounter && row.p.includes(FLOAT)) noteIfNoCounter(row, node, context);
    return !row.isEmpty();
  };
}

function rowsOf(input: SampleStream, count: number, fill: (row: Row) => boolean): RowStream {
  const row = new Row(count);
  row.origin = input.origin;
  const take = () => {
    row.labels = input.labels;
    row.originLabels = row.labels;
    row.dropName = input.dropName;
    row.h = undefined;
    return fill(row);
  };
  const later = async (more: Promise<boolean>): Promise<boolean> => {
    if (!(await more)) return false;
    return take() ? true : next();
  };
  const next = (): boolean | Promise<boolean> => {
    for (;;) {
      const more = input.next();
      if (typeof more !== 'boolean') return later(more);
      if (!more) return false;
      if (take()) return true;
    }
  };
  return { row, next, close: () => input.close() };
}

const COUNTER_NAME = /_(total|sum|count|bucket)$/;

function noteIfNoCounter(row: Row, node: WindowNode, context: Context): void {
  const name = labelValue(row.labels, '__name__');
  if (name === undefined) return;
  if (context.settings.typeAndUnitLabels) {
    const type = labelValue(row.labels, '__type__') ?? '';
    if (type === 'counter' || type === 'histogram') return;
    const text = `metric might not be a counter, __type__ label is not set to "counter" or "histogram"`;
    context.annotations.info(`${text}, got ${quote(type)}: ${quote(name)}`, node.span);
    return;
  }
  if (COUNTER_NAME.test(name)) return;
  const text = 'metric might not be a counter, name does not end in _total/_sum/_count/_bucket';
  context.annotations.info(`${text}: ${quote(name)}`, node.span);
}
