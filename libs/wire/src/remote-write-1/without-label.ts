// A TimeSeries without one of its labels, as bytes: what replicas send differs by a label that is not stored, and
// must not cost them the plain path. Sees labels as Prometheus writes them; who copies checks that there are no others.

/** Copies bytes[from, to) without labels of that name to `out` at `start`; returns the end there. */
export function copyWithout(
  name: Uint8Array,
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  start: number,
): number {
  let end = start;
  let copied = from;
  let at = from;
  while (at < to && bytes[at] === 0x0a) {
    let size = bytes[at + 1]!;
    let inner = at + 2;
    if (size >= 128) {
      const high = bytes[inner++]!;
      if (high >= 128) break;
      size = (size & 127) | (high << 7);
    }
    const next = inner + size;
    if (next > to) break;
    if (isNamed(bytes, inner, next, name)) {
      while (copied < at) out[end++] = bytes[copied++]!;
      copied = next;
    }
    at = next;
  }
  while (copied < to) out[end++] = bytes[copied++]!;
  return end;
}

function isNamed(bytes: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  if (bytes[from] !== 0x0a || bytes[from + 1] !== name.length) return false;
  const start = from + 2;
  if (start + name.length > to) return false;
  for (let index = 0; index < name.length; index++) {
    if (bytes[start + index] !== name[index]) return false;
  }
  return true;
}
