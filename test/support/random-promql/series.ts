// Random series for random expressions: floats, classic and native histograms with what makes them hard
// (gaps, resets, markers of staleness, changes of kind, NaN and infinities, UTF-8 names), valid as
// Prometheus judges. The same seed gives the same series.
import {
  compareLabels,
  labelsOf,
  type NativeHistogram,
  RESET_GAUGE,
  SCHEMA_CUSTOM_BUCKETS,
} from '@weir/model';
import type { Dice } from '../../simulation/dice.ts';

export const START_MS = 1_700_006_400_000;
export const SPAN_MS = 40 * 60_000;

export type RandomValue = number | 'stale' | NativeHistogram;

export interface RandomSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** In order of time. */
  readonly samples: readonly (readonly [t: number, value: RandomValue])[];
}

type Labels = Readonly<Record<string, string>>;
type Next = (dice: Dice) => number | NativeHistogram;

const INSTANCES: readonly Labels[] = [
  { job: 'api', instance: 'a' },
  { job: 'api', instance: 'b' },
  { job: 'web', instance: 'a' },
  { job: 'web', instance: 'c' },
];

/** Bounds of custom buckets: overlapping, across zero, and none at all. */
const CUSTOM_BOUNDS: readonly (readonly number[])[] = [
  [1, 2, 5, 10],
  [1, 2.5, 5, 10],
  [0.5, 1, 2, 5, 10, 20],
  [-5, 0, 5],
  [-2, -1, 3],
  [],
];

export function randomSeries(dice: Dice): RandomSeries[] {
  const out: RandomSeries[] = [];
  const add = (name: string, labels: Labels, next: Next) => {
    const of = dice.fork(`${name}${JSON.stringify(labels)}`);
    out.push({ labels: { __name__: name, ...labels }, samples: timed(of, next) });
  };
  for (const [at, labels] of INSTANCES.entries()) {
    const fork = dice.fork(String(at));
    add('gauge', { ...labels, zone: 'xyz'[at % 3]! }, gauge());
    if (at !== 2) add('level', labels, gauge());
    for (const code of ['200', '404', '500']) {
      if (fork.chance(0.8)) add('requests_total', { ...labels, code }, counter());
    }
    if (at !== 1) add('errors_total', labels, counter());
    add('up', labels, () => 1);
    add('weird', labels, weird);
    addInfo(labels, fork, add);
    addClassic(labels, at, add);
    addNative(labels, at, fork, add);
    add('requests.per-second', { 'service.name': labels.job!, ...labels }, gauge());
    add('größe', { étage: String(at) }, gauge());
  }
  add('constant', {}, () => 3);
  // In label order, the order in which Prometheus meets them: limitk() shows it.
  return out.sort((a, b) => compareLabels(labelsOf(a.labels), labelsOf(b.labels)));
}

type Add = (name: string, labels: Labels, next: Next) => void;

function addInfo(labels: Labels, dice: Dice, add: Add): void {
  add('target_info', { ...labels, version: dice.pick(['1', '2']), cluster: 'east' }, () => 1);
  if (dice.chance(0.5)) add('target_info', { ...labels, version: '3', cluster: 'west' }, () => 1);
  add('spare_info', { ...labels, spare: 'yes' }, () => 1);
  add('build_info', { ...labels, revision: dice.pick(['r1', 'r2']) }, () => 1);
}

function addClassic(labels: Labels, at: number, add: Add): void {
  const bounds = ['0.1', '0.5', '1', '2.5', '10', '+Inf'];
  const found = at === 2 ? bounds.slice(0, -1) : at === 3 ? [...bounds, 'much'] : bounds;
  for (const le of found) add('latency_bucket', { ...labels, le }, counter(Number(le) || 12));
  add('latency_count', labels, counter(12));
  add('latency_sum', labels, counter(30));
}

function addNative(labels: Labels, at: number, dice: Dice, add: Add): void {
  const shape = (more: Partial<Shape> = {}): Shape => ({
    schema: dice.pick([-1, 0, 0, 1, 2, 3]),
    isFloat: dice.chance(0.5),
    isGauge: false,
    zeroThreshold: dice.pick([0, 2 ** -128, 0.001, 0.5]),
    bounds: undefined,
    ...more,
  });
  add('latency', labels, histograms([shape()]));
  add('exp_seconds', { ...labels, code: '200' }, histograms([shape(), shape()]));
  if (at % 2 === 0) add('exp_seconds', { ...labels, code: '500' }, histograms([shape()]));
  add('exp_gauge', labels, histograms([shape({ isGauge: true })]));
  const bounds = () => dice.pick(CUSTOM_BOUNDS);
  add('custom_seconds', labels, histograms([shape({ bounds: bounds() })]));
  add('custom_changing', labels, histograms([0, 1, 2].map(() => shape({ bounds: bounds() }))));
  add('custom_gauge', labels, histograms([shape({ bounds: bounds(), isGauge: true })]));
  const kinds = [shape(), shape({ bounds: bounds() }), undefined];
  add('mixed', labels, histograms(kinds));
  add('mixed_total', labels, histograms([shape(), undefined]));
}

/** Sample times with jitter, gaps and endings; one series in four is regular. */
function timed(dice: Dice, next: Next): [number, RandomValue][] {
  // All begin at once, so that none is known before another.
  const out: [number, RandomValue][] = [[START_MS - 600_000, 'stale']];
  const intervalMs = dice.pick([15_000, 15_000, 30_000, 60_000]);
  const jitterMs = dice.chance(0.5) ? 0 : 2_000;
  const isRegular = dice.chance(0.25);
  const from = START_MS + (dice.chance(0.2) ? dice.int(0, SPAN_MS / 2) : dice.int(0, intervalMs));
  for (let t = from; t < START_MS + SPAN_MS; t += intervalMs) {
    const at = t + dice.int(0, jitterMs);
    if (!isRegular && dice.chance(0.01)) {
      if (dice.chance(0.5)) out.push([at, 'stale']);
      t += dice.pick([0, 1, 3, 30]) * intervalMs;
    } else if (isRegular || dice.chance(0.97)) out.push([at, next(dice)]);
  }
  if (dice.chance(0.1)) return out.slice(0, dice.int(2, 4));
  return out;
}

function gauge(): Next {
  let value = 0;
  return (dice) => {
    if (dice.chance(0.003)) return dice.pick([Number.NaN, Infinity, -Infinity]);
    value += dice.int(-4, 4) / 2;
    return value;
  };
}

function counter(most = 8): Next {
  let value = 0;
  return (dice) => {
    value = dice.chance(0.02) ? dice.int(0, most) : value + dice.int(0, most);
    return value;
  };
}

const weird: Next = (dice) =>
  dice.chance(0.5)
    ? dice.int(-3, 3)
    : dice.pick([NaN, Infinity, -Infinity, -0, 1e300, -1e300, 5e-324, 1e-9, 2 ** 53, 0.1, -0.1]);

interface Shape {
  readonly schema: number;
  readonly isFloat: boolean;
  readonly isGauge: boolean;
  readonly zeroThreshold: number;
  /** Of custom buckets. */
  readonly bounds: readonly number[] | undefined;
}

/** Histograms of one shape for a while, then of another; undefined stands for floats. */
function histograms(shapes: readonly (Shape | undefined)[]): Next {
  let shape = shapes[0];
  let observed = new Observed();
  const float = counter();
  return (dice) => {
    if (dice.chance(0.03)) {
      shape = dice.pick(shapes);
      if (dice.chance(0.6)) observed = new Observed();
    }
    if (shape === undefined) return float(dice);
    if (dice.chance(0.02) || shape.isGauge) observed = new Observed();
    const most = dice.chance(0.2) ? 0 : 6;
    for (let left = dice.int(0, most); left > 0; left--) observed.add(dice);
    return observed.as(shape);
  };
}

/** Values observed so far, kept as they are so that any shape of buckets can be made of them. */
class Observed {
  readonly #values: number[] = [];

  add(dice: Dice): void {
    const value = dice.chance(0.1) ? 0 : dice.int(1, 400) / 16;
    this.#values.push(dice.chance(0.2) ? -value : dice.chance(0.01) ? Number.NaN : value);
  }

  as(shape: Shape): NativeHistogram {
    const { bounds, schema, zeroThreshold, isFloat } = shape;
    const unit = isFloat ? 0.5 : 1;
    const positive = new Map<number, number>();
    const negative = new Map<number, number>();
    let zeroCount = 0;
    for (const value of this.#values) {
      if (Number.isNaN(value)) continue;
      if (bounds) count(positive, customIndex(bounds, value), unit);
      else if (Math.abs(value) <= zeroThreshold || value === 0) zeroCount += unit;
      else count(value > 0 ? positive : negative, expIndex(schema, Math.abs(value)), unit);
    }
    const [positiveSpans, positiveBuckets] = sideOf(positive);
    const [negativeSpans, negativeBuckets] = sideOf(negative);
    return {
      isFloat,
      resetHint: shape.isGauge ? RESET_GAUGE : 0,
      schema: bounds ? SCHEMA_CUSTOM_BUCKETS : schema,
      zeroThreshold: bounds ? 0 : zeroThreshold,
      zeroCount,
      count: this.#values.length * unit,
      sum: this.#values.reduce((sum, value) => sum + value, 0) * unit,
      isStale: false,
      positiveSpans,
      positiveBuckets,
      negativeSpans,
      negativeBuckets,
      customValues: Float64Array.from(bounds ?? []),
    };
  }
}

function count(buckets: Map<number, number>, index: number, unit: number): void {
  buckets.set(index, (buckets.get(index) ?? 0) + unit);
}

function customIndex(bounds: readonly number[], value: number): number {
  const at = bounds.findIndex((bound) => value <= bound);
  return at < 0 ? bounds.length : at;
}

function expIndex(schema: number, value: number): number {
  return Math.ceil(Math.log2(value) * 2 ** schema - 1e-12);
}

function sideOf(buckets: ReadonlyMap<number, number>): [Int32Array, Float64Array] {
  const spans: number[] = [];
  let next = 0;
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  for (const [index] of sorted) {
    if (spans.length > 0 && index === next) spans[spans.length - 1]!++;
    else spans.push(index - next, 1);
    next = index + 1;
  }
  return [Int32Array.from(spans), Float64Array.from(sorted, ([, many]) => many)];
}
