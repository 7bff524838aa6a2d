// Chunks decoded many at a time: their words are put into the kernel's memory as they lie in a head, and one call decodes what
// fits there. The memory is the thread's: from begin() to decode() nothing else decodes and nothing is awaited.
import { grown } from '@weir/bytes';
import type { SampleColumns } from '@weir/model';
import { checkedSampleCount, possibleBytes } from './xor-decode.ts';
import {
  alignUp,
  chunkRoom,
  damaged,
  INPUT_AT,
  TASK_BITS_WORD,
  TASK_BYTES,
  TASK_COUNT_WORD,
  TASK_RAW_WORD,
  TASK_RESULT_WORD,
  TASK_WORDS_WORD,
  TASKS_AT,
  TASKS_MAX,
  xorKernel,
} from './xor-kernel.ts';

const SAMPLE_BYTES = 16;

export class XorBatch {
  readonly #out: SampleColumns;
  readonly #kernel = xorKernel();
  /** By task since begin(): where its samples end in `out`. */
  ends: Int32Array = new Int32Array(TASKS_MAX);
  count = 0;
  #minT = 0;
  #maxT = 0;
  /** Tasks that wait, the samples that they have at most, and where the words of the next go. */
  #waiting = 0;
  #samples = 0;
  #at = INPUT_AT;

  /** Samples go behind those that `out` has. */
  constructor(out: SampleColumns) {
    this.#out = out;
  }

  /** Wanted are samples with minT ≤ t ≤ maxT. */
  begin(minT: number, maxT: number): void {
    this.#minT = minT;
    this.#maxT = maxT;
    this.count = 0;
    this.#empty();
  }

  /** Where words are put: from the place that room() tells on. */
  get words(): Int32Array {
    return this.#kernel.words;
  }

  /** Where the words of a chunk of so many samples, or of as many raw ones, can be put; a number of a word. */
  room(samples: number): number {
    const kernel = this.#kernel;
    const all = (this.#samples + samples) * SAMPLE_BYTES;
    if (this.#waiting === TASKS_MAX || this.#at + chunkRoom(samples) + all > kernel.bytes.length) {
      this.decode();
      kernel.grow(this.#at + chunkRoom(samples) + samples * SAMPLE_BYTES);
    }
    return this.#at >>> 2;
  }

  /**
   * A chunk whose words are at `from`, with the bits and samples that it has; behind it raw samples up to `end`: the times of all
   * of them as milliseconds from `start`, then bits of their values (low, high).
   */
  add(from: number, bits: number, samples: number, start: number, raw: number, end: number): void {
    const { words, floats } = this.#kernel;
    const task = (TASKS_AT + this.#waiting * TASK_BYTES) >>> 2;
    floats[task >>> 1] = start;
    words[task + TASK_WORDS_WORD] = from * 4;
    words[task + TASK_BITS_WORD] = bits;
    words[task + TASK_COUNT_WORD] = samples;
    words[task + TASK_RAW_WORD] = raw;
    this.#waiting++;
    this.count++;
    this.#samples += samples + raw;
    this.#at = alignUp(end * 4);
  }

  /** One sample. */
  addSample(t: number, low: number, high: number): void {
    const from = this.room(1);
    const { words } = this.#kernel;
    words[from] = 0;
    words[from + 1] = low;
    words[from + 2] = high;
    this.add(from, 0, 0, t, 1, from + 3);
  }

  /** A chunk as bytes. Throws `corrupt` where it has too few for its samples. */
  addBytes(bytes: Uint8Array): void {
    const samples = checkedSampleCount(bytes);
    const chunk = possibleBytes(bytes, samples);
    const from = this.room(samples);
    const at = from * 4;
    const { length } = chunk;
    this.#kernel.bytes.set(chunk, at);
    this.#kernel.code.swap(at, at + length);
    this.add(from, length * 8, samples, 0, 0, from + ((length + 3) >>> 2));
  }

  /** Decodes what waits. Throws `corrupt` on a damaged chunk. */
  decode(): void {
    const waiting = this.#waiting;
    if (waiting === 0) return;
    const { code, words, floats } = this.#kernel;
    const values = this.#kernel.bytes.length - this.#samples * 8;
    const times = values - this.#samples * 8;
    const done = code.decodeAll(TASKS_AT, waiting, this.#minT, this.#maxT, times, values);
    const first = (TASKS_AT >>> 2) + TASK_RESULT_WORD;
    const step = TASK_BYTES >>> 2;
    if (done < waiting) throw damaged(words[first + done * step]!);
    const out = this.#out;
    const count = words[first + (done - 1) * step]!;
    out.reserve(count);
    out.t.set(floats.subarray(times >>> 3, (times >>> 3) + count), out.count);
    out.v.set(floats.subarray(values >>> 3, (values >>> 3) + count), out.count);
    out.st?.fill(0, out.count, out.count + count);
    while (this.ends.length < this.count) this.ends = grown(this.ends);
    const before = this.count - waiting;
    for (let task = 0; task < waiting; task++) {
      this.ends[before + task] = out.count + words[first + task * step]!;
    }
    out.count += count;
    this.#empty();
  }

  #empty(): void {
    this.#waiting = 0;
    this.#samples = 0;
    this.#at = INPUT_AT;
  }
}
