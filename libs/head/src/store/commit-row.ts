// The row that commits a checkpoint: where in the log it stands, and the few numbers that the images of
// slabs need beside themselves.
import { text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { ArenaState } from '../series/byte-arena.ts';
import { FORMAT_VERSION } from './rows.ts';

export interface CommitRow {
  readonly format: number;
  readonly epoch: number;
  readonly position: number;
  /** Null before the first record. */
  readonly logTimeMs: number | null;
  readonly youngRecords: number;
  /** Epochs whose checkpoint was cut short. */
  readonly aborted: readonly number[];
  readonly series: number;
  /** Refs below this were used. */
  readonly refs: number;
  /** Blocks that were ever taken, and the first free one of them; 0 is none. */
  readonly blocks: { readonly allocated: number; readonly free: number };
  readonly labels: ArenaState;
  readonly pairs: ArenaState;
}

export function encodeCommit(row: CommitRow): Uint8Array {
  return utf8(JSON.stringify(row));
}

/** Throws `corrupt` for another format than this version's. */
export function decodeCommit(bytes: Uint8Array): CommitRow {
  const row = JSON.parse(text(bytes)) as CommitRow;
  if (row.format !== FORMAT_VERSION) {
    throw new WeirError('corrupt', `head store of format ${row.format}, not ${FORMAT_VERSION}`);
  }
  return row;
}
