// Messages of parts come back as they were; anything else is refused as damaged.
import type { PartMessage, RowBatch } from '@weir/promql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePartMessage, encodePartMessage } from './part-message.ts';

const batches = fc
  .record({
    steps: fc.integer({ min: 1, max: 4 }),
    labels: fc.array(fc.uint8Array({ maxLength: 9 }), { minLength: 1, maxLength: 5 }),
    extra: fc.boolean(),
    counts: fc.boolean(),
  })
  .chain(({ steps, labels, extra, counts }) => {
    const values = labels.length * steps;
    const column = (isThere: boolean) => {
      const size = isThere ? values : 0;
      return fc.array(fc.double(), { minLength: size, maxLength: size });
    };
    const present = fc.array(fc.nat(1), { minLength: values, maxLength: values });
    return fc.tuple(column(true), column(extra), column(counts), present).map(
      ([v, e, c, p]): RowBatch => ({
        kind: 'rows',
        count: labels.length,
        steps,
        labels: Uint8Array.from(labels.flatMap((one) => [...one])),
        ends: Int32Array.from(
          labels.map((_, at) => labels.slice(0, at + 1).flatMap((l) => [...l]).length),
        ),
        v: Float64Array.from(v),
        p: Uint8Array.from(p),
        extra: Float64Array.from(e),
        counts: Float64Array.from(c),
      }),
    );
  });

function encoded(message: PartMessage): Uint8Array {
  return Uint8Array.from(Buffer.concat(encodePartMessage(message)));
}

describe('messages of parts', () => {
  it('come back, aligned or not', () => {
    fc.assert(
      fc.property(batches, fc.nat(9), (batch, shift) => {
        const bytes = encoded(batch);
        const moved = new Uint8Array(bytes.length + shift);
        moved.set(bytes, shift);
        expect(decodePartMessage(moved.subarray(shift))).toEqual(batch);
      }),
    );
    const prints = { kind: 'prints', words: Uint32Array.of(1, 2, 2 ** 32 - 1, 0) } as const;
    expect(decodePartMessage(encoded(prints))).toEqual(prints);
    const note = { isWarning: true, text: 'ä', span: { start: 1, end: 2 } };
    const end = { kind: 'end', declined: false, notes: [note] } as const;
    expect(decodePartMessage(encoded(end))).toEqual(end);
  });

  it('are refused as corrupt when they are something else', () => {
    const decoded = (bytes: Uint8Array) => {
      try {
        decodePartMessage(bytes);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'corrupt' });
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), decoded));
    fc.assert(
      fc.property(batches, fc.nat(), fc.nat(255), (batch, at, byte) => {
        const bytes = encoded(batch);
        bytes[at % bytes.length] = byte;
        decoded(bytes);
        decoded(bytes.subarray(0, at % bytes.length));
      }),
    );
  });
});
