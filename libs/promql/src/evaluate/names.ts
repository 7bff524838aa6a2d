// Dropping metric names: at once, or (delayed name removal) marked and done at the very end, so that
// label functions still see the name.
import type { LabelBytes } from '@weir/model';
import type { Context } from './context.ts';
import { LabelProjection } from './label-sets.ts';
import { forEachRow, MergedRows, mapRows, type Row, type RowStream, streamOf } from './rows.ts';

export class NameDropper {
  readonly delayed: boolean;
  readonly #projection: LabelProjection;
  readonly #context: Context;

  constructor(context: Context) {
    const { delayedNameRemoval, typeAndUnitLabels } = context.settings;
    const names = typeAndUnitLabels ? ['__name__', '__type__', '__unit__'] : ['__name__'];
    this.delayed = delayedNameRemoval === true;
    this.#projection = new LabelProjection(names, 'drop');
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
    const dropped = mapRows(input, (row) => {
      this.drop(row);
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
