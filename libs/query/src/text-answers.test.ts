// Lists of names and values on their way: the same lists make the same message, the same messages the same list.
import { describe, expect, it } from 'vitest';
import { decodeTexts, encodeTexts } from './read-message.ts';
import { encodeTextLists, TextAnswers } from './text-answers.ts';

const answer = (...texts: string[]) => encodeTexts({ heldBlocks: ['01'], texts });

describe('an answer of lists', () => {
  it('is made again when a list or a block is another', () => {
    const [left, right] = [['a', 'c'], ['b']];
    const texts = (lists: string[][], held: string[] = []) =>
      decodeTexts(encodeTextLists({ heldBlocks: held, lists })).texts;
    expect(texts([left, right])).toEqual(['a', 'b', 'c']);
    expect(texts([left, right])).toEqual(['a', 'b', 'c']);
    expect(texts([left, ['d']])).toEqual(['a', 'c', 'd']);
    expect(texts([left])).toEqual(['a', 'c']);
    const held = decodeTexts(encodeTextLists({ heldBlocks: ['02'], lists: [left] })).heldBlocks;
    expect(held).toEqual(['02']);
    expect(texts([])).toEqual([]);
  });

  it('is in a buffer that may be given away', () => {
    const lists = [['a']];
    const first = encodeTextLists({ heldBlocks: [], lists });
    first.fill(0);
    expect(decodeTexts(encodeTextLists({ heldBlocks: [], lists })).texts).toEqual(['a']);
  });

  it('has the first of all, in the order of bytes', () => {
    const lists = [['\u{1f600}'], ['a', '\uffee']];
    expect(decodeTexts(encodeTextLists({ heldBlocks: [], lists }, 2)).texts).toEqual([
      'a',
      '\uffee',
    ]);
  });
});

describe('united answers', () => {
  it('are the same list for the same answers, and another for others', () => {
    const answers = new TextAnswers();
    const first = answers.unite('q', [answer('a', '\uffee'), answer('a', '\u{1f600}')]);
    expect(first.texts).toEqual(['a', '\uffee', '\u{1f600}']);
    expect([...first.heldBlocks]).toEqual(['01']);
    const again = answers.unite('q', [answer('a', '\uffee'), answer('a', '\u{1f600}')]);
    expect(again).toBe(first);
    expect(answers.unite('q', [answer('a', '\uffee')]).texts).toEqual(['a', '\uffee']);
    expect(answers.unite('q', [answer('b')]).texts).toEqual(['b']);
    expect(answers.unite('other', [answer('b')]).texts).toEqual(['b']);
  });

  it('are kept up to some size, those asked last', () => {
    const answers = new TextAnswers();
    const large = [answer('x'.repeat(900_000))];
    const first = answers.unite('0', large);
    const last = answers.unite('1', large);
    expect(answers.unite('0', large)).toBe(first);
    for (let at = 2; at < 10; at++) answers.unite(String(at), large);
    expect(answers.unite('0', large)).toBe(first);
    expect(answers.unite('1', large)).not.toBe(last);
    const huge = [answer('x'.repeat(2_000_000))];
    const kept = answers.unite('huge', huge);
    expect(answers.unite('huge', huge)).not.toBe(kept);
  });
});
