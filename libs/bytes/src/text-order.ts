// Texts in the order of their UTF-8 bytes, which is Prometheus's, and lists of them united. UTF-16 units have another
// order where surrogates meet U+E000 and above: what has neither is left to the runtime's own comparison.

const BEYOND = /[\ud800-\uffff]/;

/** As compareBytes() of their UTF-8 bytes. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const size = Math.min(a.length, b.length);
  for (let at = 0; at < size; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left === right) continue;
    const surrogates = left >= 0xd800 && right >= 0xd800;
    return surrogates ? a.codePointAt(at)! - b.codePointAt(at)! : left - right;
  }
  return a.length - b.length;
}

/** In place. */
export function sortTexts(texts: string[]): string[] {
  return texts.some((text) => BEYOND.test(text)) ? texts.sort(compareTexts) : texts.sort();
}

/** The first of all texts, each once. `lists` are sorted, and no text is in one of them twice. */
export function uniteTexts(
  lists: readonly (readonly string[])[],
  limit = Number.POSITIVE_INFINITY,
): readonly string[] {
  const [first = [], ...others] = lists.filter(({ length }) => length > 0);
  if (others.length === 0) return first.length <= limit ? first : first.slice(0, limit);
  // Of runs that are sorted the runtime's sort is a merge.
  const all = sortTexts(first.concat(...others));
  let count = 0;
  for (let at = 0; at < all.length && count < limit; at++) {
    if (count === 0 || all[at] !== all[count - 1]) all[count++] = all[at]!;
  }
  all.length = count;
  return all;
}
