// Sorting in steps, for threads that must not be held up: a stable merge sort of numbers by any order,
// which stops after some thousand comparisons to let its caller do something else.

/** Runs that are sorted in one go. */
const RUN = 32;
const STEP = 4096;

/** Sorts `order` in place; each step takes about 4,096 comparisons. */
export function* sortSteps(
  order: Uint32Array,
  compare: (a: number, b: number) => number,
): Generator<void> {
  let work = 0;
  for (let from = 0; from < order.length; from += RUN) {
    order.subarray(from, from + RUN).sort(compare);
    work += RUN * 5;
    if (work < STEP) continue;
    work = 0;
    yield;
  }
  let source: Uint32Array = order;
  let target: Uint32Array = new Uint32Array(order.length > RUN ? order.length : 0);
  for (let width = RUN; width < order.length; width *= 2) {
    yield* mergeRuns(source, target, width, compare);
    [source, target] = [target, source];
  }
  if (source !== order) order.set(source);
}

function* mergeRuns(
  source: Uint32Array,
  target: Uint32Array,
  width: number,
  compare: (a: number, b: number) => number,
): Generator<void> {
  let work = 0;
  for (let from = 0; from < source.length; from += 2 * width) {
    const middle = Math.min(from + width, source.length);
    const end = Math.min(from + 2 * width, source.length);
    let left = from;
    let right = middle;
    // Two runs that stand in order already, as those of sorted input do.
    if (middle === end || compare(source[middle - 1]!, source[middle]!) <= 0) {
      target.set(source.subarray(from, end), from);
      continue;
    }
    for (let at = from; at < end; at++) {
      const takeLeft =
        right === end || (left < middle && compare(source[left]!, source[right]!) <= 0);
      target[at] = takeLeft ? source[left++]! : source[right++]!;
      if (++work < STEP) continue;
      work = 0;
      yield;
    }
  }
}
