// Decodes Prometheus's XOR2 chunks, floats with start timestamps, in WebAssembly, as XOR chunks are. The input may be damaged or
// hostile: a count that the bytes cannot have is refused before memory is taken for it.
import { WeirError } from '@weir/errors';
import type { SampleColumns } from '@weir/model';
import { CHUNK_XOR2, chunkSampleCount } from './chunk.ts';
import { appendSamples } from './xor-decode.ts';
import { alignUp, damaged, INPUT_AT, SPARE_BYTES, xorKernel } from './xor-kernel.ts';
import { XOR2_HEADER_SIZE } from './xor2-format.ts';

/** More than a header and the first two samples. */
const FIRST_BYTES_MAX = 64;
/** The longest other one: 5 + 64 bits of time, 14 + 64 of value, 8 + 64 of start. */
const SAMPLE_BYTES_MAX = 28;

/**
 * Appends the chunk's samples with minT ≤ t ≤ maxT to `out`, stopping at the first one past maxT, with their
 * start timestamps where `out` has room for these. Values keep their bits. Throws `corrupt` on a damaged chunk.
 */
export function decodeXor2Chunk(
  bytes: Uint8Array,
  out: SampleColumns,
  minT: number,
  maxT: number,
): void {
  const count = checkedCount(bytes);
  if (count === 0) return;
  const kernel = xorKernel();
  const most = FIRST_BYTES_MAX + count * SAMPLE_BYTES_MAX;
  const chunk = bytes.length > most ? bytes.subarray(0, most) : bytes;
  const times = alignUp(INPUT_AT + most + SPARE_BYTES);
  const values = times + count * 8;
  const starts = values + count * 8;
  kernel.grow(starts + count * 8);
  kernel.bytes.set(chunk, INPUT_AT);
  const { code, floats } = kernel;
  const { length } = chunk;
  const written = code.decodeXor2(INPUT_AT, length, count, minT, maxT, times, values, starts);
  if (written < 0) throw damaged(written);
  const from = out.count;
  appendSamples(out, floats, kernel.words, times, values, written);
  out.st?.set(floats.subarray(starts >>> 3, (starts >>> 3) + written), from);
}

function checkedCount(bytes: Uint8Array): number {
  const count = chunkSampleCount(CHUNK_XOR2, bytes);
  // A byte of time and a value, then a bit a sample: a lying count must not make us reserve memory.
  const least = XOR2_HEADER_SIZE * 8 + 72 + count - 1;
  if (count > 0 && least > bytes.length * 8) {
    throw new WeirError('corrupt', 'XOR2 chunk: shorter than its count');
  }
  return count;
}
