// What is used of the WebAssembly API, which Node's types leave out.

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): void;
}

interface WasmApi {
  validate(code: Uint8Array): boolean;
  readonly Module: new (code: Uint8Array) => object;
  readonly Memory: new (limits: { readonly initial: number }) => WasmMemory;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: unknown };
}

/** Undefined where Node was started without it. The cast gives the global the type that it lacks here. */
export const { WebAssembly: webAssembly } = globalThis as unknown as {
  readonly WebAssembly?: WasmApi;
};
