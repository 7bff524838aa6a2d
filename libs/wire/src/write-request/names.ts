// Which names are valid: any non-empty UTF-8, or with the legacy scheme Prometheus's old alphabets.
import { isUtf8 } from 'node:buffer';

const METRIC = 1;
const LABEL = 2;
const DIGIT = 4;

const CLASS = (() => {
  const table = new Uint8Array(256);
  const mark = (from: string, to: string, bits: number) => {
    for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code++) table[code] = bits;
  };
  mark('a', 'z', METRIC | LABEL);
  mark('A', 'Z', METRIC | LABEL);
  mark('_', '_', METRIC | LABEL);
  mark(':', ':', METRIC);
  mark('0', '9', METRIC | LABEL | DIGIT);
  return table;
})();

/** Whether bytes[from, to) is a label name; `legacy` selects the alphabet before UTF-8 names. */
export function isLabelName(bytes: Uint8Array, from: number, to: number, legacy: boolean): boolean {
  return legacy ? isLegacy(bytes, from, to, LABEL) : isUtf8Name(bytes, from, to);
}

export function isMetricName(
  bytes: Uint8Array,
  from: number,
  to: number,
  legacy: boolean,
): boolean {
  return legacy ? isLegacy(bytes, from, to, METRIC) : isUtf8Name(bytes, from, to);
}

function isUtf8Name(bytes: Uint8Array, from: number, to: number): boolean {
  return to > from && isUtf8(bytes.subarray(from, to));
}

function isLegacy(bytes: Uint8Array, from: number, to: number, alphabet: number): boolean {
  if (to <= from || (CLASS[bytes[from]!]! & DIGIT) !== 0) return false;
  for (let at = from; at < to; at++) if ((CLASS[bytes[at]!]! & alphabet) === 0) return false;
  return true;
}
