// What stands for a label value that is too long: as much of its beginning as fits, and a hash of all of it, so that
// different values stay different series. One value may be that of many series of a push (a symbol, an attribute
// of a resource), so the last ones are remembered; and what is huge is nobody's label: it stays, to be refused.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { compareBytes } from '@weir/bytes';
import type { LongValues } from './write-rules.ts';

const SHORTENED_MAX_BYTES = 64 << 10;
const REMEMBERED = 8;

interface Shortened {
  readonly value: Uint8Array;
  readonly how: LongValues;
  readonly sizeMaxBytes: number;
  readonly result: Uint8Array;
}

export class ShortenedValues {
  #last: Shortened[] = [];

  /** The value itself where it is short enough, or can't be shortened. */
  of(value: Uint8Array, how: LongValues, sizeMaxBytes: number): Uint8Array {
    if (value.length <= sizeMaxBytes || value.length > SHORTENED_MAX_BYTES) return value;
    const known = this.#last.find(
      (one) =>
        one.value.length === value.length &&
        one.how === how &&
        one.sizeMaxBytes === sizeMaxBytes &&
        compareBytes(one.value, value) === 0,
    );
    if (known !== undefined) return known.result;
    if (!isUtf8(value)) return value;
    const result = shortened(value, how, sizeMaxBytes);
    const remembered = { value: value.slice(), how, sizeMaxBytes, result };
    this.#last = [remembered, ...this.#last.slice(0, REMEMBERED - 1)];
    return result;
  }
}

/** `(hash:…)`, SHA-256 in hexadecimal digits: 71 bytes; `sizeMaxBytes` must not be less. */
function shortened(value: Uint8Array, how: LongValues, sizeMaxBytes: number): Uint8Array {
  const hash = Buffer.from(`(hash:${createHash('sha256').update(value).digest('hex')})`);
  if (how === 'hashed') return hash;
  let end = Math.max(0, sizeMaxBytes - hash.length);
  while (end > 0 && (value[end]! & 0xc0) === 0x80) end--;
  return Buffer.concat([value.subarray(0, end), hash]);
}
