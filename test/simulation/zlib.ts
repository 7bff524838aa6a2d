// Stands in for `node:zlib` where compression would run in another thread, which takes real time: the same at
// once.
import { deflateRawSync, inflateRawSync, type ZlibOptions } from 'node:zlib';

type Callback = (error: Error | null, bytes: Uint8Array) => void;

export function deflateRaw(bytes: Uint8Array, options: ZlibOptions, callback: Callback): void {
  run(() => deflateRawSync(bytes, options), callback);
}

export function inflateRaw(bytes: Uint8Array, options: ZlibOptions, callback: Callback): void {
  run(() => inflateRawSync(bytes, options), callback);
}

function run(work: () => Uint8Array, callback: Callback): void {
  let bytes: Uint8Array;
  try {
    bytes = work();
  } catch (error) {
    callback(error as Error, new Uint8Array(0));
    return;
  }
  callback(null, bytes);
}
