// Histograms of a vector for histogram_quantile and its relatives: the bucket series of a classic one are
// gathered by their labels without `le` and sorted once; a native one stands for itself. A step that has
// both under the same labels has no result.
import { labelValue } from '@weir/model';
import type { Histogram } from '../histogram/histogram.ts';
import type { Span } from '../parse/ast.ts';
import { parseNumber } from '../parse/literals.ts';
import * as texts from './annotation-texts.ts';
import type { Context } from './context.ts';
import { LabelProjection, LabelTable } from './label-sets.ts';
import { FLOAT, forEachRow, HISTOGRAM, type Row, RowSet, type RowStream } from './rows.ts';

interface Bucket {
  readonly bound: number;
  readonly row: Row;
}

/** A classic histogram at one step: cumulative counts, ascending by bound, in reused columns. */
export interface ClassicHistogram {
  readonly bounds: Float64Array;
  readonly counts: Float64Array;
  readonly size: number;
}

export type HistogramAt = { readonly native: Histogram } | { readonly classic: ClassicHistogram };

export class HistogramGroup {
  readonly key: Uint8Array;
  readonly name: string;
  dropName = false;
  readonly #buckets: Bucket[] = [];
  readonly #natives: Row[] = [];
  #bounds = new Float64Array(0);
  #counts = new Float64Array(0);

  constructor(key: Uint8Array, name: string) {
    this.key = key;
    this.name = name;
  }

  addBucket(bound: number, row: Row): void {
    this.#buckets.push({ bound, row });
  }

  addNative(row: Row): void {
    this.#natives.push(row);
  }

  /** Before the first at(). */
  sort(): void {
    this.#buckets.sort((a, b) => a.bound - b.bound);
    this.#bounds = new Float64Array(this.#buckets.length);
    this.#counts = new Float64Array(this.#buckets.length);
  }

  /** What there is at a step; `mixed` is told where that is both. */
  at(step: number, mixed: () => void): HistogramAt | undefined {
    const native = this.#natives.find((row) => row.p[step] === HISTOGRAM)?.h?.[step];
    let size = 0;
    for (const { bound, row } of this.#buckets) {
      if (row.p[step] !== FLOAT) continue;
      this.#bounds[size] = bound;
      this.#counts[size++] = row.v[step]!;
    }
    if (native === undefined) {
      if (size === 0) return undefined;
      return { classic: { bounds: this.#bounds, counts: this.#counts, size } };
    }
    if (size === 0) return { native };
    mixed();
    return undefined;
  }
}

export async function gatherHistograms(
  input: RowStream,
  span: Span,
  context: Context,
): Promise<HistogramGroup[]> {
  const projection = new LabelProjection(['le'], 'drop');
  const table = new LabelTable();
  const kept = new RowSet(context);
  const groups: HistogramGroup[] = [];
  // Where names are dropped at once, Prometheus's texts leave them out.
  const nameOf = (row: Row) =>
    context.settings.delayedNameRemoval ? (labelValue(row.labels, '__name__') ?? '') : '';
  const groupOf = (row: Row): HistogramGroup => {
    const number = table.add(projection.project(row.labels));
    groups[number] ??= new HistogramGroup(table.keys[number]!, nameOf(row));
    groups[number].dropName ||= row.dropName;
    return groups[number];
  };
  await forEachRow(input, context, (row) => {
    const copy = kept.add(row);
    if (row.h !== undefined) groupOf(row).addNative(copy);
    if (!row.p.includes(FLOAT)) return;
    const le = labelValue(row.labels, 'le') ?? '';
    const bound = parseBound(le);
    if (bound !== undefined) groupOf(row).addBucket(bound, copy);
    else context.annotations.warn(texts.badBucketLabel(le, nameOf(row)), span);
  });
  for (const group of groups) group.sort();
  return groups;
}

function parseBound(le: string): number | undefined {
  const sign = le[0] === '-' ? -1 : 1;
  const text = le.replace(/^[-+]/, '');
  if (/^inf(inity)?$/i.test(text)) return sign * Number.POSITIVE_INFINITY;
  if (!/^[\d.]/.test(text) || /[a-df-z]/i.test(text)) return undefined;
  const number = parseNumber(text);
  return number === undefined ? undefined : sign * number.value;
}
