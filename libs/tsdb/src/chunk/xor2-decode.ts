// Reads Prometheus's XOR2 chunks (tsdb/docs/format/chunks.md, "XOR2 chunk data"). The bytes come from
// outside: anything but a whole, sensible chunk is `corrupt`.
import { WeirError } from '@weir/errors';
import type { SampleColumns } from '@weir/model';
import { BitReader } from './bits.ts';
import { CHUNK_XOR2, chunkSampleCount } from './chunk.ts';
import { StartState } from './start-timestamps.ts';
import { exact, NO_WINDOW, readChanged, readUvarint, readVarint, readWindow } from './varbit.ts';
import { viewBits } from './xor-decode.ts';
import { isStaleBits, STALE_HIGH, STALE_LOW, XOR2_HEADER_SIZE } from './xor2-format.ts';

const VALUE_BITS = 64;
/** How many ones announce a sample's time: none and one that its pace is kept, as do five (a marker). */
const AT_PACE = 0;
const AT_PACE_CHANGED = 1;
const STALE_AT_PACE = 5;
/** Bits of the change of pace, by the ones that announce it. */
const DOD_BITS = [0, 0, 13, 20] as const;

/** The last value that is no marker, low word first, and its window; decoding is synchronous. */
const value = new Int32Array(2);
const windows = new Uint8Array(2);

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
  out.reserve(count);
  const { t, st } = out;
  const bits = viewBits(out.v);
  const decoder = new Xor2Decoder(bytes);
  let at = out.count;
  for (let index = 0; index < count; index++) {
    decoder.step(index);
    if (decoder.t > maxT) break;
    if (decoder.t < minT) continue;
    t[at] = decoder.t;
    bits[2 * at] = decoder.isStale ? STALE_LOW : value[0]!;
    bits[2 * at + 1] = decoder.isStale ? STALE_HIGH : value[1]!;
    if (st !== undefined) st[at] = decoder.starts.st;
    at++;
  }
  out.count = at;
}

function checkedCount(bytes: Uint8Array): number {
  const count = chunkSampleCount(CHUNK_XOR2, bytes);
  // A byte of time and a value, then a bit a sample: a lying count must not make us reserve memory.
  const least = XOR2_HEADER_SIZE * 8 + 8 + VALUE_BITS + count - 1;
  if (count > 0 && least > bytes.length * 8) {
    throw new WeirError('corrupt', 'XOR2 chunk: shorter than its count');
  }
  return count;
}

class Xor2Decoder {
  readonly starts: StartState;
  /** Of the current sample; its value is in `value` where it is no marker. */
  t = 0;
  isStale = false;
  readonly #reader: BitReader;
  #delta = 0;

  constructor(bytes: Uint8Array) {
    this.#reader = new BitReader(bytes, XOR2_HEADER_SIZE * 8);
    this.starts = new StartState(bytes[2]!);
    windows.fill(NO_WINDOW);
    value.fill(0);
  }

  /** Moves to the sample with that number, the next. */
  step(index: number): void {
    const before = this.t;
    if (index === 0) this.#first();
    else if (index === 1) {
      this.#advance(readUvarint(this.#reader));
      this.#readValue();
    } else this.#next();
    this.starts.read(this.#reader, index, this.t, before);
  }

  #first(): void {
    const reader = this.#reader;
    this.t = readVarint(reader);
    const high = reader.read(32) | 0;
    const low = reader.read(32) | 0;
    this.isStale = isStaleBits(high, low);
    if (this.isStale) return;
    value[0] = low;
    value[1] = high;
  }

  #next(): void {
    const reader = this.#reader;
    const ones = reader.readOnes(STALE_AT_PACE);
    if (ones > AT_PACE_CHANGED && ones < STALE_AT_PACE) {
      this.#advance(this.#delta + this.#readDeltaOfDelta(ones));
      this.#readValue();
      return;
    }
    this.t += this.#delta;
    this.isStale = ones === STALE_AT_PACE;
    if (this.isStale || ones === AT_PACE) return;
    if (reader.read(1) === 1) readWindow(reader, windows, 0);
    readChanged(reader, value, 0, windows, 0);
  }

  #advance(delta: number): void {
    if (delta <= 0) throw new WeirError('corrupt', 'XOR2 chunk: time goes back');
    this.#delta = exact(delta);
    this.t = exact(this.t + delta);
  }

  #readDeltaOfDelta(ones: number): number {
    const reader = this.#reader;
    if (ones < DOD_BITS.length) {
      const unused = 32 - DOD_BITS[ones]!;
      return (reader.read(32 - unused) << unused) >> unused;
    }
    const high = reader.read(32) | 0;
    return exact(high * 4_294_967_296 + reader.read(32));
  }

  /** A value behind a time that tells nothing of it: the same, in the window, in a new one, or a marker. */
  #readValue(): void {
    const reader = this.#reader;
    const ones = reader.readOnes(3);
    this.isStale = ones === 3;
    if (this.isStale || ones === 0) return;
    if (ones === 2) readWindow(reader, windows, 0);
    readChanged(reader, value, 0, windows, 0);
  }
}
