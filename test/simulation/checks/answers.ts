// An answer beside the model (invariants 1, 5, 7, 8, 9): nothing that was not pushed, nothing twice, of
// conflicting values the one with the earliest offset, everything that must be visible by now, and of each
// series a prefix of what its partition's log holds.
import type { AnswerSeries } from '../answer-series.ts';
import type { Coverage } from '../coverage.ts';
import type { Model } from '../model.ts';
import { allowedValues, isAllowed, type ModelSeries, type Point } from '../points.ts';
import { STALE } from '../values.ts';
import { Violation } from '../violation.ts';
import { describe, latin1 } from './shipping.ts';

/** What a read was for: it decides which invariant a missing sample breaks. */
export type ReadPurpose = 'eventual' | 'strong' | 'final';

export interface ReadScope {
  readonly tenant: string;
  /** Inclusive. */
  readonly minT: number;
  readonly maxT: number;
  readonly purpose: ReadPurpose;
  /** Per partition: samples of records below this offset must be there. */
  readonly visibleBelow: readonly number[];
}

/** Series of an answer by label bytes as latin1. */
export type Answer = ReadonlyMap<string, AnswerSeries>;

export function checkAnswer(model: Model, scope: ReadScope, answer: Answer, coverage: Coverage) {
  const { tenant } = scope;
  const known = model.tenants.get(tenant) ?? new Map<string, ModelSeries[]>();
  for (const [key, samples] of answer) {
    const all = known.get(key);
    if (all === undefined) {
      throw new Violation(7, 'answer', `a series that nobody pushed: ${key} of ${tenant}`);
    }
    checkSeries(scope, key, all, samples);
  }
  let seen = 0;
  for (const [key, all] of known) {
    for (const series of all) seen += checkComplete(model, scope, series, answer.get(key));
  }
  coverage.note('samples checked', seen);
  noteKinds(answer, coverage);
}

/** A push was acknowledged: the log holds every sample of it (invariant 1). */
export function checkLogged(
  model: Model,
  tenant: string,
  samples: readonly { readonly labels: Uint8Array; readonly t: number }[],
): void {
  const known = model.tenants.get(tenant);
  for (const { labels, t } of samples) {
    const key = latin1(labels);
    if (known?.get(key)?.some(({ logged }) => logged.has(t))) continue;
    throw new Violation(1, 'acknowledged', `${tenant} ${key} t=${t} is not in the log`);
  }
}

function noteKinds(answer: Answer, coverage: Coverage): void {
  let histograms = 0;
  let stale = 0;
  for (const { values } of answer.values()) {
    for (const value of values) {
      if (value === STALE) stale++;
      else if (typeof value === 'string') histograms++;
    }
  }
  coverage.note('histograms read', histograms);
  coverage.note('staleness markers read', stale);
}

function checkSeries(
  scope: ReadScope,
  key: string,
  all: readonly ModelSeries[],
  { times, values }: AnswerSeries,
): void {
  for (let at = 0; at < times.length; at++) {
    const t = times[at]!;
    const value = values[at]!;
    if (at > 0 && t <= times[at - 1]!) {
      throw new Violation(7, 'twice', `${scope.tenant} ${key} has t=${t} twice or out of order`);
    }
    let allowed = false;
    for (const { points } of all) {
      const point = points.get(t);
      if (point !== undefined && isAllowed(point, value)) allowed = true;
    }
    if (allowed) continue;
    const points = all.flatMap((series) => series.points.get(t) ?? []);
    const wanted = points.map((point) => JSON.stringify(point.candidates)).join(' or ');
    const what = `${scope.tenant} ${key} t=${t}: value ${value}`;
    const closest = points.length === 0 ? 'none' : `${allowedValues(points[0]!).join(' or ')}`;
    throw new Violation(7, 'value', `${what}, wanted ${closest} (${wanted})`);
  }
}

/** How many samples must be there and are. */
function checkComplete(
  model: Model,
  scope: ReadScope,
  series: ModelSeries,
  samples: AnswerSeries | undefined,
): number {
  const below = scope.visibleBelow[series.partition] ?? 0;
  const has = new Set(samples?.times);
  let found = 0;
  let newestSeen = -1;
  let oldestMissing: { point: Point; offset: number } | undefined;
  for (const point of series.points.values()) {
    if (point.t < scope.minT || point.t > scope.maxT) continue;
    const first = model.wanted(series, point);
    if (first === undefined) continue;
    const { offset } = first;
    if (has.has(point.t)) {
      found++;
      const only = point.candidates.length === 1;
      if (only && offset > newestSeen) newestSeen = offset;
      continue;
    }
    if (offset < below) throw missing(scope, series, point, offset);
    if (oldestMissing === undefined || offset < oldestMissing.offset)
      oldestMissing = { point, offset };
  }
  if (oldestMissing !== undefined && oldestMissing.offset < newestSeen) {
    const text = describe({ series, ...oldestMissing });
    throw new Violation(8, 'prefix', `${text} is missing, one of offset ${newestSeen} is there`);
  }
  return found;
}

function missing(scope: ReadScope, series: ModelSeries, point: Point, offset: number): Violation {
  const where = point.shipped ? 'in the bucket' : 'not in the bucket';
  const text = `${describe({ series, point, offset })} is missing (${where})`;
  if (scope.purpose === 'final') return new Violation(1, 'final read', text);
  if (scope.purpose === 'strong') return new Violation(8, 'strong read', text);
  return new Violation(point.shipped ? 5 : 8, 'eventual read', text);
}
