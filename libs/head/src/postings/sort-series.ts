// Sorts series into label order, in steps. Most series of a metric share most of their labels, so comparing
// two of them reads hundreds of equal bytes. Hence what all of a range share is looked at once, then they
// are sorted by the few bytes that follow, as numbers, and so on within those that are still equal.
import { sortSteps } from '@weir/bytes';
import { R, type SeriesStore } from '../series/series-store.ts';
import {
  compareRun,
  compareSeries,
  labelEnd,
  nameLengthAt,
  valueLengthAt,
  varint,
  varintEnd,
} from './compare-series.ts';

/** So few are compared as they stand. */
const COMPARED_MAX = 24;
/** Series looked at in one step: well below a millisecond. */
const LOOK_STEP = 512;
/** Series of short runs that are sorted in one step. */
const COMPARE_STEP = 256;
/** Bytes of a value in one key. A symbol is a byte + 1, or 0 behind the end; all of them are exact in a double. */
const KEY_SYMBOLS = 6;
const SYMBOLS = 257;

/** Series that are equal before `label`, where a label begins. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly label: number;
}

/** Where series of a range begin to differ: in the value of the label at `label`, behind `shared` bytes of it. */
interface Difference {
  readonly label: number;
  readonly shared: number;
}

/** Sorts `refs` in place. No series may be removed meanwhile. */
export function* sortSeries(store: SeriesStore, refs: Uint32Array): Generator<void> {
  const ranges: Range[] = [{ from: 0, to: refs.length, label: 0 }];
  for (let range = ranges.pop(); range; range = ranges.pop()) {
    const part = refs.subarray(range.from, range.to);
    const difference = yield* differenceOf(store, part, range.label);
    if (part.length <= COMPARED_MAX || !difference) {
      yield* sortSteps(part, (a, b) => compareSeries(store, a, b, range.label));
      continue;
    }
    const keys = yield* sortByKeys(store, part, difference);
    yield* splitEqual(store, refs, range, difference.label, keys, ranges);
  }
}

/** Undefined where the series differ in more than a label's value. */
function* differenceOf(
  store: SeriesStore,
  refs: Uint32Array,
  from: number,
): Generator<void, Difference | undefined> {
  if (refs.length <= COMPARED_MAX) return undefined;
  const label = yield* sharedLabels(store, refs, from);
  const [slab, offset] = runOf(store, refs[0]);
  if (label >= store.labelsLength(refs[0])) return undefined;
  const name = nameLengthAt(slab, offset + label);
  const value = valueLengthAt(slab, name);
  const first = varintEnd(slab, value);
  let shared = varint(slab, value);
  for (let index = 1; index < refs.length; index++) {
    const [other, otherOffset] = runOf(store, refs[index]);
    if (label >= store.labelsLength(refs[index])) return undefined;
    const otherName = nameLengthAt(other, otherOffset + label);
    if (compareRun(slab, name, other, otherName) !== 0) return undefined;
    const otherValue = valueLengthAt(other, otherName);
    const begin = varintEnd(other, otherValue);
    const end = Math.min(shared, varint(other, otherValue));
    let at = 0;
    while (at < end && slab[first + at] === other[begin + at]) at++;
    shared = at;
    if (index % LOOK_STEP === 0) yield;
  }
  return { label, shared };
}

/** Where the first label begins that not all of the series have in common; they do before `from`. */
function* sharedLabels(
  store: SeriesStore,
  refs: Uint32Array,
  from: number,
): Generator<void, number> {
  const [slab, offset] = runOf(store, refs[0]);
  let shared = store.labelsLength(refs[0]);
  for (let index = 1; index < refs.length; index++) {
    const [other, otherOffset] = runOf(store, refs[index]);
    const end = Math.min(shared, store.labelsLength(refs[index]));
    let at = from;
    while (at < end && slab[offset + at] === other[otherOffset + at]) at++;
    shared = at;
    if (index % LOOK_STEP === 0) yield;
  }
  for (let label = from; label < shared; ) {
    const end = labelEnd(slab, offset + label) - offset;
    if (end > shared) return label;
    label = end;
  }
  return shared;
}

/** Sorts by the bytes behind what the values share; returns the keys in the new order. */
function* sortByKeys(
  store: SeriesStore,
  refs: Uint32Array,
  { label, shared }: Difference,
): Generator<void, Float64Array> {
  const keys = new Float64Array(refs.length);
  const order = new Uint32Array(refs.length);
  for (let index = 0; index < refs.length; index++) {
    const [slab, offset] = runOf(store, refs[index]);
    const value = valueLengthAt(slab, nameLengthAt(slab, offset + label));
    const begin = varintEnd(slab, value);
    const end = begin + varint(slab, value);
    let key = 0;
    for (let at = begin + shared; at < begin + shared + KEY_SYMBOLS; at++) {
      key = key * SYMBOLS + (at < end ? slab[at] + 1 : 0);
    }
    keys[index] = key;
    order[index] = index;
    if (index % LOOK_STEP === LOOK_STEP - 1) yield;
  }
  yield* sortSteps(order, (a, b) => keys[a] - keys[b]);
  const sorted = new Float64Array(refs.length);
  const before = refs.slice();
  for (let index = 0; index < refs.length; index++) {
    refs[index] = before[order[index]];
    sorted[index] = keys[order[index]];
  }
  return sorted;
}

/** Sorts runs of series with equal keys where they are short, and adds the others to `ranges`. */
function* splitEqual(
  store: SeriesStore,
  refs: Uint32Array,
  range: Range,
  label: number,
  keys: Float64Array,
  ranges: Range[],
): Generator<void> {
  let work = 0;
  for (let from = 0; from < keys.length; ) {
    let to = from + 1;
    while (to < keys.length && keys[to] === keys[from]) to++;
    const part = refs.subarray(range.from + from, range.from + to);
    if (part.length > COMPARED_MAX) {
      ranges.push({
        from: range.from + from,
        to: range.from + to,
        label: keys[from] % SYMBOLS === 0 ? labelEndOf(store, part[0], label) : label,
      });
    } else if (part.length > 1) part.sort((a, b) => compareSeries(store, a, b, label));
    work += part.length;
    from = to;
    if (work < COMPARE_STEP) continue;
    work = 0;
    yield;
  }
}

function labelEndOf(store: SeriesStore, ref: number, label: number): number {
  const [slab, offset] = runOf(store, ref);
  return labelEnd(slab, offset + label) - offset;
}

/** The slab with the series' labels, and where in it they begin. */
function runOf(store: SeriesStore, ref: number): [Uint8Array, number] {
  const position = store.record(ref, R.labels);
  return [store.labels.slabOf(position), store.labels.offsetOf(position)];
}
