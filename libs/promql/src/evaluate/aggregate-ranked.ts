// Aggregations that need every value of a step at once: topk, bottomk, limitk, limit_ratio, quantile,
// count_values. They keep the rows of their groups, which the sample budget bounds.
import { hashPlace } from '../functions/label-hash.ts';
import { quantileOf } from '../functions/quantile.ts';
import { printHistogram } from '../histogram/print.ts';
import { formatNumber, formatShortest, isValidName, quote } from '../parse/literals.ts';
import type { AggregateNode } from '../plan/nodes.ts';
import * as texts from './annotation-texts.ts';
import { BestValues, compareNaNLast, INSERTED_MAX } from './best-values.ts';
import type { Context } from './context.ts';
import { executionError } from './errors.ts';
import { groupProjection } from './group-numbers.ts';
import { LabelTable, withLabels } from './label-sets.ts';
import {
  ABSENT,
  FLOAT,
  forEachRow,
  HISTOGRAM,
  MergedRows,
  Row,
  RowSet,
  type RowStream,
  streamOf,
} from './rows.ts';

interface RankedGroup {
  readonly key: Uint8Array;
  readonly rows: Row[];
  dropName: boolean;
  /** Of topk and bottomk: what a row must beat at one step at least to be kept. */
  best: BestValues | undefined;
}

export async function rankGroups(
  node: AggregateNode,
  input: RowStream,
  param: Float64Array | undefined,
  context: Context,
): Promise<RowStream> {
  if (node.op === 'count_values') return countValues(node, input, context);
  checkParam(node, param!, context);
  const groups = await gather(node, input, param!, context, new RowSet(context));
  const { count } = node.steps;
  if (node.op === 'quantile') {
    return streamOf(
      groups.map((group) => quantileRow(group, param!, count)),
      count,
    );
  }
  const picked = groups.flatMap((group) => pick(node, group, param!));
  return streamOf(picked, count);
}

/**
 * What may be among the chosen ones when other owners' rows come to these, in label order: the rows that are chosen
 * here, at those steps, and the first of each group, since groups stand in the order of their first rows.
 */
export async function rankedRows(
  node: AggregateNode,
  input: RowStream,
  param: Float64Array,
  context: Context,
): Promise<Row[]> {
  const kept = new RowSet(context);
  const groups = await gather(node, input, param, context, kept);
  const wanted = new Set<Row>();
  for (const group of groups) {
    wanted.add(group.rows[0]!);
    for (const row of pick(node, group, param)) wanted.add(row);
  }
  return kept.rows.filter((row) => wanted.has(row));
}

/** The largest float below 2^63. */
const K_MAX = 2 ** 63 - 1024;
const K_MIN = -(2 ** 63);

/** Prometheus judges a parameter by its largest and smallest value; with a NaN among them both are NaN. */
function checkParam(node: AggregateNode, param: Float64Array, context: Context): void {
  let most = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  for (const value of param) {
    most = Math.max(most, value);
    least = Math.min(least, value);
  }
  const { annotations } = context;
  if (node.op === 'quantile') {
    const bad = [most > 1 || Number.isNaN(most) ? most : undefined, least < 0 ? least : undefined];
    for (const value of bad) {
      if (value === undefined) continue;
      const text = `quantile value should be between 0 and 1, got ${formatShortest(value)}`;
      annotations.warn(text, node.paramSpan!, node.span);
    }
  } else if (node.op === 'limit_ratio') {
    if (Number.isNaN(most)) throw executionError('Ratio value is NaN');
    for (const value of [Math.max(most, 1), Math.min(least, -1)]) {
      if (Math.abs(value) === 1) continue;
      const text = `ratio value should be between -1 and 1, got ${formatShortest(value)}`;
      annotations.warn(`${text}, capping to ${Math.sign(value)}`, node.paramSpan!, node.span);
    }
  } else checkK(most, least);
}

function checkK(most: number, least: number): void {
  if (most < 1) return;
  if (Number.isNaN(most)) throw executionError('Parameter value is NaN');
  if (least <= K_MIN)
    throw executionError(`Scalar value ${formatShortest(least)} underflows int64`);
  if (most >= K_MAX) throw executionError(`Scalar value ${formatShortest(most)} overflows int64`);
}

async function gather(
  node: AggregateNode,
  input: RowStream,
  param: Float64Array,
  context: Context,
  kept: RowSet,
): Promise<RankedGroup[]> {
  const projection = groupProjection(node);
  const table = new LabelTable();
  const groups: RankedGroup[] = [];
  const floatsOnly = !node.op.startsWith('limit');
  const picksAny = node.op === 'quantile' || param.some((k) => k >= 1);
  const mayBeChosen = chances(node, param);
  await forEachRow(input, context, (row) => {
    if (floatsOnly && row.dropHistograms()) {
      if (picksAny) context.annotations.info(texts.ignoredInAggregation(node.op), node.span);
      if (row.isEmpty()) return;
    }
    const number = table.add(projection.project(row.labels));
    if (number === groups.length) {
      groups.push({ key: table.keys[number]!, rows: [], dropName: false, best: undefined });
    }
    const group = groups[number]!;
    group.dropName ||= row.dropName;
    if (mayBeChosen(group, row)) group.rows.push(kept.add(row));
  });
  return groups;
}

/** False of a row of topk or bottomk that others before it leave no place at any step. */
function chances(
  node: AggregateNode,
  param: Float64Array,
): (group: RankedGroup, row: Row) => boolean {
  let k = 0;
  for (const value of param) k = Math.max(k, Math.trunc(value));
  const isSorted = node.op === 'topk' || node.op === 'bottomk';
  if (!isSorted || k < 1 || k > INSERTED_MAX) return () => true;
  const sign = signOf(node);
  return (group, row) => {
    if (group.rows.length < k) return true;
    if (group.best === undefined) {
      group.best = new BestValues(k, sign, node.steps.count);
      for (const known of group.rows) group.best.admit(known);
    }
    return group.best.admit(row);
  };
}

function signOf({ op }: AggregateNode): number {
  return op === 'topk' ? -1 : 1;
}

function quantileRow(group: RankedGroup, param: Float64Array, count: number): Row {
  const out = new Row(count);
  out.labels = group.key;
  out.dropName = group.dropName;
  const values = new Float64Array(group.rows.length);
  for (let step = 0; step < count; step++) {
    let size = 0;
    for (const row of group.rows) if (row.p[step] === FLOAT) values[size++] = row.v[step]!;
    if (size === 0) continue;
    out.v[step] = quantileOf(param[step]!, values.subarray(0, size));
    out.p[step] = 1;
  }
  return out;
}

/** Rows of one group, reduced to the steps at which each was chosen; in rank order for one step. */
function pick(node: AggregateNode, group: RankedGroup, param: Float64Array): Row[] {
  const { count } = node.steps;
  const chosen = group.rows.map(() => new Uint8Array(count));
  let order = group.rows.map((_, index) => index);
  for (let step = 0; step < count; step++) {
    const present = [];
    for (let index = 0; index < group.rows.length; index++) {
      if (group.rows[index]!.p[step] !== ABSENT) present.push(index);
    }
    const taken = choose(node, group.rows, present, step, param[step]!);
    for (const index of taken) chosen[index]![step] = 1;
    if (count === 1) order = taken;
  }
  const out: Row[] = [];
  for (const index of order) {
    const row = group.rows[index]!;
    for (let step = 0; step < count; step++) if (chosen[index]![step] === 0) row.p[step] = ABSENT;
    if (!row.isEmpty()) out.push(row);
  }
  return out;
}

function choose(
  node: AggregateNode,
  rows: readonly Row[],
  present: number[],
  step: number,
  param: number,
): number[] {
  if (node.op === 'limit_ratio') return present.filter((index) => inRatio(rows[index]!, param));
  const k = Math.trunc(param);
  if (k < 1) return [];
  if (node.op === 'limitk') return present.slice(0, k);
  return bestOf(rows, present, step, { k, sign: signOf(node) });
}

/** The k first in rank order, ties in order of appearance; without sorting all when k is small. */
function bestOf(
  rows: readonly Row[],
  present: number[],
  step: number,
  { k, sign }: { k: number; sign: number },
): number[] {
  const compare = (a: number, b: number) =>
    compareNaNLast(rows[a]!.v[step]!, rows[b]!.v[step]!, sign);
  if (k > INSERTED_MAX) return present.sort(compare).slice(0, k);
  const best: number[] = [];
  for (const index of present) {
    if (best.length === k && compare(index, best[k - 1]!) >= 0) continue;
    let at = best.length === k ? k - 1 : best.length;
    while (at > 0 && compare(index, best[at - 1]!) < 0) {
      best[at] = best[at - 1]!;
      at--;
    }
    best[at] = index;
  }
  return best;
}

/** A series is in or out by the hash of its labels, so that r and r - 1 complement each other. */
function inRatio(row: Row, ratio: number): boolean {
  const place = hashPlace(row.labels);
  const capped = Math.max(-1, Math.min(1, ratio));
  return capped >= 0 ? place < capped : place >= 1 + capped;
}

async function countValues(
  node: AggregateNode,
  input: RowStream,
  context: Context,
): Promise<RowStream> {
  if (!isValidName(node.label)) {
    throw executionError(`invalid label name ${quote(node.label)}`);
  }
  const projection = groupProjection(node);
  // `without` drops that label like any other.
  const dropped = node.without && node.grouping.includes(node.label);
  const labelled = (group: Uint8Array, value: string) =>
    dropped ? group : withLabels(group, new Map([[node.label, value]]));
  const table = new LabelTable();
  const rows: Row[] = [];
  const { count } = node.steps;
  await forEachRow(input, context, (row) => {
    const group = projection.project(row.labels).slice();
    for (let step = 0; step < count; step++) {
      if (row.p[step] === ABSENT) continue;
      const isHistogram = row.p[step] === HISTOGRAM;
      const value = isHistogram ? printHistogram(row.h![step]!) : printPlain(row.v[step]!);
      const number = table.add(labelled(group, value));
      if (number === rows.length) {
        context.budget.hold(count);
        rows.push(new Row(count));
        rows[number]!.labels = table.keys[number]!;
      }
      const out = rows[number]!;
      out.p[step] = 1;
      out.v[step] = out.v[step]! + 1;
    }
  });
  return streamOf(rows, count);
}

/** A float without exponent, as Go's FormatFloat(f, 'f', -1, 64). */
function printPlain(value: number): string {
  if (!Number.isFinite(value)) return formatNumber(value);
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  if (!text.includes('e')) return text;
  const [mantissa, exponent] = text.split('e') as [string, string];
  const digits = mantissa.replace('-', '').replace('.', '');
  const sign = value < 0 ? '-' : '';
  const power = Number(exponent);
  if (power > 0) return sign + digits.padEnd(power + 1, '0');
  return `${sign}0.${'0'.repeat(-power - 1)}${digits}`;
}

/** sort() and its relatives: rows in the order asked for. */
export async function mergedRows(input: RowStream, context: Context): Promise<readonly Row[]> {
  const merged = new MergedRows(context);
  await forEachRow(input, context, (row) => merged.add(row));
  return merged.rows;
}
