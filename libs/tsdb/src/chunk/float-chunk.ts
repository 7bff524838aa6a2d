// Chunks of floats of either encoding: which one a chunk is in, and which one samples need.
import { WeirError } from '@weir/errors';
import type { SampleColumns } from '@weir/model';
import { CHUNK_XOR, CHUNK_XOR2, type Chunk } from './chunk.ts';
import { decodeXorChunk } from './xor-decode.ts';
import { encodeXorChunk } from './xor-encode.ts';
import { decodeXor2Chunk } from './xor2-decode.ts';
import { encodeXor2Chunk } from './xor2-encode.ts';

/**
 * Appends the samples of a float chunk with minT ≤ t ≤ maxT to `out`, with their start timestamps where `out`
 * has room for these. Throws `corrupt` on a damaged chunk, `invalid` on an encoding that isn't a float's.
 */
export function decodeFloatChunk(
  encoding: number,
  bytes: Uint8Array,
  out: SampleColumns,
  minT: number,
  maxT: number,
): void {
  if (encoding === CHUNK_XOR) decodeXorChunk(bytes, out, minT, maxT);
  else if (encoding === CHUNK_XOR2) decodeXor2Chunk(bytes, out, minT, maxT);
  else throw new WeirError('invalid', `chunk encoding ${encoding} is not a float's`);
}

/** Samples [from, to), at least one and at most 65,535, as one chunk: XOR2 where one has a start timestamp. */
export function encodeFloatChunk(columns: SampleColumns, from: number, to: number): Chunk {
  const { t, v } = columns;
  const [minT, maxT] = [t[from]!, t[to - 1]!];
  return knowsStart(columns, from, to)
    ? { minT, maxT, encoding: CHUNK_XOR2, bytes: encodeXor2Chunk(columns, from, to) }
    : { minT, maxT, encoding: CHUNK_XOR, bytes: encodeXorChunk(t, v, from, to) };
}

function knowsStart({ st }: SampleColumns, from: number, to: number): boolean {
  if (st === undefined) return false;
  for (let at = from; at < to; at++) if (st[at] !== 0) return true;
  return false;
}
