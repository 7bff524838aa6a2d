// Rows of the kernel against the runtime's own digits, value by value, and against the plain way of writing samples.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteWriter, floatText } from './byte-writer.ts';
import { ROWS_MAX, SampleRows } from './sample-rows.ts';

const rows = new SampleRows();

/** The texts of values, as many as go at once. */
function printed(values: ArrayLike<number>): string[] {
  rows.times.fill(0);
  rows.values.set(values);
  rows.write(values.length);
  const end = rows.ends[values.length - 1]!;
  const text = Buffer.from(rows.bytes.subarray(rows.start, end)).toString('latin1');
  return text.slice(4, -2).split('"],[0,"');
}

function expectDigits(values: readonly number[]): void {
  for (let from = 0; from < values.length; from += ROWS_MAX) {
    const part = values.slice(from, from + ROWS_MAX);
    expect(printed(part)).toEqual(part.map(floatText));
  }
}

/** A value and the doubles beside it, of both signs. */
function around(value: number): number[] {
  const float = Float64Array.of(value);
  const bits = new BigInt64Array(float.buffer);
  const values = [value, -value];
  for (const step of [1n, -2n]) {
    bits[0]! += step;
    values.push(float[0]!, -float[0]!);
  }
  return values;
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('digits of the kernel are those of the runtime', () => {
  it('for any bits', () => {
    const bits = new Int32Array(2 * ROWS_MAX);
    const values = new Float64Array(bits.buffer);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        // xorshift32: to draw the bits one by one takes longer than to print them.
        let state = seed === 0 ? 1 : seed;
        for (let at = 0; at < bits.length; at++) {
          state ^= state << 13;
          state ^= state >>> 17;
          state ^= state << 5;
          bits[at] = state;
        }
        expect(printed(values)).toEqual(Array.from(values, floatText));
      }),
      { numRuns: 500 },
    );
  });

  it('for doubles and quotients of integers', () => {
    const quotient = fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 1, max: 100_000 }));
    const value = fc.oneof(
      fc.double(),
      quotient.map(([a, b]) => a / b),
    );
    fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), expectDigits), {
      numRuns: 500,
    });
  });

  it('around powers of two', () => {
    expectDigits(upTo(2098).flatMap((at) => around(2 ** (at - 1074))));
  });

  it('around multiples of powers of ten', () => {
    const texts = upTo(632).flatMap((at) => upTo(9).map((digit) => `${digit + 1}e${at - 323}`));
    expectDigits(texts.flatMap((text) => around(Number(text))));
  });

  it('for subnormals', () => {
    expectDigits(upTo(10_000).map((at) => at * Number.MIN_VALUE));
    expectDigits(around(2 ** -1022));
  });

  it('for integers, halves and decimals', () => {
    expectDigits(upTo(10_000).flatMap((at) => [at, at / 2, at / 100, -at / 1e6]));
    const wide = upTo(1000).map((at) => 2 ** 53 + (at - 500));
    expectDigits([...wide, ...wide.map((value) => -value), ...wide.map((value) => value * 1024)]);
  });

  it('for what has no digits', () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    const edges = [0, -0, nan, infinity, -infinity, ...around(Number.MAX_VALUE)];
    expect(printed([0, -0, nan, infinity, -infinity])).toEqual(['0', '-0', 'NaN', '+Inf', '-Inf']);
    expectDigits(edges);
    // A NaN's sign and payload don't show.
    new BigUint64Array(rows.values.buffer, rows.values.byteOffset)[0] = 0xfff0000000000001n;
    expect(printed(rows.values.slice(0, 1))).toEqual(['NaN']);
  });
});

describe('rows of the kernel', () => {
  const time = fc.oneof(
    fc.maxSafeInteger(),
    fc.integer({ min: -100_000, max: 100_000 }),
    fc.constantFrom(1e15, -1e15, 999, 1000, -1),
  );

  it('are those of the plain way, one after the other', () => {
    const samples = fc.array(fc.tuple(time, fc.double()), { minLength: 1, maxLength: ROWS_MAX });
    fc.assert(
      fc.property(samples, (written) => {
        rows.times.set(written.map(([ms]) => ms));
        rows.values.set(written.map(([, value]) => value));
        rows.write(written.length);
        const plain = new ByteWriter();
        const ends: number[] = [];
        let size = 0;
        for (const [ms, value] of written) {
          const row = new ByteWriter();
          row.ascii('[');
          row.timestamp(ms);
          row.ascii(',');
          row.quotedFloat(value);
          row.ascii(']');
          const bytes = row.take();
          if (size > 0) plain.ascii(',');
          plain.bytes(bytes, 0, bytes.length);
          size += bytes.length + 1;
          ends.push(rows.start + size - 1);
        }
        const end = rows.ends[written.length - 1]!;
        const text = Buffer.from(rows.bytes.subarray(rows.start, end)).toString('latin1');
        expect(text).toBe(Buffer.from(plain.take()).toString('latin1'));
        expect([...rows.ends.subarray(0, written.length)]).toEqual(ends);
      }),
    );
  });

  it('fit where all are as long as can be', () => {
    rows.times.fill(1024 - 2 ** 63);
    rows.values.fill(-0.0000012345678901234567);
    rows.write(ROWS_MAX);
    const end = rows.ends[ROWS_MAX - 1]!;
    const row = '[-9223372036854774.784,"-0.0000012345678901234567"]';
    const text = Buffer.from(rows.bytes.subarray(rows.start, end)).toString('latin1');
    expect(text).toBe(new Array(ROWS_MAX).fill(row).join(','));
    expect(end + 32).toBeLessThanOrEqual(rows.bytes.length);
  });
});
