// Prometheus's order of label sets, decided on the bytes without allocating: the first differing byte
// lies in one label of both, and that label's name and value decide. Equal bytes are equal labels,
// because label bytes are canonical (label-bytes.ts).
import type { LabelBytes } from './label-bytes.ts';

/** Negative, zero or positive. Both must be canonical label bytes. */
export function compareLabels(a: LabelBytes, b: LabelBytes): number {
  const at = sharedSize(a, b);
  if (at === a.length || at === b.length) return a.length - b.length;
  return compareLabelAt(a, b, labelStart(a, at));
}

/** How many bytes both begin with. Four at a time: this is most of what merging series does. */
export function sharedSize(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  let at = 0;
  for (
    const last = shared - 3;
    at < last &&
    a[at] === b[at] &&
    a[at + 1] === b[at + 1] &&
    a[at + 2] === b[at + 2] &&
    a[at + 3] === b[at + 3];
  ) {
    at += 4;
  }
  while (at < shared && a[at] === b[at]) at++;
  return at;
}

/** Whether both are the same labels: from the end, where series of one metric differ soonest. */
export function equalLabels(a: LabelBytes, b: LabelBytes): boolean {
  if (a.length !== b.length) return false;
  for (let at = a.length - 1; at >= 0; at--) if (a[at] !== b[at]) return false;
  return true;
}

/** Start of the label that holds position `at`; up to there both sides are equal. */
function labelStart(bytes: LabelBytes, at: number): number {
  let start = 0;
  for (;;) {
    const sizeEnd = varintEnd(bytes, start + 1);
    if (sizeEnd > at) return start;
    const end = sizeEnd + varintAt(bytes, start + 1);
    if (end > at) return start;
    start = end;
  }
}

function compareLabelAt(a: LabelBytes, b: LabelBytes, start: number): number {
  const nameA = varintEnd(a, start + 1) + 1;
  const nameB = varintEnd(b, start + 1) + 1;
  const fromA = varintEnd(a, nameA);
  const fromB = varintEnd(b, nameB);
  const endA = fromA + varintAt(a, nameA);
  const endB = fromB + varintAt(b, nameB);
  const byName = compareRange(a, fromA, endA, b, fromB, endB);
  if (byName !== 0) return byName;
  const valueA = varintEnd(a, endA + 1);
  const valueB = varintEnd(b, endB + 1);
  return compareRange(
    a,
    valueA,
    valueA + varintAt(a, endA + 1),
    b,
    valueB,
    valueB + varintAt(b, endB + 1),
  );
}

function compareRange(
  a: Uint8Array,
  fromA: number,
  endA: number,
  b: Uint8Array,
  fromB: number,
  endB: number,
): number {
  const shared = Math.min(endA - fromA, endB - fromB);
  for (let index = 0; index < shared; index++) {
    const difference = a[fromA + index]! - b[fromB + index]!;
    if (difference !== 0) return difference;
  }
  return endA - fromA - (endB - fromB);
}

function varintAt(bytes: Uint8Array, at: number): number {
  let value = bytes[at]!;
  if (value < 128) return value;
  value &= 127;
  for (let scale = 128; ; scale *= 128) {
    const byte = bytes[++at] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
}

/** Position behind the varint at `at`. */
function varintEnd(bytes: Uint8Array, at: number): number {
  while (bytes[at]! >= 128) at++;
  return at + 1;
}
