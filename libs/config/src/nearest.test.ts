// Edit distance, and when a guess is better left out.
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

describe('nearest', () => {
  it('counts insertions, deletions and replacements', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('same', 'same')).toBe(0);
  });

  it('finds the closest name, and none when all are far', () => {
    expect(nearest('targe', ['target', 'large.thing'])).toBe('target');
    expect(nearest('zzz', ['target'])).toBeUndefined();
  });
});
