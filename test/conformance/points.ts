// Series and points of the promqltest format: `name{a="b"} 1+2x3 _ stale {{…}}`.
import { encodeLabels, type Label, type LabelBytes } from '@weir/model';
import { parseDuration } from '@weir/promql';
import { expandHistogram, type HistogramPoint } from './histogram-literal.ts';

/** A value, a marker of staleness, a native histogram, or no sample at all. */
export type Point = { readonly value: number } | typeof STALE | HistogramPoint | undefined;

/** No number: the bits of its NaN don't survive arrays. */
export const STALE = { stale: true } as const;

export interface SeriesLine {
  readonly labels: LabelBytes;
  readonly labelList: readonly Label[];
  readonly points: readonly Point[];
}

/** Durations or bare seconds, in ms. */
export function parseTime(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[-+]/, '');
  const ms = /^[\d.]+$/.test(body) ? Number(body) * 1000 : parseDuration(body);
  if (ms === undefined || Number.isNaN(ms)) throw new Error(`bad time: ${text}`);
  return sign * Math.round(ms);
}

export function parseValue(text: string): number {
  const lower = text.toLowerCase();
  if (lower === 'nan') return Number.NaN;
  const infinite = /^([-+]?)inf$/.exec(lower);
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (text === '' || Number.isNaN(value)) throw new Error(`bad number: ${text}`);
  return value;
}

export function parseSeriesLine(line: string): SeriesLine {
  const { labels, rest } = parseMetric(line);
  return { labels: encodeLabels(labels), labelList: labels, points: parsePoints(rest) };
}

/** The labels in front of a line, and what follows. */
export function parseMetric(line: string): { labels: Label[]; rest: string } {
  const labels: Label[] = [];
  const name = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0] ?? '';
  if (name !== '') labels.push({ name: '__name__', value: name });
  let at = name.length;
  if (line[at] !== '{' || line.startsWith('{{', at)) return { labels, rest: line.slice(at) };
  at++;
  const token = /\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|[\w:]+)|([=,}]))/y;
  let key: string | undefined;
  let equals = false;
  for (;;) {
    token.lastIndex = at;
    const match = token.exec(line);
    if (match === null) throw new Error(`bad labels: ${line}`);
    at = token.lastIndex;
    if (match[1] !== undefined) {
      const text = unquoted(match[1]);
      if (equals) labels.push({ name: key!, value: text });
      key = equals ? undefined : text;
      equals = false;
    } else if (match[2] === '=') equals = true;
    else {
      if (key !== undefined) labels.push({ name: '__name__', value: key });
      key = undefined;
      if (match[2] === '}') return { labels, rest: line.slice(at) };
    }
  }
}

export function unquoted(text: string): string {
  if (text[0] === '`') return text.slice(1, -1);
  if (text[0] === "'") return JSON.parse(`"${text.slice(1, -1).replaceAll('"', '\\"')}"`) as string;
  return text[0] === '"' ? (JSON.parse(text) as string) : text;
}

/** Expands a list of points. */
export function parsePoints(text: string): Point[] {
  const points: Point[] = [];
  for (const part of text.match(/\{\{[^}]*\}\}[^\s{]*(?:\{\{[^}]*\}\}\S*)?|\S+/g) ?? []) {
    if (part.startsWith('{{')) points.push(...expandHistogram(part));
    else expandFloat(part, points);
  }
  return points;
}

const SEQUENCE = /^(?:(.+?)([-+])((?:[\d.]|(?<=\d)e[-+]?\d)+|inf|nan))?x(\d+)$/i;

function expandFloat(part: string, points: Point[]): void {
  if (part === 'stale') {
    points.push(STALE);
    return;
  }
  const gaps = /^_(?:x(\d+))?$/.exec(part);
  if (gaps) {
    for (let count = Number(gaps[1] ?? 1); count > 0; count--) points.push(undefined);
    return;
  }
  const repeated = /^([^x]+?)x(\d+)$/.exec(part);
  if (repeated === null) {
    points.push({ value: parseValue(part) });
    return;
  }
  const sequence = SEQUENCE.exec(part);
  const steps = Number(repeated[2]);
  if (sequence?.[1] === undefined || Number.isNaN(Number(sequence[1]))) {
    const value = parseValue(repeated[1]!);
    for (let index = 0; index <= steps; index++) points.push({ value });
    return;
  }
  const start = parseValue(sequence[1]);
  const by = (sequence[2] === '-' ? -1 : 1) * parseValue(sequence[3]!);
  let value = start;
  for (let index = 0; index <= steps; index++) {
    points.push({ value });
    value += by;
  }
}
