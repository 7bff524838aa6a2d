// A label as it stands in a series, with its tag and sizes, of a name whose head is known (`0a len name 12`).
import { labelHead } from './attribute-keys.ts';

export const METRIC_HEAD: Uint8Array = labelHead(new TextEncoder().encode('__name__'));
export const BOUND_HEAD: Uint8Array = labelHead(new TextEncoder().encode('le'));

/** Of a value below 16 KiB. */
export function wholeLabel(head: Uint8Array, value: Uint8Array): Uint8Array {
  const valueSize = value.length < 128 ? 1 : 2;
  const inner = head.length + valueSize + value.length;
  const label = new Uint8Array(1 + (inner < 128 ? 1 : 2) + inner);
  label[0] = 0x0a;
  const at = writeSize(label, 1, inner);
  label.set(head, at);
  label.set(value, writeSize(label, at + head.length, value.length));
  return label;
}

function writeSize(bytes: Uint8Array, at: number, size: number): number {
  if (size < 128) {
    bytes[at] = size;
    return at + 1;
  }
  bytes[at] = (size & 127) | 128;
  bytes[at + 1] = size >>> 7;
  return at + 2;
}
