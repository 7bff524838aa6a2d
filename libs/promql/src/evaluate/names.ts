// Dropping metric names, and types and units with them: at once, or (delayed name removal) marked and done at the very
// end, so that label functions still see the name.
import type { LabelBytes } from '@weir/model';
import type { Context } from './context.ts';
import { executionError } from './errors.ts';
import { LabelProjection, LabelTable } from './label-sets.ts';
import {
  forEachRow,
  MergedRows,
  mapRows,
  type Row,
  type RowStream,
  SAME_LABELS,
  streamOf,
} from './rows.ts';

/** Labels that say what a metric is, and go when a value is no longer that. */
export const NAMING_LABELS: readonly string[] = ['__name__', '__type__', '__unit__'];

export class NameDropper {
  readonly delayed: boolean;
  readonly #projection: LabelProjection;
  readonly #context: Context;

  constructor(context: Context) {
    this.delayed = context.settings.delayedNameRemoval === true;
    this.#projection = new LabelProjection(NAMING_LABELS, 'drop');
    this.#context = context;
  }

  /** Valid until the next call. */
  without(labels: LabelBytes): LabelBytes {
    return this.#projection.project(labels);
  }

  /** The row's labels are valid until the next call. */
  drop(row: Row): void {
    if (this.delayed) row.dropName = true;
    else row.labels = this.#projection.project(row.labels);
  }

  /**
   * Drops the names of all rows. Where that makes labels equal, such rows become one if they have no step in
   * common; `apart`: that is an error, too.
   */
  async dropAll(input: RowStream, unique: boolean, apart = false): Promise<RowStream> {
    if (this.#context.keepsNames) return input;
    // Series of one name can differ in type and unit; in label order those that have one come first.
    const typed = new LabelTable();
    const dropped = mapRows(input, (row) => {
      this.drop(row);
      if (this.delayed || !unique || !apart) return true;
      const isTyped = this.#projection.removed > 1;
      if (!isTyped && typed.size === 0) return true;
      if (typed.find(row.labels) >= 0) throw executionError(SAME_LABELS);
      if (isTyped) typed.add(row.labels);
      return true;
    });
    if (this.delayed || unique) return dropped;
    const merged = new MergedRows(this.#context, apart);
    await forEachRow(dropped, this.#context, (row) => merged.add(row));
    return streamOf(merged.rows, input.row.v.length);
  }

  /** What delayed removal left to do. */
  finish(row: Row): void {
    if (!row.dropName) return;
    row.labels = this.#projection.project(row.labels);
    row.dropName = false;
  }
}
