// How far the growth between the samples of one window is extrapolated to the window's ends. Times in seconds, in
// the order of operations of Prometheus, so that ties stay ties. Floats without start timestamps have the same
// in their loop (rate.ts).

/** ms; `gaps` between samples. */
interface Sampled {
  readonly first: number;
  readonly last: number;
  readonly gaps: number;
}

/**
 * By what to multiply the growth. `zeroShare`: after how many sampled intervals, going back, a counter would
 * reach zero.
 */
export function extrapolation(
  samples: Sampled,
  window: { end: number; rangeMs: number },
  zeroShare: number,
): number {
  const sampled = (samples.last - samples.first) / 1000;
  const gap = sampled / samples.gaps;
  let toStart = (samples.first - (window.end - window.rangeMs)) / 1000;
  if (toStart >= gap * 1.1) toStart = gap / 2;
  toStart = Math.min(toStart, sampled * zeroShare);
  return (sampled + toStart + toEnd(samples, gap, window.end)) / sampled;
}

/** The same where the counter was zero at `start`, before the first sample: nothing is added on that side. */
export function extrapolationSince(start: number, samples: Sampled, end: number): number {
  const { first, last, gaps } = samples;
  const sampled = (last - start) / 1000;
  // One sample tells no distance between samples, so that nothing is added on the other side either.
  const gap = gaps === 0 ? 0 : (last - first) / 1000 / gaps;
  return (sampled + toEnd(samples, gap, end)) / sampled;
}

function toEnd({ last }: Sampled, gap: number, end: number): number {
  const seconds = (end - last) / 1000;
  return seconds >= gap * 1.1 ? gap / 2 : seconds;
}
