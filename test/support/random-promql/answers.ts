// Are two answers of the Prometheus API the same? Floats within the tolerance of the promqltest format,
// histograms bucket by bucket, warnings and infos by text, errors by kind, those of evaluation by text too.
import type { ApiAnswer } from '../prometheus-api.ts';

const TOLERANCE = 1e-6;

type JsonBucket = readonly [rule: number, lower: string, upper: string, count: string];

interface JsonHistogram {
  readonly count: string;
  readonly sum: string;
  readonly buckets?: readonly JsonBucket[];
}

type Labels = Readonly<Record<string, string>>;

interface JsonSeries {
  readonly metric: Labels;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
  readonly histogram?: readonly [number, JsonHistogram];
  readonly histograms?: readonly (readonly [number, JsonHistogram])[];
}

interface JsonResult {
  readonly resultType: string;
  readonly result: unknown;
}

/**
 * Of a quantile below observations of NaN Prometheus 3.15 finds the rank in the right bucket and then
 * interpolates in the last one; Weir doesn't.
 */
const PEER_IS_WRONG = /has NaN observations, result is skewed higher/;

/** The differences, in words; empty when there is none. */
export function differences(ours: ApiAnswer, theirs: ApiAnswer): string[] {
  if (theirs.infos?.some((text) => PEER_IS_WRONG.test(text))) return [];
  if (ours.status === 'error' || theirs.status === 'error') return differentErrors(ours, theirs);
  return [
    ...differentResults(ours.data as JsonResult, theirs.data as JsonResult),
    ...differentNotes('warnings', ours, theirs),
    ...differentNotes('infos', ours, theirs),
  ];
}

function differentErrors(ours: ApiAnswer, theirs: ApiAnswer): string[] {
  const text = (answer: ApiAnswer) =>
    answer.status === 'error' ? `${answer.errorType}: ${answer.error}` : 'success';
  if (ours.errorType !== theirs.errorType || ours.status !== theirs.status) {
    return [`${text(ours)}, not ${text(theirs)}`];
  }
  if (isSyntax(ours.error ?? '') && isSyntax(theirs.error ?? '')) return [];
  if (withoutSeries(ours.error ?? '') === withoutSeries(theirs.error ?? '')) return [];
  return [`${text(ours)}, not ${text(theirs)}`];
}

const isSyntax = (text: string) => /parse error: unexpected/.test(text);

/** Which two of several series are named depends on the order in which they come. */
function withoutSeries(text: string): string {
  return text.replace(/\{[^}]*\}/g, '{}').replace(/\[.*\]/g, '[]');
}

function differentNotes(kind: 'warnings' | 'infos', ours: ApiAnswer, theirs: ApiAnswer): string[] {
  const [a, b] = [ours[kind] ?? [], theirs[kind] ?? []];
  // Of more than ten the API lists any ten.
  if (a.length >= 10 && b.length >= 10) return [];
  const extra = a.filter((text) => !b.includes(text)).map((text) => `${kind}: unexpected ${text}`);
  const missing = b.filter((text) => !a.includes(text)).map((text) => `${kind}: missing ${text}`);
  return [...extra, ...missing];
}

function differentResults(ours: JsonResult, theirs: JsonResult): string[] {
  if (ours.resultType !== theirs.resultType) {
    return [`a ${ours.resultType}, not a ${theirs.resultType}`];
  }
  if (ours.resultType === 'string') {
    return JSON.stringify(ours.result) === JSON.stringify(theirs.result) ? [] : ['another string'];
  }
  if (ours.resultType === 'scalar') {
    const [a, b] = [ours.result, theirs.result] as (readonly [number, string])[];
    return a![0] === b![0] && isNear(a![1], b![1]) ? [] : [`scalar ${a}, not ${b}`];
  }
  return differentSeries(ours.result as JsonSeries[], theirs.result as JsonSeries[]);
}

const keyOf = ({ metric }: JsonSeries) => JSON.stringify(Object.entries(metric).sort());

function differentSeries(ours: readonly JsonSeries[], theirs: readonly JsonSeries[]): string[] {
  const wanted = new Map(theirs.map((series) => [keyOf(series), series]));
  const out: string[] = [];
  for (const series of ours) {
    const key = keyOf(series);
    const other = wanted.get(key);
    wanted.delete(key);
    if (other === undefined) out.push(`unexpected ${key} ${print(valuesOf(series))}`);
    else out.push(...differentValues(key, valuesOf(series), valuesOf(other)));
  }
  for (const [key, series] of wanted) out.push(`missing ${key} ${print(valuesOf(series))}`);
  return out;
}

type Values = ReadonlyMap<number, string | JsonHistogram>;

function valuesOf({ value, values = [], histogram, histograms = [] }: JsonSeries): Values {
  return new Map<number, string | JsonHistogram>([
    ...(value ? [value] : values),
    ...(histogram ? [histogram] : histograms),
  ]);
}

function print(values: Values): string {
  return JSON.stringify([...values].slice(0, 3));
}

function differentValues(key: string, ours: Values, theirs: Values): string[] {
  const times = [...new Set([...ours.keys(), ...theirs.keys()])].sort((a, b) => a - b);
  const wrong = times.filter((t) => !isSame(ours.get(t), theirs.get(t)));
  if (wrong.length === 0) return [];
  const [t] = wrong;
  const [a, b] = [ours.get(t!), theirs.get(t!)].map((value) => JSON.stringify(value) ?? 'nothing');
  return [`${key} at ${t} (${wrong.length} of ${times.length} steps): ${a}, not ${b}`];
}

function isSame(a: string | JsonHistogram | undefined, b: typeof a): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (typeof a === 'string' || typeof b === 'string') {
    return typeof a === 'string' && typeof b === 'string' && isNear(a, b);
  }
  if (!isNear(a.count, b.count) || !isNear(a.sum, b.sum)) return false;
  const [left, right] = [withoutEmpty(a), withoutEmpty(b)];
  return (
    left.length === right.length &&
    left.every(([rule, lower, upper, count], at) => {
      const other = right[at]!;
      const bounds = isNear(lower, other[1]) && isNear(upper, other[2]);
      return rule === other[0] && bounds && isNear(count, other[3]);
    })
  );
}

/** NaN: an empty bucket times infinity, where one is stored. */
const withoutEmpty = ({ buckets = [] }: JsonHistogram) =>
  buckets.filter(([, , , count]) => Number(count) !== 0 && count !== 'NaN');

/** NaN equals NaN; near zero the difference is measured against the smallest normal float. */
export function isNear(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [Number(a), Number(b)];
  if (left === right) return true;
  if (!Number.isFinite(left) || !Number.isFinite(right)) return false;
  const sum = Math.min(Math.abs(left) + Math.abs(right), Number.MAX_VALUE);
  return Math.abs(left - right) / sum < TOLERANCE;
}
