// Aggregations that fold a series into its group as it is read: memory is groups × steps. Groups are
// numbered by their label bytes. Those that need all values of a step are in aggregate-ranked.ts.
import { compareLabels } from '@weir/model';
import { Kahan } from '../functions/kahan.ts';
import type { AggregateNode } from '../plan/nodes.ts';
import type { RowBatch } from '../push/row-batch.ts';
import { type HistogramFold, HistogramFolder } from './aggregate-histograms.ts';
import type { Context } from './context.ts';
import { GroupNumbers } from './group-numbers.ts';
import { LabelTable } from './label-sets.ts';
import { PartDeclined } from './part-declined.ts';
import { forEachRow, Row, type RowStream, streamOf } from './rows.ts';

/** What one group has gathered; `row.v` is the running value, the others what the operator needs. */
export interface GatheredGroup {
  readonly row: Row;
  readonly extra: Float64Array;
  readonly counts: Float64Array;
}

class Group implements GatheredGroup {
  readonly row: Row;
  readonly extra: Float64Array;
  readonly counts: Float64Array;

  constructor(steps: number, needsExtra: boolean, needsCounts: boolean) {
    this.row = new Row(steps);
    this.extra = needsExtra ? new Float64Array(steps) : NONE;
    this.counts = needsCounts ? new Float64Array(steps) : NONE;
  }
}

const NONE = new Float64Array(0);

type Columns = Pick<Row, 'v' | 'p'>;

interface Fold {
  readonly extra: boolean;
  readonly counts: boolean;
  readonly histograms: HistogramFold;
  add(group: Group, row: Columns): void;
  finish(group: Group): void;
  merge(into: Group, from: Group): void;
}

const nothing = () => {};

function fold(
  histograms: HistogramFold,
  add: Fold['add'],
  finish: Fold['finish'],
  merge: Fold['merge'],
  { extra = false, counts = false } = {},
): Fold {
  return { extra, counts, histograms, add, finish, merge };
}

const asRow =
  (add: Fold['add']): Fold['merge'] =>
  (into, from) =>
    add(into, from.row);

const FOLDS: Readonly<Record<string, Fold>> = {
  sum: fold('sum', addSum, finishSum, mergeSum, { extra: true }),
  avg: fold('mean', addMean, finishMean, mergeMean, { extra: true, counts: true }),
  count: fold('present', addCount, nothing, mergeCount),
  group: fold('present', addGroup, nothing, asRow(addGroup)),
  min: fold('ignore', addMin, nothing, asRow(addMin)),
  max: fold('ignore', addMax, nothing, asRow(addMax)),
  stdvar: fold('ignore', addVariance, finishVariance, mergeNothing, { extra: true, counts: true }),
  stddev: fold('ignore', addVariance, finishDeviation, mergeNothing, {
    extra: true,
    counts: true,
  }),
};

export async function foldGroups(
  node: AggregateNode,
  input: RowStream,
  context: Context,
): Promise<RowStream> {
  const fold = FOLDS[node.op]!;
  const histograms = new HistogramFolder(fold.histograms, node, context);
  const groups = await gather(node, input, context, histograms);
  for (const group of groups) fold.finish(group);
  histograms.finish();
  return streamOf(
    groups.map((group) => group.row),
    node.steps.count,
  );
}

async function gather(
  node: AggregateNode,
  input: RowStream,
  context: Context,
  histograms: HistogramFolder | undefined,
): Promise<Group[]> {
  const fold = FOLDS[node.op]!;
  const numbers = new GroupNumbers(node);
  const groups: Group[] = [];
  const { count } = node.steps;
  await forEachRow(input, context, (row) => {
    const number = numbers.of(row);
    let group = groups[number];
    if (group === undefined) {
      context.budget.hold(count);
      group = new Group(count, fold.extra, fold.counts);
      group.row.labels = numbers.labelsOf(number);
      groups.push(group);
    }
    if (row.dropName) group.row.dropName = true;
    if (row.h !== undefined) {
      if (histograms === undefined) throw new PartDeclined('a native histogram');
      histograms.take(row, group.row);
    }
    fold.add(group, row);
  });
  return groups;
}

/** What floats leave in each group, before the last step: to be merged by mergeGroups(). */
export function gatherGroups(
  node: AggregateNode,
  input: RowStream,
  context: Context,
): Promise<readonly GatheredGroup[]> {
  return gather(node, input, context, undefined);
}

/** Groups that several have gathered of different series, finished; in label order. */
export function mergeGroups(
  node: AggregateNode,
  batches: readonly RowBatch[],
  context: Context,
): Row[] {
  const { merge, finish, extra, counts } = FOLDS[node.op]!;
  const { count } = node.steps;
  const table = new LabelTable();
  const groups: Group[] = [];
  const from = new Group(count, extra, counts);
  for (const batch of batches) {
    for (let at = 0; at < batch.count; at++) {
      const labels = batch.labels.subarray(at === 0 ? 0 : batch.ends[at - 1]!, batch.ends[at]!);
      const number = table.add(labels);
      const isNew = number === groups.length;
      if (isNew) {
        context.budget.hold(count);
        groups.push(new Group(count, extra, counts));
        groups[number]!.row.labels = table.keys[number]!;
      }
      const into = isNew ? groups[number]! : from;
      into.row.v.set(batch.v.subarray(at * count, (at + 1) * count));
      into.row.p.set(batch.p.subarray(at * count, (at + 1) * count));
      if (extra) into.extra.set(batch.extra.subarray(at * count, (at + 1) * count));
      if (counts) into.counts.set(batch.counts.subarray(at * count, (at + 1) * count));
      if (!isNew) merge(groups[number]!, from);
    }
  }
  for (const group of groups) finish(group);
  return groups.map(({ row }) => row).sort((a, b) => compareLabels(a.labels, b.labels));
}

/** Both running sums, and what rounding took from them. */
function mergeSum(into: Group, { row: { v, p }, extra }: Group): void {
  addSum(into, { v, p });
  for (let step = 0; step < p.length; step++) {
    const sum = into.row.v[step]!;
    if (p[step] !== 0 && sum - sum === 0) into.extra[step] = into.extra[step]! + extra[step]!;
  }
}

/** Sums that stayed finite; a running mean can't be merged. */
function mergeMean(into: Group, from: Group): void {
  const { p } = into.row;
  for (let step = 0; step < p.length; step++) {
    if (from.row.p[step] === 0) continue;
    if (p[step] === 0) into.counts[step] = 0;
    if (into.counts[step]! < 0 || from.counts[step]! < 0) throw new PartDeclined('a mean');
    kahan.reset(p[step] === 0 ? 0 : into.row.v[step]!, p[step] === 0 ? 0 : into.extra[step]!);
    kahan.add(from.row.v[step]!);
    if (Math.abs(kahan.sum) === Number.POSITIVE_INFINITY) throw new PartDeclined('a mean');
    p[step] = 1;
    into.row.v[step] = kahan.sum;
    into.extra[step] = kahan.c + from.extra[step]!;
    into.counts[step] = into.counts[step]! + from.counts[step]!;
  }
}

/** Partial counts add up. */
function mergeCount({ row: { v, p } }: Group, { row: from }: Group): void {
  for (let step = 0; step < p.length; step++) {
    if (from.p[step] === 0) continue;
    p[step] = 1;
    v[step] = v[step]! + from.v[step]!;
  }
}

function mergeNothing(): void {
  throw new PartDeclined('variances');
}

function addSum({ row: { v, p }, extra }: Group, row: Columns): void {
  const values = row.v;
  const present = row.p;
  for (let step = 0; step < present.length; step++) {
    if (present[step] === 0) continue;
    const value = values[step]!;
    if (p[step] === 0) {
      p[step] = 1;
      v[step] = value;
      continue;
    }
    // Kahan–Neumaier, in line: this is the hottest loop of a dashboard.
    const sum = v[step]!;
    const total = sum + value;
    if (total - total !== 0) extra[step] = 0;
    else if (Math.abs(sum) >= Math.abs(value)) extra[step] = extra[step]! + (sum - total + value);
    else extra[step] = extra[step]! + (value - total + sum);
    v[step] = total;
  }
}

function finishSum({ row: { v }, extra }: Group): void {
  for (let step = 0; step < v.length; step++) v[step] = v[step]! + extra[step]!;
}

const kahan = new Kahan();

/**
 * A running sum while it stays finite; once it overflows, `counts` turns negative and the value is a
 * running mean.
 */
function addMean({ row: { v, p }, extra, counts }: Group, row: Columns): void {
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === 0) continue;
    const value = row.v[step]!;
    if (p[step] === 0) {
      p[step] = 1;
      v[step] = value;
      counts[step] = 1;
      continue;
    }
    const before = Math.abs(counts[step]!);
    let incremental = counts[step]! < 0;
    kahan.reset(v[step]!, extra[step]!);
    if (!incremental) {
      kahan.add(value);
      if (Math.abs(kahan.sum) === Number.POSITIVE_INFINITY) {
        incremental = true;
        kahan.reset(v[step]! / before, extra[step]! / before);
      }
    }
    if (incremental) {
      const share = before / (before + 1);
      kahan.reset(share * kahan.sum, share * kahan.c);
      kahan.add(value / (before + 1));
    }
    v[step] = kahan.sum;
    extra[step] = kahan.c;
    counts[step] = incremental ? -(before + 1) : before + 1;
  }
}

function finishMean({ row: { v, p }, extra, counts }: Group): void {
  for (let step = 0; step < v.length; step++) {
    if (p[step] === 0) continue;
    const count = counts[step]!;
    v[step] = count < 0 ? v[step]! + extra[step]! : v[step]! / count + extra[step]! / count;
  }
}

function addCount({ row: { v, p } }: Group, row: Columns): void {
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === 0) continue;
    p[step] = 1;
    v[step] = v[step]! + 1;
  }
}

function addGroup({ row: { v, p } }: Group, row: Columns): void {
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === 0) continue;
    p[step] = 1;
    v[step] = 1;
  }
}

function addMin({ row: { v, p } }: Group, row: Columns): void {
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === 0) continue;
    const kept = v[step]!;
    if (p[step] === 0 || kept > row.v[step]! || Number.isNaN(kept)) v[step] = row.v[step]!;
    p[step] = 1;
  }
}

function addMax({ row: { v, p } }: Group, row: Columns): void {
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === 0) continue;
    const kept = v[step]!;
    if (p[step] === 0 || kept < row.v[step]! || Number.isNaN(kept)) v[step] = row.v[step]!;
    p[step] = 1;
  }
}

/** Welford: `extra` is the mean, the value the sum of squared differences. */
function addVariance({ row: { v, p }, extra, counts }: Group, row: Columns): void {
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === 0) continue;
    const value = row.v[step]!;
    p[step] = 1;
    counts[step] = counts[step]! + 1;
    const before = value - extra[step]!;
    extra[step] = extra[step]! + before / counts[step]!;
    v[step] = v[step]! + before * (value - extra[step]!);
  }
}

function finishVariance({ row: { v, p }, counts }: Group): void {
  for (let step = 0; step < v.length; step++) if (p[step] === 1) v[step] = v[step]! / counts[step]!;
}

function finishDeviation(group: Group): void {
  finishVariance(group);
  const { v } = group.row;
  for (let step = 0; step < v.length; step++) v[step] = Math.sqrt(v[step]!);
}
