// Zstandard (RFC 8878) for answers, where Node.js has none: one frame of any length, a block for every 64 KiB of
// it, without size and checksum. Matches are taken as they are found, the last of their hash: answers become as small
// as level 1 of the reference encoder makes them. An encoder holds some 1.5 MB.
import { BitWriter } from './bit-writer.ts';
import { HuffmanEncoder } from './huffman-encoder.ts';
import { SequenceEncoder } from './sequence-encoder.ts';

const HEADER = Uint8Array.of(
  ...[0x28, 0xb5, 0x2f, 0xfd],
  0, // neither size, checksum nor dictionary
  8 << 3, // a window of 2^(10 + 8)
);
const WINDOW_BYTES = 1 << 18;
const BLOCK_BYTES = 1 << 16;
const BUFFER_BYTES = 2 * WINDOW_BYTES + BLOCK_BYTES;
const BLOCK_HEADER_BYTES = 3;
const RAW_BLOCK = 0;
const COMPRESSED_BLOCK = 2;
const MATCH_MIN_BYTES = 4;
/** Of matches elsewhere than the last ones: shorter ones cost more than their bytes. */
const NEW_MATCH_MIN_BYTES = 7;
const HASH_BITS = 16;
/** So many bytes without a match, and one more is skipped each time. */
const SKIP_SHIFT = 6;
/** What is read at once from where a match may be. */
const TAIL_BYTES = 8;

export class ZstdEncoder {
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  /** What is in the buffer, and how much of it is encoded. */
  #size = 0;
  #encoded = 0;
  /** Places in the buffer plus one, by the hash of as many bytes as a new match has. */
  readonly #places = new Int32Array(1 << HASH_BITS);
  /** How far back the last matches were. */
  readonly #recent = [1, 4, 8];
  readonly #literals = new Uint8Array(BLOCK_BYTES);
  #literalsSize = 0;
  readonly #sequences = new SequenceEncoder(BLOCK_BYTES, MATCH_MIN_BYTES);
  readonly #huffman = new HuffmanEncoder();
  /** Larger than any block that is kept. */
  readonly #out = new BitWriter(BLOCK_BYTES + 1024);
  #begun = false;

  /**
   * Takes bytes and returns what of the frame is ready: nothing, while they don't fill a block. Many bytes take
   * long: whoever has other work gives them in pieces.
   */
  write(bytes: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + BLOCK_BYTES - (this.#size - this.#encoded));
      this.#buffer.set(bytes.subarray(at, end), this.#size);
      this.#size += end - at;
      at = end;
      if (this.#size - this.#encoded === BLOCK_BYTES) parts.push(this.#block(false));
    }
    return parts.length === 1 ? parts[0]! : concatenated(parts);
  }

  /** The rest of the frame. The encoder then begins another. */
  end(): Uint8Array {
    const last = this.#block(true);
    this.#size = 0;
    this.#encoded = 0;
    this.#places.fill(0);
    this.#recent.splice(0, 3, 1, 4, 8);
    this.#begun = false;
    return last;
  }

  #block(last: boolean): Uint8Array {
    const out = this.#out;
    out.at = 0;
    if (!this.#begun) out.append(HEADER, 0, HEADER.length);
    this.#begun = true;
    const [from, to] = [this.#encoded, this.#size];
    const headerAt = out.at;
    out.at += BLOCK_HEADER_BYTES;
    const [nearest, second, third] = this.#recent as [number, number, number];
    this.#findMatches(from, to);
    this.#huffman.write(this.#literals, this.#literalsSize, out);
    this.#sequences.write(out);
    const size = out.at - headerAt - BLOCK_HEADER_BYTES;
    let type = COMPRESSED_BLOCK;
    if (size >= to - from) {
      type = RAW_BLOCK;
      out.at = headerAt + BLOCK_HEADER_BYTES;
      out.append(this.#buffer, from, to);
      this.#recent.splice(0, 3, nearest, second, third);
    }
    const stored = out.at - headerAt - BLOCK_HEADER_BYTES;
    const header = (last ? 1 : 0) | (type << 1) | (stored << 3);
    for (let index = 0; index < BLOCK_HEADER_BYTES; index++) {
      out.bytes[headerAt + index] = header >> (8 * index);
    }
    this.#encoded = to;
    this.#slide();
    return out.bytes.slice(0, out.at);
  }

  /** Makes room for the next block, keeping a window. */
  #slide(): void {
    if (this.#size + BLOCK_BYTES <= BUFFER_BYTES) return;
    const gone = this.#size - WINDOW_BYTES;
    this.#buffer.copyWithin(0, gone, this.#size);
    this.#size = WINDOW_BYTES;
    this.#encoded = WINDOW_BYTES;
    const places = this.#places;
    for (let at = 0; at < places.length; at++) places[at] = Math.max(0, places[at]! - gone);
  }

  /** Fills the literals and sequences of buffer[from, to). */
  #findMatches(from: number, to: number): void {
    const places = this.#places;
    this.#literalsSize = 0;
    this.#sequences.clear();
    let done = from;
    let at = from;
    const end = to - TAIL_BYTES;
    while (at < end) {
      const [nearest, second] = this.#recent as [number, number];
      // Rows like two others in turn; and what comes behind a number that differs.
      if (at === done && this.#repeats(at, second)) at = this.#take(done, at, second, to);
      else if (this.#repeats(at + 1, nearest)) at = this.#take(done, at + 1, nearest, to);
      else {
        const hash = this.#hash(at);
        const place = places[hash]! - 1;
        places[hash] = at + 1;
        if (!this.#matchesNew(at, place)) {
          at += 1 + ((at - done) >> SKIP_SHIFT);
          continue;
        }
        at = this.#take(done, at, at - place, to);
      }
      done = at;
    }
    this.#append(done, to);
  }

  #repeats(at: number, distance: number): boolean {
    const view = this.#view;
    return at >= distance && view.getInt32(at, true) === view.getInt32(at - distance, true);
  }

  #matchesNew(at: number, place: number): boolean {
    if (place < 0 || at - place > WINDOW_BYTES) return false;
    const view = this.#view;
    const behind = NEW_MATCH_MIN_BYTES - 4;
    return (
      view.getInt32(at, true) === view.getInt32(place, true) &&
      view.getInt32(at + behind, true) === view.getInt32(place + behind, true)
    );
  }

  #hash(at: number): number {
    const low = Math.imul(this.#view.getInt32(at, true), 0x9e3779b1);
    const high = Math.imul(this.#view.getInt32(at + NEW_MATCH_MIN_BYTES - 4, true), 0x85ebca6b);
    return (low ^ high) >>> (32 - HASH_BITS);
  }

  /** Takes the match at a place that lies so far back, and of what is behind it; returns where it ends. */
  #take(done: number, place: number, distance: number, to: number): number {
    const [buffer, view, places] = [this.#buffer, this.#view, this.#places];
    let start = place;
    let from = place - distance;
    while (start > done && from > 0 && buffer[start - 1] === buffer[from - 1]) {
      start--;
      from--;
    }
    let end = place + MATCH_MIN_BYTES;
    while (end + 4 <= to && view.getInt32(end, true) === view.getInt32(end - distance, true)) {
      end += 4;
    }
    while (end < to && buffer[end] === buffer[end - distance]) end++;
    this.#append(done, start);
    this.#sequences.add(start - done, end - start, this.#offset(distance, start - done));
    if (end < to - TAIL_BYTES) {
      places[this.#hash(place + 2)] = place + 3;
      places[this.#hash(end - 2)] = end - 1;
    }
    return end;
  }

  /** A distance as the format says it: one of the last three by a small number. */
  #offset(distance: number, literals: number): number {
    const recent = this.#recent;
    const [nearest, second, third] = recent as [number, number, number];
    const shift = literals === 0 ? 1 : 0;
    if (distance === nearest && shift === 0) return 1;
    recent[0] = distance;
    recent[1] = nearest;
    if (distance === second) return 2 - shift;
    recent[2] = second;
    if (distance === third) return 3 - shift;
    if (distance === nearest - 1 && shift === 1) return 3;
    return distance + 3;
  }

  #append(from: number, to: number): void {
    const [buffer, literals] = [this.#buffer, this.#literals];
    let size = this.#literalsSize;
    for (let at = from; at < to; at++) literals[size++] = buffer[at]!;
    this.#literalsSize = size;
  }
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
