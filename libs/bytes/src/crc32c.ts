// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of TSDB files, log frames, blocks of the head's
// store and remote read. Long ranges are copied into the kernel's memory, shortened there without changing
// their checksum (kernel/crc32c-fold.as says how), and what is left is summed the plain way: four times as
// fast for 16 KiB. Where WebAssembly or its SIMD is missing, all goes the plain way.
import { CRC32C_FOLD_CODE } from './crc32c-fold-code.ts';
import { plainCrc32c } from './crc32c-plain.ts';
import { webAssembly } from './web-assembly.ts';

/** What the kernel leaves, which is also what must be zero in front of the bytes. */
const KEPT_UNITS = 79;
const UNIT_BYTES = 16;
const BYTES_AT = (KEPT_UNITS + 1) * UNIT_BYTES;
const CHUNK_BYTES = 65536;
/** BYTES_AT and a chunk. */
const MEMORY_PAGES = 2;
/** Below, the copy and the plain rest cost more than the fold saves. */
const FOLD_FROM_BYTES = 2048;

interface Kernel {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  fold(from: number, end: number): void;
}

let kernel: Kernel | undefined;
let isLoaded = false;

/** The checksum of bytes[from, to) as an unsigned number; `seed` continues an earlier one. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, seed = 0): number {
  if (to - from < FOLD_FROM_BYTES || !isReady()) return plainCrc32c(bytes, from, to, seed);
  let crc = seed;
  let at = from;
  for (; to - at >= FOLD_FROM_BYTES; at = Math.min(at + CHUNK_BYTES, to)) {
    crc = foldedCrc32c(kernel!, bytes.subarray(at, Math.min(at + CHUNK_BYTES, to)), crc);
  }
  return plainCrc32c(bytes, at, to, crc);
}

function foldedCrc32c({ bytes, view, fold }: Kernel, chunk: Uint8Array, seed: number): number {
  bytes.set(chunk, BYTES_AT);
  // The state of the checksum before a byte acts as the same bits in the next four bytes would.
  view.setInt32(BYTES_AT, view.getInt32(BYTES_AT, true) ^ ~seed, true);
  const keptAt = BYTES_AT + ((chunk.length >>> 4) - KEPT_UNITS) * UNIT_BYTES;
  fold(BYTES_AT, keptAt);
  // With this seed the state is zero.
  return plainCrc32c(bytes, keptAt, BYTES_AT + chunk.length, 0xffffffff);
}

function isReady(): boolean {
  if (!isLoaded) {
    kernel = load();
    isLoaded = true;
  }
  return kernel !== undefined;
}

function load(): Kernel | undefined {
  const code = Buffer.from(CRC32C_FOLD_CODE, 'base64');
  const wasm = webAssembly;
  if (!wasm?.validate(code)) return undefined;
  const memory = new wasm.Memory({ initial: MEMORY_PAGES });
  const { exports } = new wasm.Instance(new wasm.Module(code), { env: { memory } });
  const { fold } = exports as Pick<Kernel, 'fold'>;
  return { bytes: new Uint8Array(memory.buffer), view: new DataView(memory.buffer), fold };
}
