// Memory that WebAssembly works in, and views of it: growing gives it new ones.
import { webAssembly } from '@weir/bytes';

const PAGE_BYTES = 65536;

/** There is no other way to take a push: without it the first one fails. */
const wasm = webAssembly!;
const compiled = new Map<string, object>();

export class KernelMemory {
  bytes: Uint8Array = new Uint8Array(0);
  words: Int32Array = new Int32Array(0);
  floats: Float64Array = new Float64Array(0);
  readonly #memory = new wasm.Memory({ initial: 8 });

  constructor() {
    this.#look();
  }

  /** The exports of a kernel that works here; `code` is its base64. */
  instance<Exports>(code: string): Exports {
    let module = compiled.get(code);
    if (module === undefined) {
      module = new wasm.Module(Buffer.from(code, 'base64'));
      compiled.set(code, module);
    }
    return new wasm.Instance(module, { env: { memory: this.#memory } }).exports as Exports;
  }

  /** Makes room for so many bytes; views that were handed out are void where it grows. */
  grow(sizeBytes: number): void {
    if (sizeBytes <= this.bytes.length) return;
    // A quarter more, because growing again copies everything.
    const pages = Math.ceil((sizeBytes * 1.25) / PAGE_BYTES) - this.bytes.length / PAGE_BYTES;
    this.#memory.grow(pages);
    this.#look();
  }

  #look(): void {
    this.bytes = new Uint8Array(this.#memory.buffer);
    this.words = new Int32Array(this.#memory.buffer);
    this.floats = new Float64Array(this.#memory.buffer);
  }
}
