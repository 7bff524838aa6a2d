// The discard log as bytes: what it writes it reads, whatever was noted; what it didn't write is damage,
// never a crash. And label bytes that anybody may have written are cut at whole labels.
import { isKind } from '@weir/errors';
import { encodeLabels, labelsOf, printLabels } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DISCARD_ENTRIES_MAX, DISCARD_LABELS_MAX_BYTES, DiscardLog } from './discard-log.ts';
import { wholeLabelsLength } from './whole-labels.ts';

const labels = fc
  .dictionary(
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.string({ minLength: 1, maxLength: 120 }),
  )
  .map((entries) =>
    encodeLabels(Object.entries(entries).map(([name, value]) => ({ name, value }))),
  );
const note = fc.record({
  reason: fc.constantFrom('a', 'bb', 'ccc'),
  count: fc.nat(1000),
  t: fc.oneof(fc.constant(Number.NaN), fc.double({ noNaN: true })),
  bytes: fc.oneof(labels, fc.uint8Array({ maxLength: 300 })),
});

function noted(notes: readonly (typeof note extends fc.Arbitrary<infer Note> ? Note : never)[]) {
  const log = new DiscardLog();
  for (const [offset, { reason, count, t, bytes }] of notes.entries()) {
    log.note(reason, { offset, timestampMs: offset * 10 }, count, t, bytes, 0, bytes.length);
  }
  return log;
}

describe('the discard log', () => {
  it('comes back from its bytes, and goes on as it would have', () => {
    const notes = fc.array(note, { maxLength: 2 * DISCARD_ENTRIES_MAX + 5 });
    fc.assert(
      fc.property(notes, fc.nat(8), (all, skip) => {
        const log = noted(all);
        const copy = new DiscardLog();
        copy.restore(log.encode(skip), skip);
        expect(copy.dirty).toBe(false);
        for (const one of [log, copy]) {
          one.note('a', { offset: 1e6, timestampMs: 1 }, 1, 2, labelsOf({ x: 'y' }), 0, 6);
        }
        expect(copy.read()).toEqual(log.read());
        expect(copy.encode(0)).toEqual(log.encode(0));
        expect(copy.read().entries.length).toBe(Math.min(all.length + 1, DISCARD_ENTRIES_MAX));
      }),
      { numRuns: 60 },
    );
  });

  it('calls other bytes corrupt', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const cut = fc.option(fc.nat(), { nil: undefined });
    fc.assert(
      fc.property(fc.array(note, { maxLength: 6 }), flips, cut, (all, changes, length) => {
        const bytes = noted(all).encode(4);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const damaged = length === undefined ? bytes : bytes.slice(0, length % bytes.length);
        try {
          new DiscardLog().restore(damaged, Math.min(4, damaged.length));
        } catch (error) {
          expect(isKind(error, 'corrupt')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a row that ends early or goes on', () => {
    const bytes = noted([{ reason: 'a', count: 1, t: 1, bytes: labelsOf({ a: 'b' }) }]).encode(0);
    expect(() => new DiscardLog().restore(bytes.slice(0, -1), 0)).toThrow(/damaged discard row/);
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(() => new DiscardLog().restore(longer, 0)).toThrow(/damaged discard row/);
  });

  it.each([-1, 0, 1])('keeps labels of up to 256 bytes whole (%i)', (more) => {
    const overhead = labelsOf({ a: 'b', n: 'x'.repeat(200) }).length - 200;
    const value = 'x'.repeat(DISCARD_LABELS_MAX_BYTES - overhead + more);
    const bytes = labelsOf({ a: 'b', n: value });
    expect(bytes.length).toBe(DISCARD_LABELS_MAX_BYTES + more);
    const [entry] = noted([{ reason: 'a', count: 1, t: 1, bytes }]).read().entries;
    expect(entry).toMatchObject({ seriesCut: more > 0 });
    expect(entry!.series).toBe(more > 0 ? '{a="b"}' : printLabels(bytes));
  });
});

describe('wholeLabelsLength', () => {
  it('is a run of labels, the longest that fits', () => {
    fc.assert(
      fc.property(labels, fc.nat(400), (bytes, max) => {
        const length = wholeLabelsLength(bytes, 0, bytes.length, max);
        expect(length).toBeLessThanOrEqual(Math.min(max, bytes.length));
        expect(wholeLabelsLength(bytes, 0, length, length)).toBe(length);
        if (max >= bytes.length) expect(length).toBe(bytes.length);
      }),
    );
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, from) => {
        const start = Math.min(from, bytes.length);
        const length = wholeLabelsLength(bytes, start, bytes.length - start, 1000);
        expect(length).toBeLessThanOrEqual(bytes.length - start);
        if (length > 0) printLabels(bytes.subarray(start, start + length));
      }),
      { numRuns: 2000 },
    );
  });
});
