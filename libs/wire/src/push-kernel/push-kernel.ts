// The WebAssembly side of a push (kernel/push-kernel.as): decompresses a body into memory of its own,
// scans it there, and gathers records from it. Measured against the plain way (native Snappy, scan.ts,
// one copy a series): a third of the CPU, and no fresh memory per push.
//
// One instance serves one push at a time. Its memory grows and never shrinks: bodies over
// KERNEL_BODY_MAX_BYTES go the plain way. A body is valid until the next uncompress().
import { webAssembly } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { snappyBlockStart, snappyUncompressedSize } from '../snappy/snappy-block.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { PUSH_KERNEL_CODE } from './push-kernel-code.ts';

/** Larger bodies would keep too much memory for ever. */
export const KERNEL_BODY_MAX_BYTES = 4 << 20;

const CAPACITY = 4096;
const COLUMNS_AT = 64;
const COLUMN_BYTES = CAPACITY * 4;
const ENDS_AT = COLUMNS_AT + 4 * COLUMN_BYTES;
const RECORDS_MAX = 1024;
const INPUT_AT = ENDS_AT + 4 * RECORDS_MAX;
/** Copies go in steps of eight bytes and may pass an end by that. */
const SLACK_BYTES = 16;
const PAGE_BYTES = 65536;
const INT32_MAX = 0x7fffffff;
/** Why scan() of the kernel stopped, in the third word of its memory. */
const REASON_FULL = 2;

interface KernelExports {
  uncompress(src: number, srcEnd: number, dst: number, dstEnd: number): number;
  scan(
    start: number,
    pause: number,
    end: number,
    base: number,
    columns: number,
    capacity: number,
    seed: number,
    nameMax: number,
    valueMax: number,
    labelsMax: number,
    timeMin: number,
    timeMax: number,
  ): number;
  gather(count: number, base: number, columns: number, capacity: number, ends: number): void;
}

/** There is no other way to take a push: without it the first one fails. */
const wasm = webAssembly!;
let compiled: object | undefined;

export class PushKernel {
  readonly #memory = new wasm.Memory({ initial: 8 });
  readonly #code: KernelExports;
  #bytes: Uint8Array = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);
  #bodyAt = 0;
  #bodyEnd = 0;
  #body: Uint8Array | undefined;

  constructor() {
    compiled ??= new wasm.Module(Buffer.from(PUSH_KERNEL_CODE, 'base64'));
    const { exports } = new wasm.Instance(compiled, { env: { memory: this.#memory } });
    this.#code = exports as KernelExports;
    this.#look();
  }

  /** Bytes kept between pushes. */
  get retainedBytes(): number {
    return this.#bytes.length;
  }

  /** The body, in the kernel's memory. Check snappyUncompressedSize against your limit first. */
  uncompress(compressed: Uint8Array): Uint8Array {
    const size = snappyUncompressedSize(compressed);
    this.#bodyAt = alignUp(INPUT_AT + compressed.length + SLACK_BYTES);
    this.#bodyEnd = this.#bodyAt + size;
    // Behind the body there is room for the records that are made of it.
    this.#grow(this.#bodyEnd + size + SLACK_BYTES * (RECORDS_MAX + 2));
    this.#bytes.set(compressed, INPUT_AT);
    const from = INPUT_AT + snappyBlockStart(compressed);
    const to = INPUT_AT + compressed.length;
    if (!this.#code.uncompress(from, to, this.#bodyAt, this.#bodyEnd)) {
      throw new WeirError('invalid', 'snappy: corrupt input');
    }
    this.#body = this.#bytes.subarray(this.#bodyAt, this.#bodyEnd);
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
    for (;;) {
      const end = this.#code.scan(
        this.#bodyAt + next,
        this.#bodyAt + pause,
        this.#bodyEnd,
        this.#bodyAt,
        COLUMNS_AT,
        CAPACITY,
        seed | 0,
        Math.min(rules.labelNameBytesMax, INT32_MAX),
        Math.min(rules.labelValueBytesMax, INT32_MAX),
        Math.min(rules.labelNamesMax, INT32_MAX),
        rules.timestampMinMs,
        rules.timestampMaxMs,
      );
      next = end - this.#bodyAt;
      const count = this.#words[0]!;
      const samples = this.#words[1]!;
      out.pushColumns(count, {
        from: this.#column(0, count),
        size: this.#column(1, count),
        hash: this.#column(2, count),
        samples: this.#column(3, count),
      });
      out.samplesIn += samples;
      out.samplesOk += samples;
      if (this.#words[2] !== REASON_FULL) return next;
    }
  }

  /** Whether gather() can do it: no run was rewritten, and not too many records. */
  gathers(accepted: AcceptedWrite, records: number): boolean {
    return accepted.rewritten.size === 0 && records <= RECORDS_MAX;
  }

  /**
   * Copies the runs of `accepted` to their records (`recordOf`, -1 for none). Returns the record values,
   * one behind the other, each from a multiple of eight; valid until the next uncompress().
   */
  gather(accepted: AcceptedWrite, recordOf: Int32Array, sizes: readonly number[]): Uint8Array[] {
    const starts: number[] = [];
    let at = alignUp(this.#bodyEnd + SLACK_BYTES);
    for (const [record, size] of sizes.entries()) {
      starts.push(at);
      this.#words[ENDS_AT / 4 + record] = at;
      at = alignUp(at + size);
    }
    for (let first = 0; first < accepted.count; first += CAPACITY) {
      const to = Math.min(first + CAPACITY, accepted.count);
      this.#words.set(accepted.from.subarray(first, to), COLUMNS_AT / 4);
      this.#words.set(accepted.size.subarray(first, to), COLUMNS_AT / 4 + CAPACITY);
      this.#words.set(recordOf.subarray(first, to), COLUMNS_AT / 4 + 2 * CAPACITY);
      this.#code.gather(to - first, this.#bodyAt, COLUMNS_AT, CAPACITY, ENDS_AT);
    }
    return sizes.map((size, record) => {
      const start = starts[record]!;
      return this.#bytes.subarray(start, start + size);
    });
  }

  #column(index: number, count: number): Int32Array {
    const from = COLUMNS_AT / 4 + index * CAPACITY;
    return this.#words.subarray(from, from + count);
  }

  #grow(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) return;
    // A quarter more, because growing again copies everything.
    const pages = Math.ceil((sizeBytes * 1.25) / PAGE_BYTES) - this.#bytes.length / PAGE_BYTES;
    this.#memory.grow(pages);
    this.#look();
  }

  #look(): void {
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#words = new Int32Array(this.#memory.buffer);
  }
}

function alignUp(position: number): number {
  return Math.ceil(position / 8) * 8;
}
