// The WebAssembly side of a push (kernel/push-kernel.as): decompresses a body into memory of its own,
// scans it there, expanding series that refer to symbols, and gathers records from it. Measured against the
// plain way (native Snappy, the scans, one copy a series): a third of the CPU, and no fresh memory per push.
//
// One instance serves one push at a time. Its memory grows and never shrinks: bodies over
// KERNEL_BODY_MAX_BYTES go the plain way. A body is valid until the next uncompress().
import { WeirError } from '@weir/errors';
import { snappyBlockStart, snappyUncompressedSize } from '../snappy/snappy-block.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { KernelMemory } from './kernel-memory.ts';
import { PUSH_KERNEL_CODE } from './push-kernel-code.ts';

/** Larger bodies would keep too much memory for ever. */
export const KERNEL_BODY_MAX_BYTES = 4 << 20;

/** Where kernels tell of runs: four columns of so many. */
export const CAPACITY = 4096;
export const COLUMNS_AT = 64;
const COLUMN_BYTES = CAPACITY * 4;
const ENDS_AT = COLUMNS_AT + 4 * COLUMN_BYTES;
const RECORDS_MAX = 1024;
/** For kernels of single protocols to keep what they know between calls. */
export const KEPT_AT = ENDS_AT + 4 * RECORDS_MAX;
export const KEPT_BYTES: number = 1 << 20;
const INPUT_AT = KEPT_AT + KEPT_BYTES;
/** Copies go in steps of eight bytes and may pass an end by that. */
const SLACK_BYTES = 16;
const INT32_MAX = 0x7fffffff;
/** Why a kernel stopped, in the third word of its memory. */
export const REASON_FULL = 2;
const REASON_METADATA = 4;
/** Behind which byte expand() has written, is in the fourth. */
const WRITTEN_WORD = 3;
const SYMBOLS_MAX = 1 << 16;
/** The smallest symbol that occurs often. */
const SYMBOL_BYTES = 4;
const SYMBOL_COLUMNS = 4;
/** Beside the columns: the label that each was the name of last. */
const SYMBOL_TABLE_BYTES = 4 * SYMBOL_COLUMNS + 16;
/** What series with symbols may expand to here, as a multiple of the body; what is more is written plainly. */
const EXPANSION = 8;
const EXPANSION_MIN_BYTES = 1 << 16;
const EXPANSION_MAX_BYTES = 8 << 20;

/** start, pause, end, base, columns, capacity, seed, longest name, longest value, labels, earliest, latest */
type ScanParameters = [
  ...[number, number, number, number, number, number],
  ...[number, number, number, number, number, number],
];

interface KernelExports {
  uncompress(src: number, srcEnd: number, dst: number, dstEnd: number): number;
  scan(...parameters: ScanParameters): number;
  symbols(start: number, end: number, base: number, table: number, capacity: number): number;
  expand(
    ...parameters: [
      ...ScanParameters,
      ...[table: number, capacity: number, symbols: number, out: number, outEnd: number],
    ]
  ): number;
  gather(count: number, base: number, columns: number, capacity: number, ends: number): void;
}

/** Where symbols start and end in the body. */
export interface KernelSymbols {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export class PushKernel {
  readonly memory: KernelMemory = new KernelMemory();
  readonly #code = this.memory.instance<KernelExports>(PUSH_KERNEL_CODE);
  #bodyAt = INPUT_AT;
  #bodyEnd = INPUT_AT;
  #tableAt = 0;
  #tableCapacity = 0;
  #symbolCount = -1;
  /** Behind the body, its symbols, and what was expanded. */
  #freeAt = INPUT_AT;
  #roomEnd = 0;
  #body: Uint8Array | undefined;

  /** Bytes kept between pushes. */
  get retainedBytes(): number {
    return this.memory.bytes.length;
  }

  /**
   * The body, in the kernel's memory, with room for what its series expand to where they refer to symbols.
   * Check snappyUncompressedSize against your limit first.
   */
  uncompress(compressed: Uint8Array, hasSymbols = false): Uint8Array {
    const size = snappyUncompressedSize(compressed);
    this.#bodyAt = alignUp(INPUT_AT + compressed.length + SLACK_BYTES);
    this.#bodyEnd = this.#bodyAt + size;
    this.#tableAt = alignUp(this.#bodyEnd + SLACK_BYTES);
    this.#tableCapacity = hasSymbols ? Math.min(Math.ceil(size / SYMBOL_BYTES), SYMBOLS_MAX) : 0;
    this.#symbolCount = -1;
    this.#freeAt = this.#tableAt + this.#tableCapacity * SYMBOL_TABLE_BYTES;
    const room = Math.min(size * EXPANSION + EXPANSION_MIN_BYTES, EXPANSION_MAX_BYTES);
    this.#roomEnd = alignUp(this.#freeAt + (hasSymbols ? room : 0));
    // Behind all that there is room for the records that are made of it.
    this.memory.grow(this.#roomEnd + size + SLACK_BYTES * (RECORDS_MAX + 2));
    this.memory.bytes.set(compressed, INPUT_AT);
    const from = INPUT_AT + snappyBlockStart(compressed);
    const to = INPUT_AT + compressed.length;
    if (!this.#code.uncompress(from, to, this.#bodyAt, this.#bodyEnd)) {
      throw new WeirError('invalid', 'snappy: corrupt input');
    }
    this.#body = this.memory.bytes.subarray(this.#bodyAt, this.#bodyEnd);
    return this.#body;
  }

  /** A copy of a body that was not compressed, with room for what is made of it. */
  load(body: Uint8Array): Uint8Array {
    this.#bodyAt = INPUT_AT;
    this.#bodyEnd = INPUT_AT + body.length;
    this.#freeAt = alignUp(this.#bodyEnd + SLACK_BYTES);
    const room = Math.min(body.length * EXPANSION + EXPANSION_MIN_BYTES, EXPANSION_MAX_BYTES);
    this.#roomEnd = this.#freeAt + alignUp(room);
    this.memory.grow(this.#roomEnd + 2 * body.length + SLACK_BYTES * (RECORDS_MAX + 2));
    this.memory.bytes.set(body, INPUT_AT);
    this.#body = this.memory.bytes.subarray(this.#bodyAt, this.#bodyEnd);
    return this.#body;
  }

  /** Whether these bytes are the body that lies here now. */
  holds(body: Uint8Array): boolean {
    return body === this.#body;
  }

  /**
   * Takes canonical series from `at` on into `out`, until one that isn't, or `pause`. Returns the position
   * behind the last one taken: that of the entry that the plain scan must look at, if before `pause`.
   */
  scan(at: number, pause: number, rules: WriteRules, seed: number, out: AcceptedWrite): number {
    let next = at;
    do {
      next = this.#code.scan(...this.#parameters(next, pause, rules, seed)) - this.#bodyAt;
      this.#take(out);
    } while (this.memory.words[2] === REASON_FULL);
    return next;
  }

  /** Finds the symbols of the body, for expand(); undefined where the plain scan must. */
  readSymbols(): KernelSymbols | undefined {
    const capacity = this.#tableCapacity;
    const { symbols } = this.#code;
    this.#freeAt = this.#tableAt + capacity * SYMBOL_TABLE_BYTES;
    this.#symbolCount = symbols(this.#bodyAt, this.#bodyEnd, this.#bodyAt, this.#tableAt, capacity);
    const count = this.#symbolCount;
    if (count < 0) return undefined;
    const from = this.#tableAt / 4;
    return {
      from: this.memory.words.subarray(from, from + count),
      to: this.memory.words.subarray(from + capacity, from + capacity + count),
    };
  }

  /** As scan(), for series that refer to symbols; readSymbols() comes first. */
  expand(at: number, pause: number, rules: WriteRules, seed: number, out: AcceptedWrite): number {
    let next = at;
    do {
      const parameters = this.#parameters(next, pause, rules, seed);
      const [table, capacity, count] = [this.#tableAt, this.#tableCapacity, this.#symbolCount];
      const [free, end] = [this.#freeAt, this.#roomEnd];
      next = this.#code.expand(...parameters, table, capacity, count, free, end) - this.#bodyAt;
      this.takeWritten(out);
    } while (this.memory.words[2] === REASON_FULL);
    return next;
  }

  /** Whether expand() has stopped only because the next series tells metadata that sawMetadata() doesn't know. */
  get isMetadataFirst(): boolean {
    return this.memory.words[2] === REASON_METADATA;
  }

  /** Where the body lies in the memory, from where on runs may be written, and up to where. */
  get bodyAt(): number {
    return this.#bodyAt;
  }

  get freeAt(): number {
    return this.#freeAt;
  }

  get roomEnd(): number {
    return this.#roomEnd;
  }

  /** Takes runs that a kernel has written behind the last ones. */
  takeWritten(out: AcceptedWrite): void {
    const free = this.memory.words[WRITTEN_WORD]!;
    out.expandedBytes += free - this.#freeAt;
    this.#freeAt = free;
    this.#take(out);
  }

  /** Metadata of this metric name was taken: expand() need not stop for it again. */
  sawMetadata(reference: number): void {
    this.memory.words[this.#tableAt / 4 + 3 * this.#tableCapacity + reference] = 1;
  }

  /** A run that scan() or expand() has found. */
  run(from: number, size: number): Uint8Array {
    return this.memory.bytes.subarray(this.#bodyAt + from, this.#bodyAt + from + size);
  }

  #parameters(at: number, pause: number, rules: WriteRules, seed: number): ScanParameters {
    return [
      ...([this.#bodyAt + at, this.#bodyAt + pause, this.#bodyEnd, this.#bodyAt] as const),
      ...([COLUMNS_AT, CAPACITY, seed | 0] as const),
      Math.min(rules.labelNameBytesMax, INT32_MAX),
      Math.min(rules.labelValueBytesMax, INT32_MAX),
      Math.min(rules.labelNamesMax, INT32_MAX),
      rules.timestampMinMs,
      rules.timestampMaxMs,
    ];
  }

  #take(out: AcceptedWrite): void {
    const { words } = this.memory;
    const samples = words[1]!;
    out.pushColumns(words[0]!, words, COLUMNS_AT / 4, CAPACITY);
    out.samplesIn += samples;
    out.samplesOk += samples;
  }

  /** Whether gather() can do it: all runs lie here or were rewritten, and records are not too many. */
  gathers(accepted: AcceptedWrite, body: Uint8Array, records: number): boolean {
    if (records > RECORDS_MAX || accepted.rewritten.size > KERNEL_BODY_MAX_BYTES) return false;
    return this.holds(body) || !accepted.isInBody;
  }

  /**
   * Copies the runs of `accepted` to their records (`recordOf`, -1 for none). Returns the record values,
   * one behind the other, each from a multiple of eight; valid, as the body, until the next call.
   */
  gather(accepted: AcceptedWrite, recordOf: Int32Array, sizes: readonly number[]): Uint8Array[] {
    const { rewritten } = accepted;
    const rewrittenAt = alignUp(this.#freeAt + SLACK_BYTES);
    let at = alignUp(rewrittenAt + rewritten.size + SLACK_BYTES);
    const starts = sizes.map((size) => {
      const start = at;
      at = alignUp(at + size);
      return start;
    });
    this.memory.grow(at + SLACK_BYTES);
    this.memory.bytes.set(rewritten.bytes.subarray(0, rewritten.size), rewrittenAt);
    this.memory.words.set(starts, ENDS_AT / 4);
    const rewrittenFrom = rewrittenAt - this.#bodyAt;
    for (let first = 0; first < accepted.count; first += CAPACITY) {
      const count = Math.min(CAPACITY, accepted.count - first);
      for (let index = 0; index < count; index++) {
        const from = accepted.from[first + index]!;
        this.memory.words[COLUMNS_AT / 4 + index] = from < 0 ? ~from + rewrittenFrom : from;
      }
      this.memory.words.set(
        accepted.size.subarray(first, first + count),
        COLUMNS_AT / 4 + CAPACITY,
      );
      this.memory.words.set(recordOf.subarray(first, first + count), COLUMNS_AT / 4 + 2 * CAPACITY);
      this.#code.gather(count, this.#bodyAt, COLUMNS_AT, CAPACITY, ENDS_AT);
    }
    return sizes.map((size, record) => {
      const start = starts[record]!;
      return this.memory.bytes.subarray(start, start + size);
    });
  }
}

function alignUp(position: number): number {
  return Math.ceil(position / 8) * 8;
}
