// Answers as Zstandard: by Node.js where it has it (from 22.15 on), in its threads; by code of our own elsewhere, in
// short steps between which the thread does other work.
import { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Clock } from '@weir/runtime';
import { ZstdEncoder } from '@weir/wire';

/** About a millisecond of the thread's time. */
const STEP_BYTES = 64 * 1024;

interface ZstdOptions {
  readonly params: Readonly<Record<number, number>>;
}

/** What later versions of Node.js have more. */
interface NodeZstd {
  readonly constants: { readonly ZSTD_c_compressionLevel?: number };
  readonly createZstdCompress?: (options: ZstdOptions) => Transform;
  readonly zstdCompressSync?: (body: Uint8Array, options: ZstdOptions) => Uint8Array;
}

export interface ZstdCompressor {
  /** In the runtime's own threads: cheaper than gzip. */
  readonly native: boolean;
  /** For small bodies. */
  whole(body: Uint8Array): Uint8Array;
  stream(): Transform;
}

/** The level is for Node.js's; windows stay below the 8 MiB that all clients take (RFC 9659). */
export function createZstdCompressor(
  level: number,
  clock: Clock,
  { constants, createZstdCompress, zstdCompressSync }: NodeZstd = zlib as NodeZstd,
): ZstdCompressor {
  if (createZstdCompress === undefined || zstdCompressSync === undefined) return ownZstd(clock);
  const options = { params: { [constants.ZSTD_c_compressionLevel ?? 0]: level } };
  return {
    native: true,
    whole: (body) => zstdCompressSync(body, options),
    stream: () => createZstdCompress(options),
  };
}

function ownZstd(clock: Clock): ZstdCompressor {
  let encoder: ZstdEncoder | undefined;
  return {
    native: false,
    whole(body) {
      encoder ??= new ZstdEncoder();
      return Buffer.concat([encoder.write(body), encoder.end()]);
    },
    stream: () => ownStream(clock),
  };
}

function ownStream(clock: Clock): Transform {
  const encoder = new ZstdEncoder();
  const stream = new Transform({
    transform(bytes: Uint8Array, _encoding, done) {
      const step = async () => {
        for (let at = 0; at < bytes.length && !stream.destroyed; at += STEP_BYTES) {
          const ready = encoder.write(bytes.subarray(at, at + STEP_BYTES));
          if (ready.length > 0) stream.push(ready);
          await clock.yield();
        }
      };
      step().then(() => done(), done);
    },
    flush(done) {
      done(null, encoder.end());
    },
  });
  return stream;
}
