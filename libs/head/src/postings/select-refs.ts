// Evaluates matchers over the index: intersection of what must be there, minus what must not. As in
// Prometheus, a matcher that accepts the empty value also accepts series without the label, so it
// is answered by taking away the series whose value it refuses.
import type { Matcher } from '@weir/model';
import type { LabelIndex } from './label-index.ts';

/** Refs of the tenant's series that satisfy all matchers, ascending. A copy. */
export function selectRefs(
  index: LabelIndex,
  tenant: number,
  matchers: readonly Matcher[],
): Uint32Array {
  const wanted: Uint32Array[] = [];
  const refused: Uint32Array[] = [];
  for (const matcher of matchers) {
    if (matcher.matches('')) {
      refused.push(union(index, pairsWhere(index, tenant, matcher, false)));
    } else {
      const refs = union(index, pairsWhere(index, tenant, matcher, true));
      if (refs.length === 0) return refs;
      wanted.push(refs);
    }
  }
  if (wanted.length === 0) wanted.push(index.lists.read(index.tenant(tenant).all));
  wanted.sort((a, b) => a.length - b.length);
  let result: Uint32Array = wanted[0].slice();
  for (const other of wanted.slice(1)) result = keep(result, other, true);
  for (const other of refused) result = keep(result, other, false);
  return result;
}

function pairsWhere(
  index: LabelIndex,
  tenant: number,
  matcher: Matcher,
  outcome: boolean,
): number[] {
  if (outcome && matcher.values) {
    return matcher.values
      .map((value) => index.pair(tenant, matcher.name, value))
      .filter((pair) => pair >= 0);
  }
  const names = index.tenant(tenant).names.get(matcher.name);
  if (!names) return [];
  const values = index.values(names);
  const pairs: number[] = [];
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (outcome && matcher.prefix !== '' && !value.startsWith(matcher.prefix)) continue;
    if (matcher.matches(value) === outcome) pairs.push(names.pairs[at]);
  }
  return pairs;
}

/** The lists of one name's values never share a series, so a union needs no deduplication. */
function union(index: LabelIndex, pairs: number[]): Uint32Array {
  if (pairs.length === 1) return index.lists.read(pairs[0]);
  let count = 0;
  for (const pair of new Set(pairs)) count += index.lists.sizeOf(pair);
  const refs = new Uint32Array(count);
  let at = 0;
  let sorted = true;
  for (const pair of new Set(pairs)) {
    const list = index.lists.read(pair);
    if (at > 0 && list.length > 0 && refs[at - 1] > list[0]) sorted = false;
    refs.set(list, at);
    at += list.length;
  }
  return sorted ? refs : sortRefs(refs);
}

/** Ascending order; dense refs by a bitmap, which takes a few ms for a million. */
function sortRefs(refs: Uint32Array): Uint32Array {
  if (refs.length < 4096) return refs.sort();
  let max = 0;
  for (let at = 0; at < refs.length; at++) if (refs[at] > max) max = refs[at];
  if (max > refs.length * 256) return refs.sort();
  const bits = new Uint32Array((max >>> 5) + 1);
  for (let at = 0; at < refs.length; at++) bits[refs[at] >>> 5] |= 1 << (refs[at] & 31);
  let at = 0;
  for (let word = 0; word < bits.length; word++) {
    for (let left = bits[word]; left !== 0; left &= left - 1) {
      refs[at++] = word * 32 + 31 - Math.clz32(left & -left);
    }
  }
  return refs;
}

/** Refs of `refs` that are (or are not) in `other`, written over `refs`. Gallops through the longer one. */
function keep(refs: Uint32Array, other: Uint32Array, present: boolean): Uint32Array {
  let count = 0;
  let low = 0;
  for (let at = 0; at < refs.length; at++) {
    const ref = refs[at];
    let step = 1;
    while (low + step < other.length && other[low + step] < ref) step *= 2;
    let high = Math.min(low + step, other.length);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (other[middle] < ref) low = middle + 1;
      else high = middle;
    }
    if ((low < other.length && other[low] === ref) === present) refs[count++] = ref;
  }
  return refs.subarray(0, count);
}
