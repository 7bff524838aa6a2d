// The kernel against the plain code it replaces: the same bytes, the same runs, the same refusals, for
// whatever is sent.
import { encodeLabels, type Label } from '@weir/model';
import fc from 'fast-check';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { RemoteWrite1Scan } from '../remote-write-1/scan.ts';
import { snappyUncompress, snappyUncompressedSize } from '../snappy/snappy-block.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import { NARROW_RULES } from '../write-request/narrow-rules-fixture.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { PushKernel } from './push-kernel.ts';

interface Outcome {
  readonly error?: string;
  readonly accepted: object;
}

function scan(body: Uint8Array, budget: number, rules: WriteRules, kernel?: PushKernel): Outcome {
  const out = new AcceptedWrite();
  const scanner = new RemoteWrite1Scan();
  let error: string | undefined;
  scanner.start(body, body.length, 0x9abcdef0, kernel);
  try {
    while (!scanner.run(budget, rules, out));
  } catch (thrown) {
    error = String(thrown);
  }
  const { count, rewritten, isInBody: _, from, size, hash, samples, ...counts } = out;
  const columns = [from, size, hash, samples].map((column) => [...column.subarray(0, count)]);
  const bytes = [...rewritten.bytes.subarray(0, rewritten.size)];
  return { ...(error === undefined ? {} : { error }), accepted: { ...counts, columns, bytes } };
}

const labelNameOf = fc.constantFrom(
  'a',
  'b',
  'job',
  'jobs',
  'instance',
  'zz',
  'ü',
  'name_is_too_long',
);
const labelValueOf = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom('x', 'é', 'y'.repeat(127), 'y'.repeat(128), 'y'.repeat(201)),
);
const timestampOf = fc.constantFrom(
  0,
  2,
  3,
  127,
  128,
  2 ** 28 - 1,
  2 ** 28,
  2 ** 44,
  2 ** 45,
  2 ** 46,
);

function sampleBytes(timestamp: number): number[] {
  const value = [0x09, 1, 2, 3, 4, 5, 6, 7, 8];
  const time = [0x10];
  let rest = timestamp;
  for (; rest >= 128; rest = Math.floor(rest / 128)) time.push((rest % 128) | 128);
  time.push(rest);
  const size = value.length + time.length;
  return [0x12, size, ...value, ...time];
}

const seriesOf = fc
  .record({
    labels: fc.uniqueArray(fc.tuple(labelNameOf, labelValueOf), {
      selector: ([name]) => name,
      maxLength: 4,
    }),
    named: fc.integer({ min: 0, max: 9 }),
    times: fc.uniqueArray(timestampOf, { minLength: 0, maxLength: 3 }),
    sorted: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ labels, named, times, sorted }) => {
    const all: Label[] = labels.map(([name, value]) => ({ name, value }));
    if (named > 0) all.push({ name: '__name__', value: 'up' });
    if (sorted > 0) {
      all.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
      times.sort((a, b) => a - b);
    }
    const content = [...encodeLabels(all), ...times.flatMap(sampleBytes)];
    const { length } = content;
    return [0x0a, ...(length < 128 ? [length] : [(length & 127) | 128, length >>> 7]), ...content];
  });
const metadataOf = fc.constant([0x1a, 6, 0x08, 1, 0x12, 2, 0x75, 0x70]);
const bodyOf = fc
  .record({
    entries: fc.array(fc.oneof({ weight: 9, arbitrary: seriesOf }, metadataOf), { maxLength: 12 }),
    edits: fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 2 }),
    edited: fc.boolean(),
  })
  .map(({ entries, edits, edited }) => {
    const body = Buffer.from(entries.flat());
    if (edited) for (const [at, byte] of edits) if (at < body.length) body[at] = byte;
    return body;
  });

describe('the push kernel', () => {
  const kernel = new PushKernel();

  it('scans as the plain scan does', () => {
    let unedited = 0;
    fc.assert(
      fc.property(bodyOf, fc.integer({ min: 1, max: 500 }), fc.nat(9), (body, budget, legacy) => {
        const rules = { ...NARROW_RULES, legacyNames: legacy === 0 };
        const held = kernel.uncompress(compressSync(body));
        expect(Buffer.compare(held, body)).toBe(0);
        const wanted = scan(body, budget, rules);
        expect(scan(held, budget, rules, kernel)).toEqual(wanted);
        if (wanted.error === undefined) unedited++;
      }),
      { numRuns: 4000 },
    );
    expect(unedited).toBeGreaterThan(1000);
  });

  it('scans and gathers more series than its columns hold', () => {
    const one = (value: string) => {
      const labels = encodeLabels([
        { name: '__name__', value: 'up' },
        { name: 'a', value },
      ]);
      const content = [...labels, ...sampleBytes(1_700_000_000_000)];
      return [0x0a, content.length, ...content];
    };
    const body = Buffer.from(Array.from({ length: 9001 }, (_, at) => one(`v${at}`)).flat());
    const held = kernel.uncompress(compressSync(body));
    const wanted = scan(body, 1 << 20, NARROW_RULES);
    expect(scan(held, 1 << 20, NARROW_RULES, kernel)).toEqual(wanted);

    const accepted = new AcceptedWrite();
    const scanner = new RemoteWrite1Scan();
    scanner.start(held, held.length, 1, kernel);
    while (!scanner.run(1 << 20, NARROW_RULES, accepted));
    const recordOf = Int32Array.from({ length: accepted.count }, (_, at) => (at % 4) - 1);
    const parts: number[][] = [[], [], []];
    for (let at = 0; at < accepted.count; at++) {
      const from = accepted.from[at]!;
      if (at % 4 > 0) parts[(at % 4) - 1]!.push(...body.subarray(from, from + accepted.size[at]!));
    }
    expect(kernel.gathers(accepted, held, 3)).toBe(true);
    const sizes = parts.map((part) => part.length);
    const gathered = kernel.gather(accepted, recordOf, sizes);
    parts.forEach((part, record) => {
      expect(Buffer.compare(gathered[record]!, Buffer.from(part))).toBe(0);
      expect(gathered[record]!.byteOffset % 8).toBe(0);
    });
  });

  it('decompresses as the native library does, and refuses what it refuses', () => {
    const outcome = (work: () => Uint8Array) => {
      try {
        return Buffer.from(work()).toString('latin1');
      } catch (error) {
        expect(error).toMatchObject({ kind: 'invalid' });
        return 'refused';
      }
    };
    const piece = fc.tuple(fc.uint8Array({ maxLength: 90 }), fc.integer({ min: 1, max: 40 }));
    const edit = fc.tuple(fc.nat(3000), fc.nat(255));
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.array(edit, { maxLength: 3 }),
        (pieces, edits) => {
          const plain = pieces.flatMap(([bytes, times]) =>
            Array(times)
              .fill([...bytes])
              .flat(),
          );
          const compressed = Uint8Array.from(compressSync(Buffer.from(plain)));
          for (const [at, byte] of edits) compressed[at % compressed.length] = byte;
          const sane = outcome(() => {
            const size = snappyUncompressedSize(compressed);
            return new Uint8Array(size > 1 << 20 ? 1 : 0);
          });
          if (sane !== '') return;
          const wanted = outcome(() => snappyUncompress(compressed));
          expect(outcome(() => kernel.uncompress(compressed))).toBe(wanted);
          if (wanted === 'refused') refused++;
        },
      ),
      { numRuns: 4000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it.each([
    ['a copy with offset 0', '0500610900'],
    ['a copy from before the start', '05006109ff'],
    ['a literal past the end', '05f4ffffff00'],
    ['a length of more than 32 bits', '05fcffffffff61'],
    ['a cut copy', '0500610a01'],
  ])('refuses %s', (_name, hex) => {
    expect(() => kernel.uncompress(Buffer.from(hex, 'hex'))).toThrow(/^snappy: corrupt input/);
  });

  it('does not take another body for its own', () => {
    const held = kernel.uncompress(compressSync(Buffer.from('one')));
    expect(kernel.holds(held)).toBe(true);
    kernel.uncompress(compressSync(Buffer.from('two')));
    expect(kernel.holds(held)).toBe(false);
  });
});
