// Durations in Go's notation (`1h30m`, `1.5s`, `500ms`), with Prometheus's days, weeks and years added.
// In settings they are milliseconds. Parsing is strict: no blanks, no missing unit except in `0`.

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h|d|w|y)/y;

/** Milliseconds, or undefined when the text is not a duration that a number holds exactly enough. */
export function parseDuration(text: string): number | undefined {
  const signed = text.startsWith('-') || text.startsWith('+');
  const body = signed ? text.slice(1) : text;
  if (body === '0') return 0;
  if (body === '') return undefined;
  let sumMs = 0;
  let at = 0;
  while (at < body.length) {
    PART.lastIndex = at;
    const part = PART.exec(body);
    if (part === null) return undefined;
    sumMs += Number(part[1]) * UNIT_MS[part[2]!]!;
    at = PART.lastIndex;
  }
  if (sumMs > Number.MAX_SAFE_INTEGER) return undefined;
  return text.startsWith('-') && sumMs !== 0 ? -sumMs : sumMs;
}

/** As Go prints a duration: `1h30m0s`, `1m30s`, `1.5s`, `250ms`, `0s`. */
export function printDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const absoluteMs = Math.abs(ms);
  if (absoluteMs < 1_000) return `${sign}${printSmall(absoluteMs)}`;
  const hours = Math.floor(absoluteMs / 3_600_000);
  const minutes = Math.floor((absoluteMs % 3_600_000) / 60_000);
  const seconds = decimal((absoluteMs % 60_000) / 1_000);
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}

function printSmall(ms: number): string {
  if (ms >= 1) return `${decimal(ms)}ms`;
  return ms >= 1e-3 ? `${decimal(ms * 1e3)}us` : `${decimal(ms * 1e6)}ns`;
}

/** Without an exponent and without floating-point dust. */
function decimal(value: number): string {
  return String(Number(value.toFixed(6)));
}
