// The Histogram message against protobufjs as the independent reader, and against hostile bytes.
import { isKind } from '@weir/errors';
import { SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { decodeHistogram } from '../log-record/record-histogram.ts';
import { parseHistogram } from './decode-histogram.ts';
import { encodeHistogram } from './encode-histogram.ts';
import { histogramFault } from './histogram-fault.ts';
import { histogramOf } from './histogram-fixture.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
const Histogram = schema.lookupType('weir.write.Histogram');
const anyTime = fc.integer({ min: -(10 ** 14), max: 10 ** 14 });

const EMPTY = histogramOf({});
const anySide = fc.array(fc.tuple(fc.nat(1000), fc.array(fc.nat(1e9), { maxLength: 5 })), {
  maxLength: 4,
});
const anyHistogram = fc
  .record({
    isFloat: fc.boolean(),
    resetHint: fc.nat(3),
    schema: fc.oneof(fc.integer({ min: -4, max: 8 }), fc.constant(SCHEMA_CUSTOM_BUCKETS)),
    zeroThreshold: fc.constantFrom(0, 1e-128, 0.001),
    zeroCount: fc.nat(1e9),
    sum: fc.double({ noNaN: true }),
    positive: anySide,
    negative: anySide,
    firstOffset: fc.integer({ min: -1000, max: 0 }),
  })
  .map(histogramOf);

describe('the Histogram message', () => {
  it('comes back as it was, from anywhere in a buffer', () => {
    fc.assert(
      fc.property(anyHistogram, anyTime, anyTime, fc.nat(9), (histogram, t, startT, pad) => {
        const bytes = encodeHistogram({ t, startT, histogram });
        const around = new Uint8Array(bytes.length + 2 * pad).fill(0xff);
        around.set(bytes, pad);
        const back = decodeHistogram(around, pad, pad + bytes.length);
        expect(back).toEqual({ t, startT, histogram });
      }),
    );
  });

  it('is read by others as it was meant', () => {
    fc.assert(
      fc.property(anyHistogram, anyTime, (h, t) => {
        const bytes = encodeHistogram({ t, startT: 7, histogram: h });
        const told = Histogram.toObject(Histogram.decode(Buffer.from(bytes)), {
          longs: Number,
          arrays: true,
          defaults: true,
          oneofs: true,
        });
        expect(told.count).toBe(h.isFloat ? 'countFloat' : 'countInt');
        expect(h.isFloat ? told.countFloat : told.countInt).toBe(h.count);
        expect(h.isFloat ? told.zeroCountFloat : told.zeroCountInt).toBe(h.zeroCount);
        expect(told.sum).toBe(h.sum);
        expect(told.schema).toBe(h.schema);
        expect(told.timestamp).toBe(t);
        expect(told.startTimestamp).toBe(7);
        expect(told.resetHint).toBe(h.resetHint);
        expect(told.customValues).toEqual([...h.customValues]);
        const spans = (told.positiveSpans as { offset: number; length: number }[]).flatMap(
          ({ offset, length }) => [offset, length],
        );
        expect(spans).toEqual([...h.positiveSpans]);
        const counts = h.isFloat ? told.negativeCounts : summedUp(told.negativeDeltas);
        expect(counts).toEqual([...h.negativeBuckets]);
      }),
    );
  });

  it('may have its numbers unpacked, as proto2 writers send them', () => {
    const bytes = Buffer.from('0806 5a0408001003 6002 6002 6003'.replaceAll(' ', ''), 'hex');
    const { histogram } = parseHistogram(bytes, 0, bytes.length);
    expect([...histogram.positiveBuckets]).toEqual([1, 2, 0]);
    expect([...histogram.positiveSpans]).toEqual([0, 3]);
  });

  it('keeps a stale marker, and no other NaN becomes one', () => {
    const stale = { t: 5, startT: 0, histogram: { ...EMPTY, isStale: true, sum: Number.NaN } };
    const bytes = encodeHistogram(stale);
    expect(Buffer.from(bytes).toString('hex')).toContain('19020000000000f07f');
    expect(decodeHistogram(bytes, 0, bytes.length).histogram.isStale).toBe(true);
    const nan = encodeHistogram({ ...stale, histogram: { ...EMPTY, sum: Number.NaN } });
    expect(decodeHistogram(nan, 0, nan.length).histogram.isStale).toBe(false);
  });

  it('reads integers up to 2^53 - 1, rounds those beyond, and refuses to store them', () => {
    const h = { ...EMPTY, count: Number.MAX_SAFE_INTEGER, zeroCount: Number.MAX_SAFE_INTEGER };
    const bytes = encodeHistogram({ t: 0, startT: 0, histogram: h });
    expect(decodeHistogram(bytes, 0, bytes.length).histogram).toEqual(h);
    const highest = Buffer.from('08ffffffffffffffffff01', 'hex');
    expect(parseHistogram(highest, 0, highest.length).histogram.count).toBe(2 ** 64);
    const text =
      "observation count of 9007199254740992: more than 9007199254740991 can't be stored";
    const over = 2 ** 53;
    const oneSpan = { positiveSpans: Int32Array.of(0, 1), negativeSpans: Int32Array.of(0, 1) };
    for (const huge of [
      { count: over },
      { zeroCount: over },
      { ...oneSpan, positiveBuckets: Float64Array.of(over), negativeBuckets: Float64Array.of(1) },
      { ...oneSpan, positiveBuckets: Float64Array.of(1), negativeBuckets: Float64Array.of(over) },
    ]) {
      expect(histogramFault({ ...EMPTY, ...huge })?.message).toContain(text);
      expect(histogramFault({ ...EMPTY, ...huge, sum: Number.NaN })?.message).toContain(text);
    }
    const rounded = { ...h, count: 2 ** 52, positiveBuckets: Float64Array.of(2 ** 52 + 1) };
    const fault = histogramFault({ ...rounded, positiveSpans: Int32Array.of(0, 1) });
    expect(fault?.id).toBe('native-histogram-count-mismatch');
  });

  it('refuses spans that no bucket can be in', () => {
    const spans = (...values: number[]) => ({
      ...{ ...EMPTY, count: 2, sum: 1, positiveSpans: Int32Array.of(...values) },
      positiveBuckets: new Float64Array(values.length / 2).fill(1),
    });
    const one = (offset: number) => ({ ...spans(offset, 1), count: 1 });
    expect(histogramFault(one(0x7ffffffe))).toBeUndefined();
    expect(histogramFault(one(0x7fffffff))?.message).toContain('outside of any range');
    expect(histogramFault(one(-0x7fffffff))).toBeUndefined();
    expect(histogramFault(one(-0x80000000))?.message).toContain('outside of any range');
    expect(histogramFault(spans(0x7ffffff0, 1, 13, 1))).toBeUndefined();
    expect(histogramFault(spans(0x7ffffff0, 1, 14, 1))?.message).toContain('outside of any range');
  });

  it('refuses malformed bytes, and never fails otherwise or takes memory that a length only claims', () => {
    const [good] = fc.sample(anyHistogram, 1);
    const base = encodeHistogram({ t: 1, startT: 2, histogram: good! });
    const edit = fc.tuple(fc.nat(base.length - 1), fc.nat(255));
    const edited = fc.array(edit, { maxLength: 6 }).map((edits) => {
      const bytes = base.slice();
      for (const [index, byte] of edits) bytes[index] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(edited, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        try {
          const { histogram } = decodeHistogram(bytes, 0, bytes.length);
          expect(histogram.positiveBuckets.length).toBeLessThanOrEqual(bytes.length);
          expect(histogramFault(histogram)).toBeUndefined();
        } catch (error) {
          if (!isKind(error, 'invalid')) throw error;
        }
      }),
      { numRuns: 2000 },
    );
    // A span of four billion buckets, none of which is there.
    const liar = Buffer.from('5a06 10ffffffff0f'.replaceAll(' ', ''), 'hex');
    expect(() => decodeHistogram(liar, 0, liar.length)).toThrow('spans need 2147483647 buckets');
  });
});

function summedUp(deltas: readonly number[]): number[] {
  let sum = 0;
  return deltas.map((delta) => (sum += delta));
}
