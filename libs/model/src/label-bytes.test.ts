// Labels as canonical bytes: one form for one set of labels, and Prometheus's order over them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLabels, encodeLabels, labelsOf, labelValue, printLabels } from './label-bytes.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 5 });
const labels = fc.dictionary(text, text, { maxKeys: 5 });

describe('label bytes', () => {
  it('come back sorted, without empty values', () => {
    fc.assert(
      fc.property(labels, (record) => {
        const decoded = decodeLabels(labelsOf(record));
        const wanted = Object.entries(record).filter(([, value]) => value !== '');
        expect(new Map(decoded.map(({ name, value }) => [name, value]))).toEqual(new Map(wanted));
        const names = decoded.map(({ name }) => Buffer.from(name));
        expect([...names].sort(Buffer.compare)).toEqual(names);
      }),
    );
  });

  it('are the same whatever the order of the input', () => {
    const forward = [
      { name: 'b', value: '1' },
      { name: 'a', value: '2' },
    ];
    expect(encodeLabels(forward)).toEqual(encodeLabels([...forward].reverse()));
  });

  it('give a value by name, or undefined', () => {
    const bytes = labelsOf({ __name__: 'up', job: 'a' });
    expect(labelValue(bytes, 'job')).toBe('a');
    expect(labelValue(bytes, 'jo')).toBeUndefined();
  });

  it('print as Prometheus prints them', () => {
    expect(printLabels(labelsOf({ __name__: 'up', job: 'a"b' }))).toBe('up{job="a\\"b"}');
    expect(printLabels(labelsOf({ __name__: 'up' }))).toBe('up');
    expect(printLabels(labelsOf({ a: 'b' }))).toBe('{a="b"}');
  });

  it('throw on bytes that are not labels, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeLabels(bytes);
        } catch (error) {
          expect(error).toHaveProperty('kind');
        }
      }),
    );
  });
});
