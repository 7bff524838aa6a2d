// Prometheus's order of label sets, over the canonical bytes of two series in the arena: without readers,
// views or strings, as sorting compares millions of them.
import { R, type SeriesStore } from '../series/series-store.ts';

/** compareLabels() of two series that are known to be equal before `from`, where a label begins. */
export function compareSeries(store: SeriesStore, a: number, b: number, from = 0): number {
  const { labels } = store;
  const left = labels.slabOf(store.record(a, R.labels));
  const right = labels.slabOf(store.record(b, R.labels));
  const leftFrom = labels.offsetOf(store.record(a, R.labels));
  const rightFrom = labels.offsetOf(store.record(b, R.labels));
  const leftLength = store.labelsLength(a);
  const rightLength = store.labelsLength(b);
  const shared = Math.min(leftLength, rightLength);
  let start = from;
  let next = from;
  // The first label in which they differ: its start in both, as all before it is equal.
  for (let at = from; at < shared; at++) {
    if (at === next) {
      start = at;
      next = labelEnd(left, leftFrom + at) - leftFrom;
    }
    if (left[leftFrom + at] !== right[rightFrom + at]) {
      return compareLabelsAt(left, leftFrom + start, right, rightFrom + start);
    }
  }
  return leftLength - rightLength;
}

export function varintEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] > 127) at++;
  return at + 1;
}

export function varint(bytes: Uint8Array, from: number): number {
  let at = from;
  let value = bytes[at] & 127;
  for (let shift = 7; bytes[at] > 127; shift += 7) value |= (bytes[++at] & 127) << shift;
  return value;
}

/** Where the label that begins at `at` ends. */
export function labelEnd(bytes: Uint8Array, at: number): number {
  return varintEnd(bytes, at + 1) + varint(bytes, at + 1);
}

/** Where the length of the label's name stands. */
export function nameLengthAt(bytes: Uint8Array, label: number): number {
  return varintEnd(bytes, label + 1) + 1;
}

/** Where the length of the label's value stands, by that of its name. */
export function valueLengthAt(bytes: Uint8Array, name: number): number {
  return varintEnd(bytes, name) + varint(bytes, name) + 1;
}

function compareLabelsAt(
  left: Uint8Array,
  leftLabel: number,
  right: Uint8Array,
  rightLabel: number,
): number {
  const leftName = nameLengthAt(left, leftLabel);
  const rightName = nameLengthAt(right, rightLabel);
  const byName = compareRun(left, leftName, right, rightName);
  if (byName !== 0) return byName;
  return compareRun(left, valueLengthAt(left, leftName), right, valueLengthAt(right, rightName));
}

/** Compares two length-prefixed runs of bytes. */
export function compareRun(
  left: Uint8Array,
  leftAt: number,
  right: Uint8Array,
  rightAt: number,
): number {
  const leftLength = varint(left, leftAt);
  const rightLength = varint(right, rightAt);
  const leftFrom = varintEnd(left, leftAt);
  const rightFrom = varintEnd(right, rightAt);
  const shared = Math.min(leftLength, rightLength);
  for (let at = 0; at < shared; at++) {
    const difference = left[leftFrom + at] - right[rightFrom + at];
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}
