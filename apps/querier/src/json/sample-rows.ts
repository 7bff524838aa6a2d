// Samples of answers as JSON, written in WebAssembly (kernel/sample-rows.as): the runtime takes ten times as long to find
// the digits of doubles, and longer in a thread's first answers. One kernel a thread, which works in a page of memory.
import { webAssembly } from '@weir/bytes';
import { POWERS_OF_TEN_BYTES, writePowersOfTen } from './powers-of-ten.ts';
import { SAMPLE_ROWS_CODE } from './sample-rows-code.ts';

/** Samples of a call: an hour of every 15 s. */
export const ROWS_MAX = 256;

// What lies before the first place is the compiler's. A row is `[-9223372036854775.807,"-0.0000012345678901234567"],` at most.
const MEMORY_PAGES = 1;
const STAMP_BYTES = 40;
const ROW_MAX_BYTES = 56;
const SLACK_BYTES = 32;
const POWERS_AT = 64;
const TIMES_AT = POWERS_AT + POWERS_OF_TEN_BYTES;
const VALUES_AT = TIMES_AT + 8 * ROWS_MAX;
const STAMPS_AT = VALUES_AT + 8 * ROWS_MAX;
const ENDS_AT = STAMPS_AT + STAMP_BYTES * ROWS_MAX;
const TEXT_AT = ENDS_AT + 4 * ROWS_MAX;
export const ROWS_MAX_BYTES = ROW_MAX_BYTES * ROWS_MAX + SLACK_BYTES;

interface KernelExports {
  rows(
    times: number,
    values: number,
    count: number,
    stamps: number,
    powers: number,
    ends: number,
    out: number,
  ): void;
}

/** Works in one memory: what a call has written is void with the next one. */
export class SampleRows {
  /** Rows `[seconds,"value"]`, with commas between them. */
  readonly bytes: Uint8Array;
  /** Of each row, in bytes; the first begins at `start`. */
  readonly ends: Int32Array;
  readonly start = TEXT_AT;
  /** What a call writes: the first `count` of both. Times are whole milliseconds. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly #code: KernelExports;

  constructor() {
    // Ingestion needs it too: a process without it is of no use.
    const wasm = webAssembly!;
    const memory = new wasm.Memory({ initial: MEMORY_PAGES });
    const module = new wasm.Module(Buffer.from(SAMPLE_ROWS_CODE, 'base64'));
    const { exports } = new wasm.Instance(module, { env: { memory } });
    this.#code = exports as KernelExports;
    const { buffer } = memory;
    this.bytes = new Uint8Array(buffer);
    this.times = new Float64Array(buffer, TIMES_AT, ROWS_MAX);
    this.values = new Float64Array(buffer, VALUES_AT, ROWS_MAX);
    this.ends = new Int32Array(buffer, ENDS_AT, ROWS_MAX);
    writePowersOfTen(new BigUint64Array(buffer, POWERS_AT, POWERS_OF_TEN_BYTES / 8));
    // No time is equal to this one.
    new Float64Array(buffer, STAMPS_AT, (STAMP_BYTES / 8) * ROWS_MAX).fill(Number.NaN);
  }

  write(count: number): void {
    this.#code.rows(TIMES_AT, VALUES_AT, count, STAMPS_AT, POWERS_AT, ENDS_AT, TEXT_AT);
  }
}

let rows: SampleRows | undefined;

/** The thread's. */
export function sampleRows(): SampleRows {
  rows ??= new SampleRows();
  return rows;
}
