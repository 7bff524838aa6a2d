// Large buffers used again and again. Fresh memory of this size comes from the kernel page by page, which
// costs ten times what copying into it does, and is given back only when the garbage collector runs.
//
// Buffers are SharedArrayBuffers: another thread can read one without its being moved there and back, they
// are never detached (detaching slows every typed array of an isolate down), and the collector counts
// nothing for them. One that is never given back is simply collected. Giving back too early, or twice, is
// the owner's bug and would corrupt data: only the last reader may do it.

/** Smaller values cost less than keeping book. */
const POOLED_FROM_BYTES = 16 * 1024;
const PAGE_BYTES = 4096;
/** A search stays short. */
const KEPT_MAX = 64;

export interface BufferPool {
  /** Bytes that wait to be taken. */
  readonly freeBytes: number;
  /** Memory with arbitrary content, alone in its buffer, which may be larger. */
  take(sizeBytes: number): Uint8Array;
  /** The bytes are read no more, by anybody. What didn't come from a pool is ignored. */
  give(bytes: Uint8Array): void;
}

/** Keeps at most `freeMaxBytes`; what was given back first goes first. */
export function createBufferPool(freeMaxBytes: number): BufferPool {
  const free: SharedArrayBuffer[] = [];
  let freeBytes = 0;

  function remove(index: number): SharedArrayBuffer {
    const [buffer] = free.splice(index, 1);
    freeBytes -= buffer!.byteLength;
    return buffer!;
  }

  return {
    get freeBytes() {
      return freeBytes;
    },
    take(sizeBytes) {
      if (sizeBytes < POOLED_FROM_BYTES) return new Uint8Array(sizeBytes);
      // The one given back last is the likeliest to be in a cache.
      for (let index = free.length - 1; index >= 0; index--) {
        const capacity = free[index]!.byteLength;
        if (capacity >= sizeBytes && capacity <= 2 * sizeBytes) {
          return new Uint8Array(remove(index), 0, sizeBytes);
        }
      }
      // An eighth more, so that the next push of about this size fits.
      const capacity = Math.ceil((sizeBytes * 1.125) / PAGE_BYTES) * PAGE_BYTES;
      return new Uint8Array(new SharedArrayBuffer(capacity), 0, sizeBytes);
    },
    give({ buffer }) {
      if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength > freeMaxBytes) return;
      free.push(buffer);
      freeBytes += buffer.byteLength;
      while (freeBytes > freeMaxBytes || free.length > KEPT_MAX) remove(0);
    },
  };
}
