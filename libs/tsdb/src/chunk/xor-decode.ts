// Decodes Prometheus's XOR chunks. The input may be damaged or hostile, so every read is checked, but
// not byte by byte: the chunk is copied in front of spare bytes and the position is checked once a
// sample. That copy also keeps this function fast: one read past the end of a typed array would make V8
// drop its optimised code for good.
import { WeirError } from '@weir/errors';
import type { SampleColumns } from '@weir/model';

/** More than the longest sample: 4 + 64 bits of time, 13 + 64 of value; and the first sample's varint. */
const SPARE_BYTES = 40;

let scratch = new Uint8Array(4096 + SPARE_BYTES);
let view = new DataView(scratch.buffer);

/** The current sample; module state, so that a decode allocates nothing. */
let position = 0;

let viewedValues = new Float64Array(0);
let viewedBits = new Int32Array(0);

function load(bytes: Uint8Array): void {
  const size = bytes.length + SPARE_BYTES;
  if (size > scratch.length) {
    scratch = new Uint8Array(size * 2);
    view = new DataView(scratch.buffer);
  }
  scratch.set(bytes);
}

/** Reads 1 to 25 bits. */
function readShort(size: number): number {
  const word = view.getInt32(position >>> 3) << (position & 7);
  position += size;
  return word >>> (32 - size);
}

/** Reads 32 bits as a signed word. */
function readWord(): number {
  const byte = position >>> 3;
  const shift = position & 7;
  position += 32;
  return (view.getInt32(byte) << shift) | (view.getUint8(byte + 4) >>> (8 - shift));
}

/** Reads 1 to 32 bits. */
function readBits(size: number): number {
  if (size <= 25) return readShort(size);
  const high = readShort(size - 16);
  return (high << 16) | readShort(16);
}

/** A byte-aligned-or-not base-128 varint; values beyond 2^53 lose precision, as nothing valid has them. */
function readVarint(): number {
  let value = 0;
  let scale = 1;
  for (let count = 0; count < 10; count++) {
    const byte = readShort(8);
    value += (byte & 127) * scale;
    if (byte < 128) return value;
    scale *= 128;
  }
  throw new WeirError('corrupt', 'XOR chunk: varint is longer than ten bytes');
}

function readDeltaOfDelta(): number {
  const prefix = view.getInt32(position >>> 3) << (position & 7);
  if (prefix >= 0) {
    position += 1;
    return 0;
  }
  if ((prefix & 0x40000000) === 0) {
    position += 2;
    return signed(readShort(14), 14);
  }
  if ((prefix & 0x20000000) === 0) {
    position += 3;
    return signed(readShort(17), 17);
  }
  position += 4;
  if ((prefix & 0x10000000) === 0) return signed(readShort(20), 20);
  const high = readWord();
  return high * 4294967296 + (readWord() >>> 0);
}

/** Prometheus's ranges are (-2^(n-1), 2^(n-1)], so the one pattern of 2^(n-1) is positive. */
function signed(bits: number, size: number): number {
  return bits > 1 << (size - 1) ? bits - (1 << size) : bits;
}

/** Samples in a chunk, from its header. */
export function chunkSampleCount(bytes: Uint8Array): number {
  if (bytes.length < 2) throw new WeirError('corrupt', `chunk of ${bytes.length} bytes`);
  return (bytes[0]! << 8) | bytes[1]!;
}

function viewBits(values: Float64Array): Int32Array {
  if (viewedValues !== values) {
    viewedValues = values as Float64Array<ArrayBuffer>;
    viewedBits = new Int32Array(values.buffer as ArrayBuffer, values.byteOffset, values.length * 2);
  }
  return viewedBits;
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
  const count = chunkSampleCount(bytes);
  if (count === 0) return;
  // A sample takes at least two bits: a lying count must not make us reserve memory.
  const end = bytes.length * 8;
  if ((count - 1) * 2 + 88 > end)
    throw new WeirError('corrupt', 'XOR chunk: shorter than its count');
  load(bytes);
  out.reserve(count);
  const times = out.t;
  const bits = viewBits(out.v);
  let written = out.count;
  position = 16;
  const zigzag = readVarint();
  let t = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  let high = readWord();
  let low = readWord();
  let delta = 0;
  let leading = 0;
  let trailing = 0;
  for (let index = 0; ; ) {
    if (position > end) throw new WeirError('corrupt', `XOR chunk: sample ${index} is cut off`);
    if (t > maxT) break;
    if (t >= minT) {
      times[written] = t;
      bits[2 * written] = low;
      bits[2 * written + 1] = high;
      written++;
    }
    if (++index === count) break;
    if (index === 1) delta = readVarint();
    else delta += readDeltaOfDelta();
    t += delta;
    const control = view.getInt32(position >>> 3) << (position & 7);
    if (control >= 0) {
      position += 1;
      continue;
    }
    position += 2;
    if ((control & 0x40000000) !== 0) {
      const header = readShort(11);
      leading = header >>> 6;
      const size = header & 63;
      trailing = 64 - leading - (size === 0 ? 64 : size);
      if (trailing < 0) throw new WeirError('corrupt', 'XOR chunk: value wider than 64 bits');
    }
    const size = 64 - leading - trailing;
    if (trailing >= 32) {
      high ^= readBits(size) << (trailing - 32);
    } else {
      const top = size > 32 ? readBits(size - 32) : 0;
      const rest = readBits(Math.min(size, 32));
      low ^= rest << trailing;
      high ^= trailing === 0 ? top : (top << trailing) | (rest >>> (32 - trailing));
    }
  }
  out.count = written;
}
