// Frames of LZ4 and Zstandard: what encoders write comes back, bombs and mutated bytes end in an error.
import { WeirError } from '@weir/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decompressing, OutputBound } from './bounded-output.ts';
import { lz4Decompress } from './lz4-frame.ts';
import { zstdDecompress } from './zstd.ts';
import { ZSTD_FAST, ZSTD_SMALL, ZSTD_TEXT } from './zstd-fixture.ts';

type Decompress = (bytes: Uint8Array, bound: OutputBound) => Decompressing;
/** All of it, whatever the pauses. */
function whole(decompress: Decompress, bytes: Uint8Array, bound: OutputBound): Uint8Array {
  for (const steps = decompress(bytes, bound); ; ) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

const tooLarge = () => new WeirError('invalid', 'too large', { status: 413 });
const upTo = (sizeMaxBytes: number): OutputBound => ({ sizeMaxBytes, tooLarge });

/** `abc`, a copy of 3,000,000 of it, then `abcde` as they end every block. */
function lz4Of(copied: number, blockMax = 7): Uint8Array {
  const lengths: number[] = [];
  for (let rest = copied - 4 - 15; ; rest -= 255) {
    lengths.push(Math.min(rest, 255));
    if (rest < 255) break;
  }
  const block = [0x3f, 97, 98, 99, 3, 0, ...lengths, 0x50, 97, 98, 99, 100, 101];
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  const head = [0x04, 0x22, 0x4d, 0x18, 0x60, blockMax << 4, 0];
  return Buffer.from([...head, ...size, ...block, 0, 0, 0, 0]);
}

/** A frame of one block of `size` equal bytes. */
function zstdOf(size: number, window = 0x60): Uint8Array {
  const blocks: number[] = [];
  for (let rest = size; rest > 0; rest -= 131_072) {
    const length = Math.min(rest, 131_072);
    const header = (length << 3) | (1 << 1) | (rest <= 131_072 ? 1 : 0);
    blocks.push(header & 255, (header >> 8) & 255, header >> 16, 97);
  }
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window, ...blocks]);
}

describe('lz4Decompress', () => {
  it('gives back what was compressed, over itself, over frames, beside what is to be skipped', () => {
    const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
    const frames = Buffer.concat([lz4Of(300), skipped, lz4Of(300)]);
    const one = `${'abc'.repeat(101)}abcde`;
    expect(Buffer.from(whole(lz4Decompress, frames, upTo(1e6))).toString()).toBe(one + one);
  });

  it('ends at the bound', () => {
    const body = lz4Of(3_000_000);
    expect(whole(lz4Decompress, body, upTo(3_000_008))).toHaveLength(3_000_008);
    expect(() => whole(lz4Decompress, body, upTo(3_000_007))).toThrow('too large');
    expect(() => whole(lz4Decompress, lz4Of(70_000, 4), upTo(1e6))).toThrow('corrupt');
  });

  it('takes any bytes', () => mutated(lz4Of(1000), lz4Decompress));

  it('pauses on the way', () => {
    expect([...lz4Decompress(Buffer.concat([lz4Of(3e6), lz4Of(3e6)]), upTo(1e8))]).toHaveLength(2);
  });
});

describe('zstdDecompress', () => {
  it('gives back what was compressed, over several frames', () => {
    const frames = Buffer.concat([zstdOf(200_000), zstdOf(5)]);
    expect(whole(zstdDecompress, frames, upTo(1e6))).toEqual(new Uint8Array(200_005).fill(97));
  });

  it.each([
    ['fast', ZSTD_FAST],
    ['small', ZSTD_SMALL],
  ])("gives back what the reference encoder's %s level made", (_, body) => {
    const twice = Buffer.concat([body, body]);
    const plain = Buffer.from(whole(zstdDecompress, twice, upTo(1e6))).toString();
    expect(plain).toBe(ZSTD_TEXT + ZSTD_TEXT);
  });

  it('ends at the bound', () => {
    const body = zstdOf(10_000_000);
    expect(whole(zstdDecompress, body, upTo(10_000_000))).toHaveLength(10_000_000);
    expect(() => whole(zstdDecompress, body, upTo(9_999_999))).toThrow('too large');
    const text = ZSTD_TEXT.length;
    expect(whole(zstdDecompress, ZSTD_SMALL, upTo(text))).toHaveLength(text);
    expect(() => whole(zstdDecompress, ZSTD_SMALL, upTo(text - 1))).toThrow('too large');
  });

  it('pauses on the way', () => {
    expect([...zstdDecompress(zstdOf(10_000_000), upTo(1e8))]).toHaveLength(4);
  });

  it('claims memory before it takes it, and takes none for a window', () => {
    let claimed = 0;
    const bound = { ...upTo(1e9), claim: (bytes: number) => (claimed += bytes) };
    // Windows of 2^(10 + 19) and 2^(10 + 31) bytes.
    for (const window of [0x98, 0xf8]) whole(zstdDecompress, zstdOf(5, window), bound);
    expect(claimed).toBeLessThan(200);
    const full = new WeirError('unavailable', 'full');
    const refuse = (bytes: number) => {
      if (bytes > 1_000_000) throw full;
    };
    expect(() => whole(zstdDecompress, zstdOf(10_000_000), { ...bound, claim: refuse })).toThrow(
      full,
    );
  });

  it('spends no more time on sequences that lie than their block may give', () => {
    // 98,047 sequences of 65,539 bytes each, from tables of one symbol that need no bits.
    const block = [0x09, 97, 255, 255, 255, 0x54, 0, 0, 52, 0x80];
    const header = [(block.length << 3) | 5, 0, 0];
    const bomb = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x60, ...header, ...block]);
    expect(() => whole(zstdDecompress, bomb, upTo(1e8))).toThrow('corrupt');
  });

  it('takes no more compressed blocks than anybody writes', () => {
    // No literals, no sequences: nothing comes out.
    const block = [(2 << 3) | 4, 0, 0, 0, 0];
    const frame = (count: number) =>
      Buffer.from([
        ...[0x28, 0xb5, 0x2f, 0xfd, 0, 0x60],
        ...Array.from({ length: count }, () => block).flat(),
        ...[1, 0, 0],
      ]);
    expect(whole(zstdDecompress, frame(65_536), upTo(1e8))).toHaveLength(0);
    expect(() => whole(zstdDecompress, frame(65_537), upTo(1e8))).toThrow('corrupt');
  });

  it('takes any bytes', () => {
    for (const body of [zstdOf(1000), ZSTD_FAST, ZSTD_SMALL]) mutated(body, zstdDecompress);
  });
});

function mutated(body: Uint8Array, decompress: Decompress): void {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(body.length),
      (edits, size) => {
        const edited = body.slice(0, size);
        for (const [index, byte] of edits) if (index < size) edited[index] = byte;
        try {
          expect(whole(decompress, edited, upTo(1e6)).length).toBeLessThanOrEqual(1e6);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'invalid' });
        }
      },
    ),
    { numRuns: 300 },
  );
}
