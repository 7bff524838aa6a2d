// Coalesced reads: items that lie near each other in a file are fetched together. One rule for series
// entries, postings lists and chunks, for local disks and for object storage alike.

/** Where the source says nothing else: up to so many bytes between two items are cheaper to read than another request. */
const GAP_MAX = 512 << 10;
export const SPAN_SIZE_MAX = 4 << 20;

/** Items [first, last) lie in bytes [from, to) of the file. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Groups items [first, last) by where they start; `endOf` may guess where one ends, but only up to
 * `limit`. A new span begins at a gap of more than `gapMax` bytes, at a step back, or when a span is large enough.
 */
export function coalesce(
  first: number,
  last: number,
  startOf: (item: number) => number,
  endOf: (item: number) => number,
  limit: number,
  gapMax = GAP_MAX,
): Span[] {
  const spans: Span[] = [];
  let item = first;
  while (item < last) {
    const begin = item;
    const from = startOf(item);
    let to = endOf(item);
    for (item++; item < last; item++) {
      const start = startOf(item);
      if (start < from || start > to + gapMax || endOf(item) - from > SPAN_SIZE_MAX) break;
      to = Math.max(to, endOf(item));
    }
    spans.push({ from, to: Math.min(to, limit), first: begin, last: item });
  }
  return spans;
}
