// What start timestamps say of two samples that follow each other: a counter's value is counted since its start,
// so that a later start is a reset even where the value has risen. Times are in ms, 0 is an unknown start. The
// rules are Prometheus's (3.15, use-start-timestamps).

/**
 * Whether a counter began anew after the sample `before`. A start at the sample before is that of a delta, or
 * stands for "unknown": then that one has no start of its own either. A start at or after its sample says nothing.
 */
export function isRestart(
  beforeStart: number,
  before: number,
  start: number,
  time: number,
): boolean {
  if (start === 0 || start === beforeStart || start >= time || start < before) return false;
  return start > before || (beforeStart !== 0 && beforeStart < before);
}

/** Counted since before the sample before, and yet not since that one's start: something sends what it may not. */
export function isOverlap(beforeStart: number, before: number, start: number): boolean {
  return start !== 0 && start < before && start !== beforeStart;
}

/** Whether a window's first sample counts from zero within the window, whose own start is outside of it. */
export function startsWithin(start: number, windowStart: number, first: number): boolean {
  return start !== 0 && start > windowStart && start < first;
}
