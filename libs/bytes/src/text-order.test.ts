// Texts against the order of their bytes, astral characters and private ones among them.
import { describe, expect, it } from 'vitest';
import { compareBytes } from './compare.ts';
import { utf8 } from './text.ts';
import { compareTexts, sortTexts, uniteTexts } from './text-order.ts';

const TEXTS = ['', 'a', 'ab', 'b', 'é', '\ue000', '\uffff', '\u{1f600}', '\u{1f601}', 'a\u{10000}'];
const sign = (value: number) => Math.sign(value);
const byBytes = (a: string, b: string) => compareBytes(utf8(a), utf8(b));

describe('the order of texts', () => {
  it('is that of their UTF-8 bytes', () => {
    for (const a of TEXTS) {
      for (const b of TEXTS) expect(sign(compareTexts(a, b))).toBe(sign(byBytes(a, b)));
    }
    expect(sortTexts([...TEXTS].reverse())).toEqual([...TEXTS].sort(byBytes));
    expect(sortTexts(['b', 'a', 'ab'])).toEqual(['a', 'ab', 'b']);
  });
});

describe('united texts', () => {
  it('come once each and in order, up to a limit', () => {
    const lists = [['a', 'c', '\ue000'], [], ['b', 'c', '\u{1f600}'], ['c']];
    expect(uniteTexts(lists)).toEqual(['a', 'b', 'c', '\ue000', '\u{1f600}']);
    expect(uniteTexts(lists, 2)).toEqual(['a', 'b']);
    expect(uniteTexts(lists, 0)).toEqual([]);
    expect(uniteTexts([['a', 'b']], 1)).toEqual(['a']);
    expect(uniteTexts([])).toEqual([]);
  });

  it('are the list itself where there is one', () => {
    const only = ['a', 'b'];
    expect(uniteTexts([[], only])).toBe(only);
  });
});
