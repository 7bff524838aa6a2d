// The start timestamps of a chunk's samples (tsdb/docs/format/chunks.md, "Start timestamp encoding"): the
// same in XOR2 chunks and in both histogram chunks that have them. Behind each sample may stand its start,
// relative to the time of the sample before; a byte of the chunk's header tells whether the first has one
// and from which sample on the others have. As that byte has seven bits for it, all from sample 127 on do.
import type { BitReader, BitWriter } from './bits.ts';
import { exact, putVarbitInt, putVarint, readVarbitInt, readVarint } from './varbit.ts';

const FIRST_KNOWN = 0x80;
const CHANGE_MASK = 0x7f;
/** Starts farther from 1970 aren't told: what is written of them would not be exact. No clock shows them. */
const START_MAX = 2 ** 50;

/** What the next start is written against; writer and reader keep the same, so a chunk can be continued. */
export class StartState {
  /** The byte of the chunk's header. */
  header: number;
  /** The last sample's start, ms; 0 where unknown. */
  st = 0;
  /** From it to the time of the sample before, once starts are written for every sample. */
  #gap = 0;

  constructor(header = 0) {
    this.header = header;
  }

  /** Writes the start of the sample with that number and time, behind the sample; `before` is the last time. */
  put(writer: BitWriter, index: number, t: number, before: number, start: number): void {
    const st = Math.abs(start) <= START_MAX ? start : 0;
    if (index === 0) {
      if (st !== 0) {
        putVarint(writer, t - st);
        this.header = FIRST_KNOWN;
      }
    } else if ((this.header & CHANGE_MASK) !== 0) {
      putVarbitInt(writer, before - st - this.#gap);
      this.#gap = before - st;
    } else if (st !== this.st || index === CHANGE_MASK) {
      this.header |= index;
      this.#gap = before - st;
      putVarbitInt(writer, this.#gap);
    }
    this.st = st;
  }

  /** Reads what put() wrote, into `st`. */
  read(reader: BitReader, index: number, t: number, before: number): void {
    if (index === 0) {
      if (this.header >= FIRST_KNOWN) this.st = exact(t - readVarint(reader));
      return;
    }
    const change = this.header & CHANGE_MASK;
    if (change === 0 || index < change) return;
    const gap = readVarbitInt(reader);
    this.#gap = index === change ? gap : exact(this.#gap + gap);
    this.st = exact(before - this.#gap);
  }
}
