// Compression of slabs of text, at the level that costs least, off the thread.
import { deflateRaw, inflateRaw } from 'node:zlib';
import { bad } from './frames.ts';

export function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflateRaw(bytes, { level: 1 }, (error, deflated) => {
      if (error) reject(error);
      else resolve(deflated);
    });
  });
}

/** Rejects with `corrupt` what is not a deflated form of so many bytes. */
export function inflate(deflated: Uint8Array, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    inflateRaw(deflated, { maxOutputLength: length }, (error, bytes) => {
      if (error) reject(bad('a slab can not be inflated', error));
      else if (bytes.length !== length) reject(bad('a slab is shorter than it was'));
      else resolve(bytes);
    });
  });
}
