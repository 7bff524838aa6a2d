// Names of InfluxDB as names of Prometheus, by Mimir's rule: what isn't a letter of ASCII, a digit or `_`
// becomes `_`, one a character; a first digit gets `_` before it. Values only lose their escapes.
import type { ByteSink } from '../protobuf/byte-sink.ts';
import { isEscapable } from './line-reader.ts';

const UNDERSCORE = 0x5f;
const BACKSLASH = 0x5c;

const IS_PLAIN = (() => {
  const plain = new Uint8Array(256);
  for (const byte of Buffer.from(
    'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_',
  )) {
    plain[byte] = 1;
  }
  return plain;
})();

export interface NameRules {
  /** Where a first digit gets its underscore: not behind another part of the name. */
  readonly isFirst: boolean;
  /** `\=` is an escape everywhere but in measurements. */
  readonly withEquals: boolean;
}

/** Appends bytes[from, to) as a name. */
export function appendName(
  sink: ByteSink,
  bytes: Uint8Array,
  from: number,
  to: number,
  { isFirst, withEquals }: NameRules,
): void {
  sink.reserve(to - from + 1);
  const out = sink.bytes;
  let size = sink.size;
  if (isFirst && bytes[from]! >= 0x30 && bytes[from]! <= 0x39) out[size++] = UNDERSCORE;
  let previous = 0;
  for (let at = from; at < to; at++) {
    let byte = bytes[at]!;
    if (byte === BACKSLASH && at + 1 < to && isEscapable(bytes[at + 1]!, withEquals)) {
      byte = bytes[++at]!;
    }
    // What continues a character has been replaced with its first byte.
    const continues = (byte & 0xc0) === 0x80 && previous >= 0x80;
    if (!continues) out[size++] = IS_PLAIN[byte] === 1 ? byte : UNDERSCORE;
    previous = byte;
  }
  sink.size = size;
}

/** Appends bytes[from, to) without the backslashes of its escapes. */
export function appendUnescaped(sink: ByteSink, bytes: Uint8Array, from: number, to: number): void {
  sink.reserve(to - from);
  const out = sink.bytes;
  let size = sink.size;
  for (let at = from; at < to; at++) {
    if (bytes[at] === BACKSLASH && at + 1 < to && isEscapable(bytes[at + 1]!, true)) at++;
    out[size++] = bytes[at]!;
  }
  sink.size = size;
}
