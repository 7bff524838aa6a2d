// Binary operators between two instant vectors: matching by label bytes, then columns against columns.
// Both sides are kept as rows; and/unless keep only the presence of their right side.
import { compareLabels, type LabelBytes, labelValue } from '@weir/model';
import { isComparison, type Matching } from '../parse/ast.ts';
import type { SetNode, VectorVectorNode } from '../plan/nodes.ts';
import { type Apply, dropsName, operatorOver } from './binary-rows.ts';
import type { Context } from './context.ts';
import { afterErrorsOf } from './error-order.ts';
import { executionError } from './errors.ts';
import { fillMissing } from './fill.ts';
import { LabelProjection, LabelTable, printLabelSet, withLabels } from './label-sets.ts';
import type { NameDropper } from './names.ts';
import {
  ABSENT,
  FLOAT,
  forEachRow,
  MergedRows,
  mapRows,
  mergeInto,
  Row,
  RowSet,
  RowSlab,
  type RowStream,
  SAME_LABELS,
  streamOf,
} from './rows.ts';
import { StepNotes } from './step-notes.ts';

/** Labels by which the sides are matched; ignoring() never matches the metric name. */
export function signature(matching: Matching): LabelProjection {
  if (matching.on) return new LabelProjection(matching.labels, 'keep');
  return new LabelProjection([...matching.labels, '__name__'], 'drop');
}

/** Opens the operands; each is opened once, and closed before the other is opened where possible. */
export interface Sides {
  left(): Promise<RowStream>;
  right(): Promise<RowStream>;
}

export async function evaluateSet(
  node: SetNode,
  sides: Sides,
  context: Context,
): Promise<RowStream> {
  if (node.op === 'or') return union(node, sides, context);
  const table = new LabelTable();
  const masks: Uint8Array[] = [];
  const signatureOf = signature(node.matching);
  const right = async () =>
    forEachRow(await sides.right(), context, (row) => {
      markPresent(masks, table.add(signatureOf.project(row.labels)), row.p);
    });
  await afterErrorsOf(sides.left, right, context);
  const wanted = node.op === 'and' ? 1 : 0;
  return mapRows(await sides.left(), (row) => {
    const mask = masks[table.find(signatureOf.project(row.labels))];
    if (mask === undefined) return wanted === 0;
    for (let step = 0; step < mask.length; step++) if (mask[step] !== wanted) row.p[step] = ABSENT;
    return !row.isEmpty();
  });
}

async function union(node: SetNode, sides: Sides, context: Context): Promise<RowStream> {
  const signatureOf = signature(node.matching);
  const table = new LabelTable();
  const masks: Uint8Array[] = [];
  const merged = new MergedRows(context);
  await forEachRow(await sides.left(), context, (row) => {
    markPresent(masks, table.add(signatureOf.project(row.labels)), row.p);
    merged.add(row);
  });
  await forEachRow(await sides.right(), context, (row) => {
    const mask = masks[table.find(signatureOf.project(row.labels))];
    if (mask !== undefined) {
      for (let step = 0; step < mask.length; step++) if (mask[step] === 1) row.p[step] = ABSENT;
    }
    if (!row.isEmpty()) merged.add(row);
  });
  return streamOf(merged.rows, node.steps.count);
}

function markPresent(masks: Uint8Array[], number: number, present: Uint8Array): void {
  masks[number] ??= new Uint8Array(present.length);
  const mask = masks[number];
  for (let step = 0; step < present.length; step++) if (present[step] !== ABSENT) mask[step] = 1;
}

export async function evaluateVectors(
  node: VectorVectorNode,
  sides: Sides,
  context: Context,
  names: NameDropper,
): Promise<RowStream> {
  const left = await RowSet.of(await sides.left(), context);
  const right = await RowSet.of(await sides.right(), context);
  return new VectorMatch(node, left.rows, right.rows, names, context).evaluate();
}

/** One operator over two sides: "one" may have a single series per signature and step. */
class VectorMatch {
  readonly #node: VectorVectorNode;
  readonly #many: readonly Row[];
  readonly #one: readonly Row[];
  /** Of the "one" side those that aren't made up. */
  readonly #found: readonly Row[];
  /** What stands in for a missing "many". */
  readonly #fillMany: number | undefined;
  readonly #names: NameDropper;
  readonly #signature: LabelProjection;
  readonly #table = new LabelTable();
  readonly #oneBySignature: Row[][] = [];
  readonly #apply: Apply;
  readonly #isFilter: boolean;
  readonly #resultLabels: (many: LabelBytes, one: LabelBytes) => LabelBytes;
  readonly #notes: StepNotes;
  readonly #context: Context;

  constructor(
    node: VectorVectorNode,
    left: readonly Row[],
    right: readonly Row[],
    names: NameDropper,
    context: Context,
  ) {
    const { card, fillLeft, fillRight } = node.matching;
    const swapped = card === 'one-to-many';
    this.#node = node;
    this.#signature = signature(node.matching);
    const [many, one] = swapped ? [right, left] : [left, right];
    // With group_right the values change sides: Prometheus swaps the operands, but not these.
    [this.#many, this.#one] = fillMissing(
      { rows: many, fill: fillLeft },
      { rows: one, fill: fillRight },
      this.#signature,
      node.steps.count,
    );
    this.#found = one;
    this.#fillMany = fillLeft;
    this.#names = names;
    this.#context = context;
    this.#notes = new StepNotes(node.steps.count);
    this.#apply = operatorOver(node, swapped, this.#notes);
    this.#isFilter = isComparison(node.op) && !node.returnBool;
    this.#resultLabels = resultLabels(node.matching);
  }

  evaluate(): RowStream {
    const { count } = this.#node.steps;
    const { fillLeft, fillRight } = this.#node.matching;
    const fills = fillLeft !== undefined || fillRight !== undefined;
    const both = fills ? new Uint8Array(count).fill(1) : bothPresent(this.#many, this.#one, count);
    this.#indexOne(both);
    const outTable = new LabelTable();
    const out: Row[] = [];
    const groups: number[][] = [];
    const used: Uint8Array[] = [];
    const slab = new RowSlab(count);
    const result = new Row(count);
    const drops = dropsName(this.#node.op, this.#node.returnBool);
    const isGone = drops && !(this.#names.delayed && this.#node.returnBool);
    // Of a filter with a "many" side, by match group: what it looked at, kept or not, by the labels of the result.
    const filtered = this.#isFilter && this.#node.matching.card !== 'one-to-one';
    const seen = new LabelTable();
    const seenIn: Uint8Array[][] = [];
    const pair = (many: Row, one: Row, number: number) => {
      const any = this.#apply(many, one, result);
      const taken = this.#taken(many, one, result);
      this.#claim(used, number, taken);
      if (!any && !filtered) return;
      // The name goes before labels of the other side come, its name among them.
      const left = isGone ? this.#names.without(many.labels) : many.labels;
      result.labels = this.#resultLabels(left, one.labels);
      result.dropName = drops && !isGone;
      if (filtered) {
        seenIn[number] ??= [];
        claim(seenIn[number], seen.add(result.labels), taken, AMBIGUOUS_GROUPING);
        if (!any) return;
      }
      const into = outTable.add(result.labels);
      if (into === out.length) {
        const row = slab.make();
        row.labels = outTable.keys[into]!;
        out.push(row);
        groups.push([]);
      }
      merge(out[into]!, result, groups[into]!, number);
    };
    for (const many of this.#many) {
      const number = this.#table.find(this.#signature.project(many.labels));
      for (const one of this.#oneBySignature[number] ?? []) pair(many, one, number);
    }
    if (this.#fillMany !== undefined) this.#fillFailed(used, pair);
    this.#notes.tell(this.#context.annotations, this.#node.span);
    return streamOf(out, count);
  }

  /** What met only values that it doesn't go with counts as unmatched, and is paired with the fill value. */
  #fillFailed(used: Uint8Array[], pair: (many: Row, one: Row, number: number) => void): void {
    const { count } = this.#node.steps;
    for (const one of this.#found) {
      const number = this.#table.find(this.#signature.project(one.labels));
      const many = new Row(count, new Float64Array(count).fill(this.#fillMany!));
      many.labels = this.#table.keys[number]!;
      for (let step = 0; step < count; step++) {
        const isLeft = one.p[step] !== ABSENT && (used[number]?.[step] ?? ABSENT) === ABSENT;
        if (isLeft) many.p[step] = FLOAT;
      }
      if (!many.isEmpty()) pair(many, one, number);
    }
  }

  /** At which steps a pair has a result, or would have one if a filter let it. */
  #taken(many: Row, one: Row, result: Row): Uint8Array {
    if (!this.#isFilter) return result.p;
    const { op } = this.#node;
    return result.p.map((kind, step) => {
      if (kind !== ABSENT) return kind;
      const isComparable = many.p[step] === FLOAT || op === '==' || op === '!=';
      return many.p[step] === one.p[step] && isComparable ? many.p[step]! : ABSENT;
    });
  }

  /** Makes its group a matched one at these steps; with one series on either side it has to be the only one. */
  #claim(used: Uint8Array[], number: number, taken: Uint8Array): void {
    if (this.#node.matching.card === 'one-to-one') claim(used, number, taken, MANY_TO_ONE);
    else if (this.#fillMany !== undefined) markPresent(used, number, taken);
  }

  /** Groups the "one" side by signature; two series of one signature at one step are an error. */
  #indexOne(both: Uint8Array): void {
    const masks: Uint8Array[] = [];
    for (const row of this.#one) {
      const number = this.#table.add(this.#signature.project(row.labels));
      this.#oneBySignature[number] ??= [];
      const group = this.#oneBySignature[number];
      if (group.length > 0) {
        for (let step = 0; step < both.length; step++) {
          const clash = row.p[step] !== ABSENT && both[step] === 1 && masks[number]![step] === 1;
          if (clash) throw this.#duplicate(number, group, row, step);
        }
      }
      markPresent(masks, number, row.p);
      group.push(row);
    }
  }

  #duplicate(number: number, group: readonly Row[], row: Row, step: number): Error {
    const other = group.find((candidate) => candidate.p[step] !== ABSENT) ?? group[0]!;
    const side = this.#node.matching.card === 'one-to-many' ? 'left' : 'right';
    const labels = printLabelSet(this.#table.keys[number]!);
    // In label order, whichever came first.
    const two = [row.labels, other.labels].sort(compareLabels);
    const series = `[${two.map(printLabelSet).join(', ')}]`;
    return executionError(
      `found duplicate series for the match group ${labels} on the ${side} hand-side of the operation: ${series};` +
        'many-to-many matching not allowed: matching labels must be unique on one side',
    );
  }
}

function bothPresent(left: readonly Row[], right: readonly Row[], count: number): Uint8Array {
  const masks: Uint8Array[] = [];
  for (const row of left) markPresent(masks, 0, row.p);
  for (const row of right) markPresent(masks, 1, row.p);
  const both = new Uint8Array(count);
  const [a, b] = masks;
  if (a === undefined || b === undefined) return both;
  for (let step = 0; step < count; step++) both[step] = a[step]! & b[step]!;
  return both;
}

const MANY_TO_ONE =
  'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)';
const AMBIGUOUS_GROUPING =
  'multiple matches for labels: grouping labels must ensure unique matches';

function claim(used: Uint8Array[], number: number, present: Uint8Array, refusal: string): void {
  const mask = used[number];
  if (mask !== undefined) {
    for (let step = 0; step < present.length; step++) {
      if (present[step] !== ABSENT && mask[step] === 1) {
        throw executionError(refusal);
      }
    }
  }
  markPresent(used, number, present);
}

/** Adds a result of one match group to the row of its labels, in which there are those of `groups`. */
function merge(into: Row, result: Row, groups: number[], group: number): void {
  into.dropName ||= result.dropName;
  if (!mergeInto(into, result)) {
    throw executionError(groups.includes(group) ? AMBIGUOUS_GROUPING : SAME_LABELS);
  }
  if (!groups.includes(group)) groups.push(group);
}

/** Labels of a result: those of the "many" side, reduced (one-to-one) or extended (group_x). */
function resultLabels(matching: Matching): (many: LabelBytes, one: LabelBytes) => LabelBytes {
  if (matching.card === 'one-to-one') {
    const mode = matching.on ? 'keep' : 'drop';
    const projection = new LabelProjection(matching.labels, mode);
    return (many) => projection.project(many);
  }
  if (matching.include.length === 0) return (many) => many;
  return (many, one) => {
    const changes = new Map<string, string>();
    for (const name of matching.include) changes.set(name, labelValue(one, name) ?? '');
    return withLabels(many, changes);
  };
}
