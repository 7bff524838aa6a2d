// The memory that XOR and XOR2 chunks are decoded in, and the WebAssembly that does it (kernel/xor-chunk.as): a third of the
// time of JavaScript, which has no 64-bit integers, and compiled once for all threads, where each thread compiles
// JavaScript for itself. One a thread; what lies in the memory is of use until the next chunk or batch.
import { webAssembly } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { XOR_CHUNK_CODE } from './xor-chunk-code.ts';

const PAGE_BYTES = 65536;
/** Some hundred usual chunks with their samples. */
const MEMORY_PAGES = 4;
/** More than a header and the first sample, and than the longest other one: 4 + 64 bits of time, 13 + 64 of value. */
const FIRST_BYTES_MAX = 32;
const SAMPLE_BYTES_MAX = 19;
/** What the kernel loads past a place, and more than it swaps past an end. */
export const SPARE_BYTES = 32;

/** Of a task: see decodeAll() of the kernel. */
export const TASK_BYTES = 32;
export const TASK_WORDS_WORD = 2;
export const TASK_BITS_WORD = 3;
export const TASK_COUNT_WORD = 4;
export const TASK_RAW_WORD = 5;
export const TASK_RESULT_WORD = 6;
export const TASKS_MAX = 256;

// What lies before is the compiler's.
export const TASKS_AT = 64;
export const INPUT_AT: number = TASKS_AT + TASKS_MAX * TASK_BYTES;

const VARINT = -1;
const WIDE = -2;
const BACK = -4;

/** What a chunk of so many samples may take; the kernel reads no farther than that and SPARE_BYTES. */
export function chunkBytesMax(samples: number): number {
  return FIRST_BYTES_MAX + samples * SAMPLE_BYTES_MAX;
}

/** Room for the words of a chunk of so many samples. */
export function chunkRoom(samples: number): number {
  return chunkBytesMax(samples) + SPARE_BYTES;
}

interface KernelExports {
  swap(from: number, end: number): void;
  decodeBytes(
    from: number,
    size: number,
    count: number,
    minT: number,
    maxT: number,
    times: number,
    values: number,
  ): number;
  decodeXor2(
    from: number,
    size: number,
    count: number,
    minT: number,
    maxT: number,
    times: number,
    values: number,
    starts: number,
  ): number;
  decodeAll(
    task: number,
    tasks: number,
    minT: number,
    maxT: number,
    times: number,
    values: number,
  ): number;
}

export class XorKernel {
  bytes: Uint8Array = new Uint8Array(0);
  words: Int32Array = new Int32Array(0);
  floats: Float64Array = new Float64Array(0);
  readonly code: KernelExports;
  readonly #memory;

  constructor() {
    // Ingestion needs it too: a process without it is of no use.
    const wasm = webAssembly!;
    this.#memory = new wasm.Memory({ initial: MEMORY_PAGES });
    const module = new wasm.Module(Buffer.from(XOR_CHUNK_CODE, 'base64'));
    const { exports } = new wasm.Instance(module, { env: { memory: this.#memory } });
    this.code = exports as KernelExports;
    this.#look();
  }

  /** Makes room for so many bytes; the views are new where it grows. */
  grow(sizeBytes: number): void {
    if (sizeBytes <= this.bytes.length) return;
    this.#memory.grow(Math.ceil((sizeBytes - this.bytes.length) / PAGE_BYTES));
    this.#look();
  }

  #look(): void {
    this.bytes = new Uint8Array(this.#memory.buffer);
    this.words = new Int32Array(this.#memory.buffer);
    this.floats = new Float64Array(this.#memory.buffer);
  }
}

let kernel: XorKernel | undefined;

/** The thread's. */
export function xorKernel(): XorKernel {
  kernel ??= new XorKernel();
  return kernel;
}

/** What decoding tells of a damaged chunk, as an error. */
export function damaged(result: number): WeirError {
  return new WeirError('corrupt', `XOR chunk: ${whatIsWrong(result)}`);
}

function whatIsWrong(result: number): string {
  if (result === VARINT) return 'varint is longer than ten bytes';
  if (result === WIDE) return 'value wider than 64 bits';
  if (result === BACK) return 'time goes back';
  return 'its samples are cut off';
}

export function alignUp(at: number): number {
  return (at + 7) & ~7;
}
