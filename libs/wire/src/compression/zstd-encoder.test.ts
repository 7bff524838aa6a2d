// What the encoder writes: our own decoder and, where they are at hand, the `zstd` program and Node.js's, read what was
// given, in whatever pieces; and it is smaller.
import { spawnSync } from 'node:child_process';
import * as zlib from 'node:zlib';
import { seededRandom } from '@weir/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zstdDecompress } from './zstd.ts';
import { ZstdEncoder } from './zstd-encoder.ts';

function decoded(frame: Uint8Array): Buffer {
  const bound = { sizeMaxBytes: 1e8, tooLarge: () => new Error('too large') as never };
  for (const steps = zstdDecompress(frame, bound); ; ) {
    const { done, value } = steps.next();
    if (done) return Buffer.from(value);
  }
}

function encoded(encoder: ZstdEncoder, pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...pieces.map((piece) => encoder.write(piece)), encoder.end()]);
}

/** What answers are like: rows of times and numbers. */
function answer(rows: number, seed: number): Buffer {
  const random = seededRandom(seed);
  let value = 1000;
  const row = (_: unknown, at: number) => {
    value += Math.floor(random.next() * 200);
    return `[${1_763_700_000 + 15 * (at % 200)},"${value}"]${at % 200 === 199 ? ']},{"metric":{},"values":[' : ','}`;
  };
  return Buffer.from(Array.from({ length: rows }, row).join(''));
}

/** Bytes of several kinds behind each other: text, other scripts, noise, one byte, what was there before. */
const body = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constant('rows' as const), fc.nat(4000), fc.nat(1e6)),
      fc.tuple(fc.constant('noise' as const), fc.nat(90_000), fc.integer({ min: 1, max: 256 })),
      fc.tuple(fc.constant('equal' as const), fc.nat(150_000), fc.nat(255)),
      fc.tuple(fc.constant('text' as const), fc.nat(200), fc.nat(1e6)),
      fc.tuple(fc.constant('again' as const), fc.nat(400_000), fc.nat(100_000)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => {
    let whole: Buffer = Buffer.alloc(0);
    for (const [kind, size, more] of parts) {
      const random = seededRandom(more + size);
      let part: Buffer = Buffer.alloc(0);
      if (kind === 'rows') part = answer(size, more);
      if (kind === 'noise')
        part = Buffer.from(Array.from({ length: size }, () => random.next() * more));
      if (kind === 'equal') part = Buffer.alloc(size, more);
      if (kind === 'text')
        part = Buffer.from(`größe{ort="Zürich-${more}",单位="字节"} 🙂 `.repeat(size));
      if (kind === 'again')
        part = whole.subarray(Math.max(0, whole.length - size)).subarray(0, more);
      whole = Buffer.concat([whole, part]);
    }
    return whole;
  });

describe('ZstdEncoder', () => {
  it('gives back any bytes, in any pieces, frame after frame', () => {
    const encoder = new ZstdEncoder();
    fc.assert(
      fc.property(body, fc.array(fc.nat(150_000), { maxLength: 8 }), (bytes, cuts) => {
        const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort(
          (a, b) => a - b,
        );
        const pieces = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
        const frame = encoded(encoder, pieces);
        expect(decoded(frame).equals(bytes)).toBe(true);
        // Nothing is made much larger: a header a block.
        expect(frame.length).toBeLessThanOrEqual(bytes.length + 12 + 3 * (bytes.length >> 16));
        // As large as if it had come at once.
        expect(frame.length).toBe(encoded(encoder, [bytes]).length);
      }),
      { numRuns: 150 },
    );
  });

  it.each([0, 1, 7, 8, 9, 63, 64, 65_535, 65_536, 65_537, 131_072])('takes %i bytes', (size) => {
    const bytes = answer(8000, 1).subarray(0, size);
    const frame = encoded(new ZstdEncoder(), [bytes]);
    expect(decoded(frame).equals(bytes)).toBe(true);
  });

  it('makes rows a quarter as large', () => {
    const bytes = answer(40_000, 7);
    expect(encoded(new ZstdEncoder(), [bytes]).length).toBeLessThan(bytes.length / 4);
  });

  it('gives blocks as they are full, and holds no more than one', () => {
    const encoder = new ZstdEncoder();
    const bytes = answer(30_000, 3);
    let given = 0;
    for (let at = 0; at < bytes.length; at += 4096) {
      if (encoder.write(bytes.subarray(at, at + 4096)).length > 0) given++;
    }
    expect(given).toBe(bytes.length >> 16);
  });

  it('is read by every decoder at hand', () => {
    const encoder = new ZstdEncoder();
    const noise = seededRandom(5);
    const random = (size: number, low: number, high: number) =>
      Buffer.from(Array.from({ length: size }, () => low + noise.next() * (high - low)));
    const bodies = [
      answer(50_000, 9),
      random(300_000, 0, 200),
      Buffer.from('größe{ort="Zürich",单位="字节"} 🙂 '.repeat(9000)),
      Buffer.concat([random(90_000, 100, 130), random(90_000, 0, 256), random(5000, 200, 202)]),
      Buffer.alloc(0),
    ];
    for (const bytes of bodies) {
      const frame = encoded(encoder, [bytes]);
      for (const decode of decodersAtHand()) expect(decode(frame).equals(bytes)).toBe(true);
    }
  });
});

function decodersAtHand(): ((frame: Buffer) => Buffer)[] {
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (frame: Buffer) => Buffer };
  const byProgram = (input: Buffer) => spawnSync('zstd', ['-dc'], { input, maxBuffer: 1e8 }).stdout;
  return [
    decoded,
    ...(zstdDecompressSync === undefined ? [] : [zstdDecompressSync]),
    ...(spawnSync('zstd', ['-V']).status === 0 ? [byProgram] : []),
  ];
}
