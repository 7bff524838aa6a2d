// Reads promqltest files into commands. The format is described in docs; see FORMAT.md beside the files.
import {
  type Point,
  parsePoints,
  parseSeriesLine,
  parseTime,
  type SeriesLine,
  unquoted,
} from './points.ts';
import { type LoadedSeries, parseLoadLines } from './start-lines.ts';

export interface AnnotationCheck {
  readonly kind: 'warn' | 'info' | 'fail';
  readonly match: { readonly text: string } | { readonly regex: RegExp } | undefined;
}

export interface Expectation {
  readonly series: readonly SeriesLine[];
  /** A bare value: the result is a scalar. */
  readonly scalar: readonly Point[] | undefined;
  readonly text: string | undefined;
  readonly checks: readonly AnnotationCheck[];
  readonly no: ReadonlySet<string>;
  readonly ordered: boolean;
  readonly range: { startMs: number; endMs: number; stepMs: number } | undefined;
}

export interface EvalCommand {
  readonly kind: 'eval';
  readonly line: number;
  readonly query: string;
  /** Instant queries: start = end and no step. */
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number | undefined;
  readonly expected: Expectation;
  /** The lines of the command, as they stand. */
  readonly source: string;
}

export type Command =
  | { readonly kind: 'clear' }
  | {
      readonly kind: 'load';
      readonly line: number;
      readonly intervalMs: number;
      readonly nhcb: boolean;
      readonly series: readonly LoadedSeries[];
      readonly source: string;
    }
  | EvalCommand
  /** What is not understood: a failing case, so that the others of the file run. */
  | {
      readonly kind: 'unknown';
      readonly line: number;
      readonly source: string;
      readonly complaint: string;
    };

export function parseTestFile(text: string): Command[] {
  const lines = text.split('\n').map((line) => {
    const trimmed = line.trim();
    return trimmed.startsWith('#') ? '' : trimmed;
  });
  const commands: Command[] = [];
  for (let at = 0; at < lines.length; at++) {
    const head = lines[at]!;
    if (head === '') continue;
    const body: string[] = [];
    const line = at + 1;
    if (head.startsWith('load') || head.startsWith('eval')) {
      while (at + 1 < lines.length && lines[at + 1] !== '') body.push(lines[++at]!);
    }
    try {
      commands.push(parseCommand(head, body, line));
    } catch (error) {
      const complaint = `not understood: ${(error as Error).message}`;
      commands.push({ kind: 'unknown', line, source: [head, ...body].join('\n'), complaint });
    }
  }
  return commands;
}

function parseCommand(head: string, body: readonly string[], line: number): Command {
  const source = [head, ...body].join('\n');
  if (head === 'clear') return { kind: 'clear' };
  const load = /^load(_with_nhcb)?\s+(\S+)$/.exec(head);
  if (load) {
    const series = parseLoadLines(body);
    const nhcb = load[1] !== undefined;
    return { kind: 'load', line, intervalMs: parseTime(load[2]!), nhcb, series, source };
  }
  const instant = /^eval(?:_(\w+))?\s+instant\s+at\s+(\S+)\s+(.+)$/.exec(head);
  if (instant) {
    const timeMs = parseTime(instant[2]!);
    const expected = parseExpectation(instant[1], body);
    const query = instant[3]!;
    return {
      kind: 'eval',
      line,
      query,
      startMs: timeMs,
      endMs: timeMs,
      stepMs: undefined,
      expected,
      source,
    };
  }
  const range = /^eval(?:_(\w+))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/.exec(
    head,
  );
  if (range === null) throw new Error(`unknown command: ${head}`);
  // Its groups are there where it matches.
  const [, old, from, to, step, query] = range as unknown as string[];
  return {
    kind: 'eval',
    line,
    query: query!,
    startMs: parseTime(from!),
    endMs: parseTime(to!),
    stepMs: parseTime(step!),
    expected: parseExpectation(old, body),
    source,
  };
}

function parseExpectation(old: string | undefined, body: readonly string[]): Expectation {
  const series: SeriesLine[] = [];
  const checks: AnnotationCheck[] = [];
  const no = new Set<string>();
  let scalar: Point[] | undefined;
  let text: string | undefined;
  let ordered = old === 'ordered';
  let range: Expectation['range'];
  if (old === 'fail' || old === 'warn' || old === 'info')
    checks.push({ kind: old, match: undefined });
  for (const line of body) {
    const expect = /^expect\s+(\w+)\s*(.*)$/.exec(line);
    const failure = /^expected_fail_(message|regexp)\s+(.*)$/.exec(line);
    if (failure) {
      // Its groups are there where it matches.
      const [, how, value] = failure as unknown as string[];
      checks.push({
        kind: 'fail',
        match: how === 'message' ? { text: value! } : { regex: new RegExp(value!) },
      });
    } else if (expect === null) {
      if (/^[a-zA-Z_:{]/.test(line) && !/^([-+]?(inf|nan)|\{\{.*)$/i.test(line))
        series.push(parseSeriesLine(line));
      else scalar = parsePoints(line);
    } else if (expect[1] === 'ordered') ordered = true;
    else if (expect[1] === 'string') text = unquoted(expect[2]!);
    else if (expect[1] === 'range') range = parseRange(expect[2]!);
    else if (expect[1]!.startsWith('no_')) no.add(expect[1]!.slice(3));
    else checks.push({ kind: expect[1] as 'fail', match: parseMatch(expect[2]!) });
  }
  return { series, scalar, text, checks, no, ordered, range };
}

function parseMatch(text: string): AnnotationCheck['match'] {
  const match = /^(msg|regex):\s*(.*)$/.exec(text);
  if (match === null) return undefined;
  return match[1] === 'msg' ? { text: match[2]! } : { regex: new RegExp(match[2]!) };
}

function parseRange(text: string): NonNullable<Expectation['range']> {
  const match = /^vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/.exec(text);
  if (match === null) throw new Error(`bad range expectation: ${text}`);
  return {
    startMs: parseTime(match[1]!),
    endMs: parseTime(match[2]!),
    stepMs: parseTime(match[3]!),
  };
}
