// Compressed bodies, decompressed under a bound and counted into what is in flight while they grow: many small
// bombs at once are refused before they have become memory, and other pushes get their turn in between.
import { createGunzip } from 'node:zlib';
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { type Decompressing, lz4Decompress, type OutputBound, zstdDecompress } from '@weir/wire';
import type { InflightShare } from './inflight.ts';

const CHUNK_MIN_BYTES = 16 << 10;
const CHUNK_MAX_BYTES = 256 << 10;

export interface Decompression {
  /** A content encoding; one that isn't known here is none. */
  readonly compression: string;
  readonly sizeMaxBytes: number;
  readonly tooLarge: () => WeirError;
  readonly clock: Pick<Clock, 'yield'>;
}

/**
 * What a body says, with `factor` times its size in the push's share of what is in flight. Corrupt input is
 * `invalid`; beyond the bound `tooLarge()` is thrown, and what `share.add` throws where there is no room.
 */
export async function decompressInto(
  share: InflightShare,
  factor: number,
  body: Uint8Array,
  { compression, sizeMaxBytes, tooLarge, clock }: Decompression,
): Promise<Uint8Array> {
  let claimed = 0;
  const claim = (moreBytes: number) => {
    share.add(moreBytes);
    claimed += moreBytes;
  };
  const plain = await decompress(body, compression, { sizeMaxBytes, tooLarge, claim }, clock);
  share.add(Math.max(0, plain.length * factor - claimed));
  return plain;
}

async function decompress(
  body: Uint8Array,
  compression: string,
  bound: OutputBound,
  clock: Pick<Clock, 'yield'>,
): Promise<Uint8Array> {
  switch (compression) {
    case 'gzip':
    case 'x-gzip':
      return await gunzip(body, bound);
    case 'lz4':
      return await inSteps(lz4Decompress(body, bound), clock);
    case 'zstd':
      return await inSteps(zstdDecompress(body, bound), clock);
    default:
      return body;
  }
}

async function inSteps(steps: Decompressing, clock: Pick<Clock, 'yield'>): Promise<Uint8Array> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await clock.yield();
  }
}

function gunzip(
  body: Uint8Array,
  { sizeMaxBytes, tooLarge, claim }: OutputBound,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunkSize = Math.min(CHUNK_MAX_BYTES, Math.max(CHUNK_MIN_BYTES, body.length * 4));
    const stream = createGunzip({ chunkSize });
    const chunks: Uint8Array[] = [];
    let size = 0;
    const fail = (error: unknown) => {
      stream.destroy();
      reject(error);
    };
    stream.on('data', (chunk: Uint8Array) => {
      try {
        size += chunk.length;
        if (size > sizeMaxBytes) throw tooLarge();
        claim?.(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error);
      }
    });
    stream.once('end', () =>
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)),
    );
    stream.once('error', (cause) =>
      fail(new WeirError('invalid', 'gzip: corrupt input', { cause })),
    );
    stream.end(body);
  });
}
