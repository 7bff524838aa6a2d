// The order of label sets on bytes, against the same order on decoded labels.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLabels, type LabelBytes, labelsOf } from './label-bytes.ts';
import { compareLabels, equalLabels } from './label-order.ts';

const word = fc.constantFrom('a', 'b', 'ab', 'le', '__name__', 'ü', 'x'.repeat(150));
const labelSet = fc.dictionary(word, word, { maxKeys: 4 }).map(labelsOf);

/** Name, then value, pair by pair; a prefix comes first. */
function compareDecoded(a: LabelBytes, b: LabelBytes): number {
  const right = decodeLabels(b);
  for (const [index, label] of decodeLabels(a).entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const byName = Buffer.compare(Buffer.from(label.name), Buffer.from(other.name));
    if (byName !== 0) return byName;
    const byValue = Buffer.compare(Buffer.from(label.value), Buffer.from(other.value));
    if (byValue !== 0) return byValue;
  }
  return Math.sign(decodeLabels(a).length - right.length);
}

describe('compareLabels', () => {
  it('compares names, then values, pair by pair; a prefix comes first', () => {
    const ascending = [
      labelsOf({}),
      labelsOf({ __name__: 'a' }),
      labelsOf({ __name__: 'a', job: 'x' }),
      labelsOf({ __name__: 'a', job: 'xx' }),
      labelsOf({ __name__: 'a', job: 'y' }),
      labelsOf({ __name__: 'aa' }),
      labelsOf({ job: 'a' }),
    ];
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) {
        expect(Math.sign(compareLabels(a, b))).toBe(Math.sign(i - j));
      }
    }
  });

  it('equals the order of the decoded labels', () => {
    fc.assert(
      fc.property(labelSet, labelSet, (a, b) => {
        expect(Math.sign(compareLabels(a, b))).toBe(compareDecoded(a, b));
        expect(equalLabels(a, b)).toBe(compareDecoded(a, b) === 0);
      }),
      { numRuns: 2000 },
    );
  });
});
