// What flows between operators: one series at a time as a row of step values with a presence mask.
// A row belongs to its stream and is valid until next(); the consumer may change its values in place.
import type { LabelBytes } from '@weir/model';
import type { Context } from './context.ts';
import { executionError } from './errors.ts';
import { LabelTable } from './label-sets.ts';

const EMPTY = new Uint8Array(0);

export class Row {
  labels: LabelBytes = EMPTY;
  /** The metric name is to be dropped at the end (delayed name removal). */
  dropName = false;
  readonly v: Float64Array;
  /** 1 where the series has a value. NaN is a value like any other. */
  readonly p: Uint8Array;

  constructor(count: number) {
    this.v = new Float64Array(count);
    this.p = new Uint8Array(count);
  }

  isEmpty(): boolean {
    return this.p.indexOf(1) < 0;
  }
}

export interface RowStream {
  readonly row: Row;
  /** A promise only when more has to be read. */
  next(): boolean | Promise<boolean>;
  close(): void;
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
  readonly rows: Row[] = [];
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  static async of(input: RowStream, context: Context): Promise<RowSet> {
    const set = new RowSet(context);
    await forEachRow(input, context, (row) => set.add(row));
    return set;
  }

  /** Keeps a copy. */
  add(row: Row): Row {
    const copy = copyRow(row);
    this.#context.budget.hold(copy.v.length);
    this.rows.push(copy);
    return copy;
  }

  stream(count: number): RowStream {
    return streamOf(this.rows, count);
  }
}

export function copyRow(row: Row): Row {
  const copy = new Row(row.v.length);
  copy.labels = row.labels.slice();
  copy.dropName = row.dropName;
  copy.v.set(row.v);
  copy.p.set(row.p);
  return copy;
}

/** Streams kept rows; consumers get copies, so that rows can be streamed again. */
export function streamOf(rows: readonly Row[], count: number): RowStream {
  const row = new Row(count);
  let at = 0;
  return {
    row,
    next() {
      const kept = rows[at++];
      if (kept === undefined) return false;
      row.labels = kept.labels;
      row.dropName = kept.dropName;
      row.v.set(kept.v);
      row.p.set(kept.p);
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

  constructor(context: Context) {
    this.#context = context;
  }

  add(row: Row): void {
    const number = this.#table.add(row.labels);
    const kept = this.rows[number];
    if (kept === undefined) {
      this.#context.budget.hold(row.v.length);
      this.rows.push(copyRow(row));
      return;
    }
    kept.dropName ||= row.dropName;
    if (!mergeInto(kept, row)) throw executionError(SAME_LABELS);
  }
}

/** Adds the values of `from`; false where both have one. */
export function mergeInto(into: Row, from: Row): boolean {
  for (let step = 0; step < from.p.length; step++) {
    if (from.p[step] === 0) continue;
    if (into.p[step] === 1) return false;
    into.p[step] = 1;
    into.v[step] = from.v[step]!;
  }
  return true;
}
