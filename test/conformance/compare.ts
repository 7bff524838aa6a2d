// Does a result meet what the case expects? The answer is a list of complaints, empty when it does.
import { type LabelBytes, printLabels } from '@weir/model';
import { equalHistograms, type Histogram, printHistogram, type QueryResult } from '@weir/promql';
import type { HistogramPoint } from './histogram-literal.ts';
import type { Point } from './points.ts';
import type { EvalCommand, Expectation } from './test-file.ts';

const TOLERANCE = 1e-6;

export function nearlyEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  const difference = Math.abs(a - b);
  const sum = Math.abs(a) + Math.abs(b);
  return difference / Math.min(sum, Number.MAX_VALUE) < TOLERANCE;
}

const keyOf = (labels: LabelBytes) => Buffer.from(labels).toString('latin1');

type Value = number | HistogramPoint;

/** Values by series and time, whatever the type of the result. */
type Values = Map<string, { readonly labels: LabelBytes; readonly at: Map<number, Value> }>;

export function complaintsAbout(result: QueryResult, command: EvalCommand): string[] {
  const { expected } = command;
  if (result.type === 'string') {
    return result.value === expected.text
      ? []
      : [`expected string ${expected.text}, got ${result.value}`];
  }
  if (expected.text !== undefined) return [`expected a string, got a ${result.type}`];
  if (result.type === 'scalar') {
    const wanted = expected.scalar?.[0];
    const good =
      wanted !== undefined && 'value' in wanted && nearlyEqual(wanted.value, result.value);
    return good ? [] : [`expected scalar ${JSON.stringify(wanted)}, got ${result.value}`];
  }
  const complaints = compareValues(valuesOf(result), wantedValues(command));
  if (expected.ordered && result.type === 'vector')
    complaints.push(...compareOrder(result, expected));
  return complaints;
}

function valuesOf(result: Extract<QueryResult, { type: 'vector' | 'matrix' }>): Values {
  const values: Values = new Map();
  if (result.type === 'vector') {
    for (const { labels, value, histogram } of result.samples) {
      const found = histogram ? { histogram, statesHint: true } : value;
      values.set(keyOf(labels), { labels, at: new Map([[result.timeMs, found]]) });
    }
    return values;
  }
  for (const { labels, t, v, count, histograms = [] } of result.series) {
    const at = new Map<number, Value>();
    for (let index = 0; index < count; index++) at.set(t[index]!, v[index]!);
    for (const { t: time, histogram } of histograms) at.set(time, { histogram, statesHint: true });
    values.set(keyOf(labels), { labels, at });
  }
  return values;
}

function wantedValues({ expected, startMs, stepMs }: EvalCommand): Values {
  const values: Values = new Map();
  const first = expected.range?.startMs ?? startMs;
  const step = expected.range?.stepMs ?? stepMs ?? 0;
  const add = (labels: LabelBytes, points: readonly Point[]) => {
    const at = new Map<number, Value>();
    points.forEach((point, index) => {
      if (point === undefined || 'stale' in point) return;
      at.set(first + index * step, 'value' in point ? point.value : point);
    });
    values.set(keyOf(labels), { labels, at });
  };
  for (const { labels, points } of expected.series) add(labels, points);
  if (expected.scalar) add(new Uint8Array(0), expected.scalar);
  return values;
}

function compareValues(got: Values, wanted: Values): string[] {
  const complaints: string[] = [];
  for (const [key, { labels, at }] of wanted) {
    const found = got.get(key)?.at ?? new Map<number, Value>();
    const times = new Set([...at.keys(), ...found.keys()]);
    for (const time of [...times].sort((a, b) => a - b)) {
      const [want, have] = [at.get(time), found.get(time)];
      if (want !== undefined && have !== undefined && agree(want, have)) continue;
      const texts = `expected ${print(want)}, got ${print(have)}`;
      complaints.push(`${printLabels(labels)} at ${time / 1000}: ${texts}`);
    }
  }
  for (const [key, { labels, at }] of got) {
    if (!wanted.has(key))
      complaints.push(`unexpected ${printLabels(labels)} ${[...at.values()].map(print)}`);
  }
  return complaints;
}

function agree(want: Value, have: Value): boolean {
  if (typeof want === 'number' || typeof have === 'number') {
    return typeof want === 'number' && typeof have === 'number' && nearlyEqual(want, have);
  }
  if (want.statesHint && want.histogram.resetHint !== have.histogram.resetHint) return false;
  return nearlyEqualHistograms(want.histogram, have.histogram);
}

/** Floats of `have` that are near enough count as those of `want`. */
function nearlyEqualHistograms(want: Histogram, have: Histogram): boolean {
  const near = (a: number, b: number) => (nearlyEqual(a, b) ? a : b);
  const buckets = (a: Histogram['positive'], b: Histogram['positive']) => {
    return { index: b.index, count: b.count.map((count, at) => near(a.count[at] ?? 0, count)) };
  };
  return equalHistograms(want, {
    ...have,
    count: near(want.count, have.count),
    sum: near(want.sum, have.sum),
    zeroCount: near(want.zeroCount, have.zeroCount),
    zeroThreshold: near(want.zeroThreshold, have.zeroThreshold),
    positive: buckets(want.positive, have.positive),
    negative: buckets(want.negative, have.negative),
  });
}

function print(value: Value | undefined): string {
  if (value === undefined || typeof value === 'number') return String(value);
  const { histogram: h } = value;
  const { schema, resetHint, zeroThreshold, customValues } = h;
  return `${printHistogram(h)} schema ${schema} hint ${resetHint} zero ${zeroThreshold} [${customValues}]`;
}

function compareOrder(
  result: Extract<QueryResult, { type: 'vector' }>,
  expected: Expectation,
): string[] {
  const got = result.samples.map(({ labels }) => printLabels(labels)).join(' ');
  const wanted = expected.series.map(({ labels }) => printLabels(labels)).join(' ');
  return got === wanted ? [] : [`expected order ${wanted}, got ${got}`];
}

/** Warnings, infos and their absence. */
export function annotationComplaints(result: QueryResult, expected: Expectation): string[] {
  const complaints: string[] = [];
  for (const kind of ['warn', 'info'] as const) {
    const texts = kind === 'warn' ? result.warnings : result.infos;
    const checks = expected.checks.filter((check) => check.kind === kind);
    if (expected.no.has(kind) && texts.length > 0) complaints.push(`unexpected ${kind}: ${texts}`);
    if (checks.length === 0) continue;
    for (const check of checks) {
      if (!texts.some((text) => matches(check.match, text))) {
        complaints.push(
          `no ${kind} matches ${JSON.stringify(check.match ?? 'any')}: ${texts.join('; ')}`,
        );
      }
    }
    for (const text of texts) {
      if (!checks.some((check) => matches(check.match, text)))
        complaints.push(`unmatched ${kind}: ${text}`);
    }
  }
  return complaints;
}

export function matches(
  match: { readonly text: string } | { readonly regex: RegExp } | undefined,
  text: string,
): boolean {
  if (match === undefined) return true;
  return 'text' in match ? text === match.text : match.regex.test(text);
}
