// What flows between operators: one series at a time as a row of step values with a presence mask, and a
// second column of native histograms where the series has any. A row belongs to its stream and is valid
// until next(); the consumer may change its values in place, but never a histogram, which rows share.
import type { LabelBytes } from '@weir/model';
import type { Histogram } from '../histogram/histogram.ts';
import type { SeriesOrigin } from '../queryable.ts';
import type { Context } from './context.ts';
import { executionError } from './errors.ts';
import { LabelTable } from './label-sets.ts';

const EMPTY = new Uint8Array(0);

/** What a row has at a step. */
export const ABSENT = 0;
export const FLOAT = 1;
export const HISTOGRAM = 2;

export class Row {
  labels: LabelBytes = EMPTY;
  /** The metric name is to be dropped at the end (delayed name removal). */
  dropName = false;
  readonly v: Float64Array;
  /** ABSENT, FLOAT or HISTOGRAM. NaN is a float like any other. */
  readonly p: Uint8Array;
  /** Where `p` is HISTOGRAM; undefined in a row without any, which is what operators ask first. */
  h: (Histogram | undefined)[] | undefined;
  /** The stream whose current series this row is of, if it is one's and its labels still are `originLabels`. */
  origin: SeriesOrigin | undefined;
  originLabels: LabelBytes = EMPTY;

  constructor(count: number, v = new Float64Array(count), p = new Uint8Array(count)) {
    this.v = v;
    this.p = p;
  }

  isEmpty(): boolean {
    if (this.p.indexOf(FLOAT) >= 0) return false;
    return this.h === undefined || this.p.indexOf(HISTOGRAM) < 0;
  }

  setHistogram(step: number, histogram: Histogram): void {
    this.h ??= new Array(this.p.length);
    this.h[step] = histogram;
    this.p[step] = HISTOGRAM;
  }

  /** Keeps floats alone; true if there was a histogram. */
  dropHistograms(): boolean {
    if (this.h === undefined) return false;
    let any = false;
    for (let step = 0; step < this.p.length; step++) {
      if (this.p[step] !== HISTOGRAM) continue;
      this.p[step] = ABSENT;
      any = true;
    }
    this.h = undefined;
    return any;
  }

  /** Takes over what another row has, in its own columns. */
  take(row: Row): void {
    this.labels = row.labels;
    this.dropName = row.dropName;
    this.v.set(row.v);
    this.p.set(row.p);
    this.h = row.h?.slice();
  }
}

export interface RowStream {
  readonly row: Row;
  /** A promise only when more has to be read. */
  next(): boolean | Promise<boolean>;
  close(): void;
  /** All rows, where the stream has them in memory anyway; not to be changed. */
  readonly kept?: readonly Row[];
}

/** Feeds every row to `visit`, giving way to other work now and then; closes the stream. */
export async function forEachRow(
  input: RowStream,
  context: Context,
  visit: (row: Row) => void,
): Promise<void> {
  try {
    for (;;) {
      const next = input.next();
      if (!(typeof next === 'boolean' ? next : await next)) return;
      visit(input.row);
      const pause = context.pace();
      if (pause !== undefined) await pause;
    }
  } finally {
    input.close();
  }
}

/** Changes each row in place; rows for which `change` returns false are left out. */
export function mapRows(input: RowStream, change: (row: Row) => boolean): RowStream {
  const { row } = input;
  const later = async (more: Promise<boolean>): Promise<boolean> => {
    if (!(await more)) return false;
    return change(row) ? true : next();
  };
  const next = (): boolean | Promise<boolean> => {
    for (;;) {
      const more = input.next();
      if (typeof more !== 'boolean') return later(more);
      if (!more) return false;
      if (change(row)) return true;
    }
  };
  return { row, next, close: () => input.close() };
}

/** Rows kept side by side: operands of binary operators, groups of topk, results. */
export class RowSet {
  readonly rows: Row[];
  readonly #context: Context;
  #slab: RowSlab | undefined;

  constructor(context: Context, rows: Row[] = []) {
    this.#context = context;
    this.rows = rows;
  }

  static async of(input: RowStream, context: Context): Promise<RowSet> {
    if (input.kept !== undefined) return new RowSet(context, [...input.kept]);
    const set = new RowSet(context);
    await forEachRow(input, context, (row) => set.add(row));
    return set;
  }

  /** Keeps a copy. */
  add(row: Row): Row {
    this.#slab ??= new RowSlab(row.v.length);
    const copy = this.#slab.copy(row);
    this.#context.budget.hold(copy.v.length);
    this.rows.push(copy);
    return copy;
  }

  stream(count: number): RowStream {
    return streamOf(this.rows, count);
  }
}

const ROWS_PER_SLAB = 64;

/** Makes rows in batches: one allocation for many, since small typed arrays are dear. */
export class RowSlab {
  readonly #count: number;
  #v: Float64Array<ArrayBuffer> | undefined;
  #p: Uint8Array<ArrayBuffer> | undefined;
  #used = 0;
  #size = 1;

  constructor(count: number) {
    this.#count = count;
  }

  make(): Row {
    const count = this.#count;
    if (this.#v === undefined || this.#p === undefined || this.#used === this.#size) {
      // The first slab is small: most results are.
      this.#size = this.#v === undefined ? 4 : ROWS_PER_SLAB;
      this.#v = new Float64Array(count * this.#size);
      this.#p = new Uint8Array(count * this.#size);
      this.#used = 0;
    }
    const from = this.#used++ * count;
    return new Row(
      count,
      this.#v.subarray(from, from + count),
      this.#p.subarray(from, from + count),
    );
  }

  copy(row: Row): Row {
    const copy = this.make();
    copy.take(row);
    copy.labels = row.labels.slice();
    return copy;
  }
}

/** Streams kept rows; consumers get copies, so that rows can be streamed again. */
export function streamOf(rows: readonly Row[], count: number): RowStream {
  const row = new Row(count);
  let at = 0;
  return {
    row,
    kept: rows,
    next() {
      const kept = rows[at++];
      if (kept === undefined) return false;
      row.take(kept);
      return true;
    },
    close() {},
  };
}

export const SAME_LABELS = 'vector cannot contain metrics with the same labelset';

/** Rows by labels: rows with equal labels become one, which is an error where both have a value. */
export class MergedRows {
  readonly rows: Row[] = [];
  readonly #table = new LabelTable();
  readonly #context: Context;
  readonly #apart: boolean;
  #slab: RowSlab | undefined;

  /** `apart`: none of the rows may have another one's labels. */
  constructor(context: Context, apart = false) {
    this.#context = context;
    this.#apart = apart;
  }

  add(row: Row): void {
    const number = this.#table.add(row.labels);
    const kept = this.rows[number];
    if (kept === undefined) {
      this.#context.budget.hold(row.v.length);
      this.#slab ??= new RowSlab(row.v.length);
      const copy = this.#slab.copy(row);
      copy.labels = this.#table.keys[number]!;
      this.rows.push(copy);
      return;
    }
    kept.dropName ||= row.dropName;
    if (this.#apart || !mergeInto(kept, row)) throw executionError(SAME_LABELS);
  }
}

/** Adds the values of `from`; false where both have one. */
export function mergeInto(into: Row, from: Row): boolean {
  for (let step = 0; step < from.p.length; step++) {
    if (from.p[step] === ABSENT) continue;
    if (into.p[step] !== ABSENT) return false;
    if (from.p[step] === HISTOGRAM) into.setHistogram(step, from.h![step]!);
    else {
      into.p[step] = FLOAT;
      into.v[step] = from.v[step]!;
    }
  }
  return true;
}
