// The WebAssembly side of OTLP (kernel/point-kernel.as): data points of sums, gauges and classic histograms become series
// there, in the push kernel's memory. It knows shapes of points (known-shapes.ts), and metrics (known-metrics.ts). What it doesn't know, or
// wouldn't take, is left to the plain way, from which it learns.
import type { KernelMemory } from '../push-kernel/kernel-memory.ts';
import {
  CAPACITY,
  COLUMNS_AT,
  KEPT_AT,
  KEPT_BYTES,
  type PushKernel,
  REASON_FULL,
} from '../push-kernel/push-kernel.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import { acceptMetadata } from '../write-request/metadata-entry.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import type { AttributeKeys } from './attribute-keys.ts';
import type { ConstantLabels } from './constant-labels.ts';
import { KnownMetrics } from './known-metrics.ts';
import { ATTRIBUTES_MAX, BOUND_SETS_MAX, KnownShapes, PLANS_MAX } from './known-shapes.ts';
import type { MetricNames } from './metric-table.ts';
import { POINT_KERNEL_CODE } from './point-kernel-code.ts';
import type { SeriesShape } from './series-shape.ts';
import { wholeLabel } from './whole-label.ts';

const CONSTANTS_MAX = 128;
/** Copies go in steps of eight bytes and may pass an end by that. */
const SLACK_BYTES = 16;

const PLANS_AT = KEPT_AT;
const BOUND_SETS_AT = PLANS_AT + 4 + 4 * PLANS_MAX;
const ATTRIBUTES_AT = BOUND_SETS_AT + 4 + 4 * BOUND_SETS_MAX;
const DIGITS_AT = ATTRIBUTES_AT + 16 * ATTRIBUTES_MAX;
const CONSTANTS_AT = DIGITS_AT + 24 * ATTRIBUTES_MAX + SLACK_BYTES;
const METRIC_AT = CONSTANTS_AT + 8 * CONSTANTS_MAX;
const METRIC_MAX_BYTES = 4096;
const NAME_MAX_BYTES = 1024;
const CONSTANT_BYTES_AT = METRIC_AT + METRIC_MAX_BYTES + SLACK_BYTES;
const CONSTANT_MAX_BYTES = 32 << 10;
const ARENA_AT = CONSTANT_BYTES_AT + CONSTANT_MAX_BYTES + SLACK_BYTES;
const ARENA_END = ARENA_AT + (64 << 10);
const METRICS_AT = ARENA_END + SLACK_BYTES;
const METRICS_END = KEPT_AT + KEPT_BYTES - SLACK_BYTES;

const NAME = new TextEncoder().encode('__name__');
const INT32_MAX = 0x7fffffff;
const EARLIEST_FLOAT = 2;
const LATEST_FLOAT = 3;
const POINTS_WORD = 8;
const METADATA_WORD = 9;
const STOPPED_WORD = 10;

interface KernelExports {
  layOut(
    plans: number,
    boundSets: number,
    attributes: number,
    digits: number,
    constants: number,
  ): void;
  setRules(valueBytesMax: number, seed: number, earliest: number, latest: number): void;
  setMetric(at: number, size: number, hasStart: number): void;
  setHistogram(
    sum: number,
    sumSize: number,
    count: number,
    countSize: number,
    bucket: number,
    bucketSize: number,
    hasStart: number,
  ): void;
  points(
    start: number,
    pause: number,
    end: number,
    base: number,
    columns: number,
    capacity: number,
    out: number,
    outEnd: number,
  ): number;
  setMetrics(table: number, slots: number): void;
  metrics(
    start: number,
    pause: number,
    end: number,
    base: number,
    columns: number,
    capacity: number,
    out: number,
    outEnd: number,
    request: number,
  ): number;
}

export interface LearntMetric {
  readonly names: MetricNames;
  /** MetricMetadata.MetricType. */
  readonly type: number;
  readonly help: Uint8Array;
  /** A classic one. */
  readonly isHistogram: boolean;
  readonly startsAreTold: boolean;
}

export class PointKernel {
  readonly #push: PushKernel;
  readonly #memory: KernelMemory;
  readonly #code: KernelExports;
  #keys: AttributeKeys | undefined;
  #valueBytesMax = 0;
  #canTakeConstants = false;
  #metadataBytesMax = 0;
  #request = 0;
  readonly #shapes: KnownShapes;
  readonly #metrics: KnownMetrics;
  /** What a metric's metadata is encoded into. */
  readonly #metadata = new AcceptedWrite();
  /** Of the points that the last call has taken, ms; infinite where it has taken none. */
  earliestMs = 0;
  latestMs = 0;
  /** Points in the metrics that the last call has taken whole. */
  wholePoints = 0;
  /** Where the points go on of a metric that the last call has left half-way; -1 where it has not. */
  stoppedAt = -1;

  constructor(push: PushKernel) {
    this.#push = push;
    this.#memory = push.memory;
    this.#code = push.memory.instance<KernelExports>(POINT_KERNEL_CODE);
    this.#code.layOut(PLANS_AT, BOUND_SETS_AT, ATTRIBUTES_AT, DIGITS_AT, CONSTANTS_AT);
    this.#shapes = new KnownShapes(push.memory, {
      ...{ plans: PLANS_AT, boundSets: BOUND_SETS_AT, from: ARENA_AT, end: ARENA_END },
    });
    this.#metrics = new KnownMetrics(push.memory, METRICS_AT, METRICS_END);
    this.#code.setMetrics(this.#metrics.tableAt, this.#metrics.slots);
  }

  /** Begins a request; other keys than before mean other rules, under which nothing is known. */
  begin(rules: WriteRules, seed: number, keys: AttributeKeys, request: number): void {
    this.#request = request;
    this.#valueBytesMax = Math.min(rules.labelValueBytesMax, INT32_MAX);
    const { timestampMinMs, timestampMaxMs } = rules;
    this.#code.setRules(this.#valueBytesMax, seed | 0, timestampMinMs, timestampMaxMs);
    const isOther = keys !== this.#keys;
    if (isOther) this.#shapes.clear();
    const { metadataBytesMax } = rules;
    if (isOther || this.#metrics.isFull || metadataBytesMax !== this.#metadataBytesMax) {
      this.#metrics.clear();
    }
    this.#keys = keys;
    this.#metadataBytesMax = metadataBytesMax;
  }

  useConstants({ labels, shapeId, valueBytesMax }: ConstantLabels): void {
    let size = 0;
    for (const { field } of labels) size += field.length;
    this.#canTakeConstants =
      labels.length <= CONSTANTS_MAX &&
      size <= CONSTANT_MAX_BYTES &&
      valueBytesMax <= this.#valueBytesMax;
    if (!this.#canTakeConstants) return;
    const { bytes, words } = this.#memory;
    let at = CONSTANT_BYTES_AT;
    for (const [index, { field }] of labels.entries()) {
      words[CONSTANTS_AT / 4 + 2 * index] = at;
      words[CONSTANTS_AT / 4 + 2 * index + 1] = field.length;
      bytes.set(field, at);
      at += field.length;
    }
    this.#shapes.use(shapeId);
  }

  /** Whether metrics can be taken beside the constant labels. */
  get takesMetrics(): boolean {
    return this.#canTakeConstants;
  }

  /** Whether this request has told the metadata of these names. */
  isTold(names: MetricNames): boolean {
    return this.#metrics.isTold(names, this.#request);
  }

  tell(names: MetricNames): void {
    this.#metrics.tell(names, this.#request);
  }

  /** Sets the metric whose points points() takes; false where they can't be taken beside the constant labels. */
  useMetric(names: MetricNames, isHistogram: boolean, hasStart: boolean): boolean {
    const longest = longestOf(names, isHistogram);
    if (!this.#canTakeConstants || longest > this.#valueBytesMax) return false;
    if (longest > NAME_MAX_BYTES) return false;
    let at = METRIC_AT;
    const places = labelsOf(names, isHistogram).flatMap((label) => {
      const place = at;
      this.#memory.bytes.set(label, place);
      at += label.length + SLACK_BYTES;
      return [place, label.length];
    });
    const [first = 0, firstSize = 0, second = 0, secondSize = 0, third = 0, thirdSize = 0] = places;
    const starts = hasStart ? 1 : 0;
    const { setHistogram, setMetric } = this.#code;
    if (!isHistogram) setMetric(first, firstSize, starts);
    else setHistogram(first, firstSize, second, secondSize, third, thirdSize, starts);
    return true;
  }

  /**
   * Takes metrics of a ScopeMetrics that ends at `end` from `at`, until one that is not known, or `pause`. Returns the
   * position behind the last one taken whole.
   */
  metrics(at: number, pause: number, end: number, out: AcceptedWrite): number {
    const { words } = this.#memory;
    const push = this.#push;
    const body = push.bodyAt;
    this.#clearTimes();
    this.wholePoints = 0;
    let from = body + at;
    do {
      const free = push.freeAt;
      from = this.#code.metrics(
        from,
        body + pause,
        body + end,
        body,
        COLUMNS_AT,
        CAPACITY,
        free,
        push.roomEnd,
        this.#request,
      );
      push.takeWritten(out);
      this.#addTimes();
      this.wholePoints += words[POINTS_WORD]!;
      out.metadataIn += words[METADATA_WORD]!;
      out.metadataOk += words[METADATA_WORD]!;
    } while (words[2] === REASON_FULL && words[STOPPED_WORD] === 0);
    this.stoppedAt = words[STOPPED_WORD] === 0 ? -1 : words[STOPPED_WORD]! - body;
    return from - body;
  }

  /** From now on metrics are taken that look like bytes[from, to) around their points, where that is possible. */
  learnMetric(bytes: Uint8Array, from: number, to: number, metric: LearntMetric): void {
    const { names, isHistogram } = metric;
    const { name } = names;
    if (name === undefined || longestOf(names, isHistogram) > NAME_MAX_BYTES) return;
    const entry = { type: metric.type, family: name, help: metric.help, unit: metric.names.unit };
    const out = this.#metadata;
    out.clear();
    const max = this.#metadataBytesMax;
    acceptMetadata(entry, { metadataBytesMax: max }, 0, out);
    if (out.metadataOk === 0 || out.rewritten.size > METRIC_MAX_BYTES) return;
    const run = out.rewritten.bytes.slice(0, out.rewritten.size);
    this.#metrics.add(bytes, from, to, {
      names,
      labels: labelsOf(names, isHistogram),
      nameSize: longestOf(names, isHistogram),
      startsAreTold: metric.startsAreTold,
      run,
      familyFrom: Buffer.from(run.buffer).indexOf(name),
      familySize: name.length,
    });
  }

  /**
   * Takes points from `at`, until one that is unusual, or `pause`; the metric's points end at `end`. Returns the
   * position behind the last one taken.
   */
  points(at: number, pause: number, end: number, out: AcceptedWrite): number {
    const { words } = this.#memory;
    const push = this.#push;
    const body = push.bodyAt;
    this.#clearTimes();
    let from = body + at;
    do {
      const free = push.freeAt;
      from = this.#code.points(
        from,
        body + pause,
        body + end,
        body,
        COLUMNS_AT,
        CAPACITY,
        free,
        push.roomEnd,
      );
      push.takeWritten(out);
      this.#addTimes();
    } while (words[2] === REASON_FULL);
    return from - body;
  }

  #clearTimes(): void {
    this.earliestMs = Number.POSITIVE_INFINITY;
    this.latestMs = Number.NEGATIVE_INFINITY;
  }

  #addTimes(): void {
    const { floats } = this.#memory;
    this.earliestMs = Math.min(this.earliestMs, floats[EARLIEST_FLOAT]!);
    this.latestMs = Math.max(this.latestMs, floats[LATEST_FLOAT]!);
  }

  /** From now on points of this shape are taken, where that is possible. */
  learn(shape: SeriesShape): void {
    this.#shapes.learn(shape, this.#keys!);
  }

  /** From now on classic histograms of these bounds are taken, where that is possible. */
  learnBounds(bounds: Float64Array, textOf: (bound: number) => Uint8Array): void {
    this.#shapes.learnBounds(bounds, textOf);
  }
}

/** Of the names of a metric's series. */
function labelsOf({ name, sum, count, bucket }: MetricNames, isHistogram: boolean): Uint8Array[] {
  const names = isHistogram ? [sum, count, bucket] : [name!];
  return names.map((each) => wholeLabel(NAME, each));
}

function longestOf({ name, bucket }: MetricNames, isHistogram: boolean): number {
  return isHistogram ? bucket.length : name!.length;
}
