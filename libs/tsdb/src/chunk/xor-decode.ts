// Decodes Prometheus's XOR chunks, in WebAssembly. The input may be damaged or hostile: a count that the bytes cannot have is
// refused before memory is taken for it, and the kernel looks whether the samples ended before the bytes did.
import { WeirError } from '@weir/errors';
import type { SampleColumns } from '@weir/model';
import { CHUNK_XOR, chunkSampleCount } from './chunk.ts';
import { alignUp, chunkBytesMax, chunkRoom, damaged, INPUT_AT, xorKernel } from './xor-kernel.ts';

/** Up to here copying one by one is cheaper than making views. */
const COPIED_MAX = 32;

let viewedValues = new Float64Array(0);
let viewedBits = new Int32Array(0);

/** As chunkSampleCount; a chunk that is too short for its samples is `corrupt`. */
export function checkedSampleCount(bytes: Uint8Array): number {
  const count = chunkSampleCount(CHUNK_XOR, bytes);
  // A sample takes at least two bits: a lying count must not make us reserve memory.
  if (count > 0 && (count - 1) * 2 + 88 > bytes.length * 8) {
    throw new WeirError('corrupt', 'XOR chunk: shorter than its count');
  }
  return count;
}

/** Without what lies behind as many samples as there are, however long they are. */
export function possibleBytes(bytes: Uint8Array, count: number): Uint8Array {
  const most = chunkBytesMax(count);
  return bytes.length > most ? bytes.subarray(0, most) : bytes;
}

/**
 * Appends the chunk's samples with minT ≤ t ≤ maxT to `out`, stopping at the first one past maxT.
 * Values keep their bits, NaN payloads included. Throws `corrupt` on a damaged chunk.
 */
export function decodeXorChunk(
  bytes: Uint8Array,
  out: SampleColumns,
  minT: number,
  maxT: number,
): void {
  const count = checkedSampleCount(bytes);
  if (count === 0) return;
  const kernel = xorKernel();
  const chunk = possibleBytes(bytes, count);
  const times = alignUp(INPUT_AT + chunkRoom(count));
  const values = times + count * 8;
  kernel.grow(values + count * 8);
  kernel.bytes.set(chunk, INPUT_AT);
  const { length } = chunk;
  const written = kernel.code.decodeBytes(INPUT_AT, length, count, minT, maxT, times, values);
  if (written < 0) throw damaged(written);
  const from = out.count;
  appendSamples(out, kernel.floats, kernel.words, times, values, written);
  out.st?.fill(0, from, out.count);
}

/** Times and values from the kernel's memory; room for start timestamps is made, and left as it is. */
export function appendSamples(
  out: SampleColumns,
  floats: Float64Array,
  words: Int32Array,
  times: number,
  values: number,
  count: number,
): void {
  out.reserve(count);
  const { t, v, count: from } = out;
  const timesAt = times >>> 3;
  const valuesAt = values >>> 3;
  out.count = from + count;
  if (count > COPIED_MAX) {
    t.set(floats.subarray(timesAt, timesAt + count), from);
    v.set(floats.subarray(valuesAt, valuesAt + count), from);
    return;
  }
  const bits = viewBits(v);
  for (let index = 0; index < count; index++) {
    t[from + index] = floats[timesAt + index]!;
    // As words: a number that passes through the runtime may lose a NaN's payload.
    bits[2 * (from + index)] = words[2 * (valuesAt + index)]!;
    bits[2 * (from + index) + 1] = words[2 * (valuesAt + index) + 1]!;
  }
}

/** Values as their bits, low word first. */
export function viewBits(values: Float64Array): Int32Array {
  if (viewedValues !== values) {
    viewedValues = values as Float64Array<ArrayBuffer>;
    viewedBits = new Int32Array(values.buffer as ArrayBuffer, values.byteOffset, values.length * 2);
  }
  return viewedBits;
}
