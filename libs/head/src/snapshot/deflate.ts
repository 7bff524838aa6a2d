// Compression of slabs of text, at the level that costs least: about a millisecond a slab, so it runs in this
// thread; another one would answer whenever it likes, and a simulated head would not be the same twice.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { bad } from './frames.ts';

export function deflate(bytes: Uint8Array): Uint8Array {
  return deflateRawSync(bytes, { level: 1 });
}

/** Throws `corrupt` for what is not a deflated form of so many bytes. */
export function inflate(deflated: Uint8Array, length: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = inflateRawSync(deflated, { maxOutputLength: length });
  } catch (error) {
    throw bad('a slab can not be inflated', error);
  }
  if (bytes.length !== length) throw bad('a slab is shorter than it was');
  return bytes;
}
