// The fill modifiers: where a match group has series on one side only, a made-up one with the given value
// and the group's labels takes the other's place, step by step.
import type { LabelProjection } from './label-sets.ts';
import { LabelTable } from './label-sets.ts';
import { ABSENT, FLOAT, Row } from './rows.ts';

export interface FilledSide {
  readonly rows: readonly Row[];
  /** The value for what is missing on this side; undefined: nothing is filled in. */
  readonly fill: number | undefined;
}

/** The rows of both sides, completed; the same arrays where nothing is to be filled in. */
export function fillMissing(
  a: FilledSide,
  b: FilledSide,
  signature: LabelProjection,
  count: number,
): [readonly Row[], readonly Row[]] {
  if (a.fill === undefined && b.fill === undefined) return [a.rows, b.rows];
  const table = new LabelTable();
  const inA = presence(a.rows, table, signature, count);
  const inB = presence(b.rows, table, signature, count);
  const missing = (mine: Uint8Array[], other: Uint8Array[], fill: number | undefined): Row[] => {
    if (fill === undefined) return [];
    return table.keys.flatMap((labels, group) => {
      const row = new Row(count, new Float64Array(count).fill(fill));
      row.labels = labels;
      for (let step = 0; step < count; step++) {
        if (other[group]?.[step] === FLOAT && mine[group]?.[step] !== FLOAT) row.p[step] = FLOAT;
      }
      return row.isEmpty() ? [] : [row];
    });
  };
  return [
    [...a.rows, ...missing(inA, inB, a.fill)],
    [...b.rows, ...missing(inB, inA, b.fill)],
  ];
}

/** By match group: FLOAT at the steps at which any of its series has a sample. */
function presence(
  rows: readonly Row[],
  table: LabelTable,
  signature: LabelProjection,
  count: number,
): Uint8Array[] {
  const masks: Uint8Array[] = [];
  for (const row of rows) {
    const group = table.add(signature.project(row.labels));
    masks[group] ??= new Uint8Array(count);
    const mask = masks[group];
    for (let step = 0; step < count; step++) if (row.p[step] !== ABSENT) mask[step] = FLOAT;
  }
  return masks;
}
