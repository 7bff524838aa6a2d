// Samples to rows: instant selectors (look-back) and range-vector functions (windows), series by series.
import { isStaleNaN, labelValue, type SampleColumns } from '@weir/model';
import { WINDOW_KERNELS } from '../functions/over-time.ts';
import { Windows } from '../functions/window.ts';
import { quote } from '../parse/literals.ts';
import type { SelectNode, WindowNode } from '../plan/nodes.ts';
import type { Context } from './context.ts';
import { Row, type RowStream } from './rows.ts';
import type { SampleStream } from './samples.ts';
import { hasOneName } from './uniqueness.ts';

export function selectRows(node: SelectNode, input: SampleStream): RowStream {
  return rowsOf(input, node.steps.count, (row) => lookBack(node, input.samples, row.v, row.p));
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
  const timestamps = node.result === 'timestamp';
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
    outV[step] = timestamps ? t[at]! / 1000 : value;
    outP[step] = 1;
    any = true;
  }
  return any;
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
  return rowsOf(input, node.steps.count, (row) => {
    if (input.samples.count === 0 || !windows.slideOver(input.samples)) return false;
    if (unnoted) {
      noteIfNoCounter(row, node, context);
      // With types, the label decides and may differ from series to series of a name.
      if (oneName && !context.settings.typeAndUnitLabels) unnoted = false;
    }
    kernel(windows, row);
    return !row.isEmpty();
  });
}

function rowsOf(input: SampleStream, count: number, fill: (row: Row) => boolean): RowStream {
  const row = new Row(count);
  const take = () => {
    row.labels = input.labels;
    row.dropName = input.dropName;
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
    if (type !== '') {
      const text = `metric might not be a counter, __type__ label is not set to "counter" or "histogram"`;
      context.annotations.info(`${text}, got ${quote(type)}: ${quote(name)}`, node.span);
      return;
    }
  }
  if (COUNTER_NAME.test(name)) return;
  const text = 'metric might not be a counter, name does not end in _total/_sum/_count/_bucket';
  context.annotations.info(`${text}: ${quote(name)}`, node.span);
}
