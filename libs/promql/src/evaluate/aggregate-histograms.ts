// Native histograms in aggregations that fold: they are taken out of each row before its floats are added,
// and given back to the group at the end, unless a step had both.
import { labelValue } from '@weir/model';
import { HistogramTotal } from '../histogram/accumulate.ts';
import type { AggregateNode } from '../plan/nodes.ts';
import * as texts from './annotation-texts.ts';
import type { Context } from './context.ts';
import { ABSENT, FLOAT, HISTOGRAM, type Row } from './rows.ts';

/** What an operator makes of them: 'present' is a sample like any other. */
export type HistogramFold = 'sum' | 'mean' | 'present' | 'ignore';

/** A step with floats as well, or with kinds of buckets that don't mix: neither has a result. */
const MIXED = 'mixed';
const INCOMPATIBLE = 'incompatible';

type Total = HistogramTotal | typeof MIXED | typeof INCOMPATIBLE | undefined;

export class HistogramFolder {
  readonly #fold: HistogramFold;
  readonly #node: AggregateNode;
  readonly #context: Context;
  /** Totals of each group by step. */
  readonly #groups = new Map<Row, Total[]>();

  constructor(fold: HistogramFold, node: AggregateNode, context: Context) {
    this.#fold = fold;
    this.#node = node;
    this.#context = context;
  }

  /** Leaves only floats in `row`. */
  take(row: Row, group: Row): void {
    switch (this.#fold) {
      case 'present':
        for (let step = 0; step < row.p.length; step++) {
          if (row.p[step] === HISTOGRAM) row.p[step] = FLOAT;
        }
        break;
      case 'ignore':
        if (row.dropHistograms()) this.#ignored();
        break;
      default:
        this.#add(row, group);
        row.dropHistograms();
    }
    row.h = undefined;
  }

  #ignored(): void {
    const { op, span } = this.#node;
    this.#context.annotations.info(texts.ignoredInAggregation(op), span);
  }

  #add(row: Row, group: Row): void {
    const totals = this.#totalsOf(group);
    for (let step = 0; step < row.p.length; step++) {
      if (row.p[step] !== HISTOGRAM) continue;
      const histogram = row.h![step]!;
      const total = totals[step];
      // After a float no histogram is added any more: the step has no result anyway.
      if (total === undefined && group.p[step] === FLOAT) totals[step] = MIXED;
      else if (total === MIXED || total === INCOMPATIBLE) continue;
      else if (total === undefined) totals[step] = new HistogramTotal(histogram);
      else {
        const wasReconciled = total.reconciled;
        if (this.#fold === 'mean') total.addToMean(histogram);
        else total.addToSum(histogram);
        if (!total.incompatible) {
          // Told at once: it happened, whatever comes of the step.
          if (total.reconciled && !wasReconciled) this.#reconciled();
          continue;
        }
        this.#warn(texts.mixedSchemas(nameOf(row)));
        // Nor are floats noticed behind kinds of buckets that don't mix.
        totals[step] = group.p[step] === FLOAT ? MIXED : INCOMPATIBLE;
      }
    }
  }

  #totalsOf(group: Row): Total[] {
    let totals = this.#groups.get(group);
    if (totals === undefined) {
      totals = new Array<Total>(group.p.length).fill(undefined);
      this.#groups.set(group, totals);
    }
    return totals;
  }

  /** Once the floats are finished. */
  finish(): void {
    for (const [group, totals] of this.#groups) {
      for (const [step, total] of totals.entries()) {
        if (total !== undefined) this.#finishStep(group, step, total);
      }
    }
  }

  #finishStep(group: Row, step: number, total: NonNullable<Total>): void {
    const hasFloats = group.p[step] === FLOAT;
    group.p[step] = ABSENT;
    if (total === INCOMPATIBLE) return;
    if (hasFloats || total === MIXED) {
      this.#warn(texts.mixedInAggregation);
      return;
    }
    if (total.collision) this.#warn(texts.conflictingResets('aggregation'));
    group.setHistogram(step, this.#fold === 'mean' ? total.mean() : total.sum());
  }

  #reconciled(): void {
    this.#context.annotations.info(texts.reconciledBounds('aggregation'), this.#node.span);
  }

  #warn(text: string): void {
    this.#context.annotations.warn(text, this.#node.span);
  }
}

function nameOf(row: Row): string {
  return labelValue(row.labels, '__name__') ?? '';
}
