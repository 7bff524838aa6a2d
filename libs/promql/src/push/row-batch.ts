// What an owner answers to a part of a plan.
import type { Note } from '../evaluate/annotations.ts';

/** Rows, or groups with what their operator needs beside the value: the first `count` × `steps` of each column. */
export interface RowBatch {
  readonly kind: 'rows';
  readonly count: number;
  readonly steps: number;
  /** Labels one after the other, and where each ends. */
  readonly labels: Uint8Array;
  readonly ends: Int32Array;
  readonly v: Float64Array;
  readonly p: Uint8Array;
  /** Of groups; else empty. */
  readonly extra: Float64Array;
  readonly counts: Float64Array;
}

export type PartMessage =
  | RowBatch
  /** Two words each of series that were read. */
  | { readonly kind: 'prints'; readonly words: Uint32Array }
  /** The last one. A declined answer is none. */
  | { readonly kind: 'end'; readonly declined: boolean; readonly notes: readonly Note[] };
