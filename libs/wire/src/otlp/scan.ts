// OTLP metrics: one pass over an ExportMetricsServiceRequest (opentelemetry-proto, metrics v1) that becomes
// the same runs, counts and refusals as remote write, so that everything behind it knows one form. What is
// wrong with one point or metric costs that one: it is counted, and the first of them told. Only bytes that
// are no protobuf fail the whole request.
//
// The pass can be interrupted between points, so that a large body shares the event loop. Most points of sums, gauges
// and classic histograms are taken by a kernel (point-kernel.ts), where the body lies in its memory.
import { text } from '@weir/bytes';
import { FieldReader, WIRE_LENGTH, WIRE_VARINT } from '../protobuf/field-reader.ts';
import type { PushKernel } from '../push-kernel/push-kernel.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import { acceptMetadata } from '../write-request/metadata-entry.ts';
import { isMetricName } from '../write-request/names.ts';
import { changesLabels, type WriteRules } from '../write-request/write-rules.ts';
import type { NamedKind } from './metric-names.ts';
import {
  type MetricNames,
  MetricTable,
  TYPE_COUNTER,
  TYPE_GAUGE,
  TYPE_HISTOGRAM,
  TYPE_SUMMARY,
  TYPE_UNKNOWN,
} from './metric-table.ts';
import { PointKernel } from './point-kernel.ts';
import { PointWriter } from './point-writer.ts';
import { parseError, SeriesWriter, TranslationMemory } from './series-writer.ts';
import { TargetInfo } from './target-info.ts';
import type { OtlpTranslation } from './translation.ts';

const EMPTY = new Uint8Array(0);
/** Rules that translations were asked for under; each keeps what it has learned. */
const MEMORIES_MAX = 4;
/** What a message around points costs, beside its bytes, as bytes: many empty ones take their time, too. */
const MESSAGE_COST = 256;
const DELTA = 1;
const CUMULATIVE = 2;

/** Fields of Metric that hold its points. */
const GAUGE = 5;
const SUM = 7;
const HISTOGRAM = 9;
const EXPONENTIAL = 10;
const SUMMARY = 11;

interface Memory extends Pick<TranslationMemory, 'keys' | 'constants' | 'shapes'> {
  readonly metrics: MetricTable;
  readonly isFull: boolean;
}

export interface OtlpScanStart {
  readonly seed: number;
  readonly translation: OtlpTranslation;
  readonly rules: WriteRules;
  /** Used when it holds the body. */
  readonly kernel?: PushKernel;
}

interface Metric {
  readonly name: Uint8Array;
  readonly help: Uint8Array;
  readonly unit: Uint8Array;
  /** The field that holds its points; 0 where it has none. */
  readonly kind: number;
  readonly from: number;
  readonly to: number;
}

interface BegunMetric {
  readonly names: MetricNames;
  /** MetricMetadata.MetricType. */
  readonly type: number;
}

export class OtlpScan {
  /** Data points, and how many of them were left out, in whole or in part. */
  points = 0;
  pointsRejected = 0;
  readonly #memories = new Map<string, Memory>();
  readonly #writer = new SeriesWriter();
  readonly #points = new PointWriter(this.#writer);
  readonly #target = new TargetInfo();
  #bytes: Uint8Array = EMPTY;
  #size = 0;
  #start: OtlpScanStart | undefined;
  #memory: Memory | undefined;
  #steps: Iterator<void> | undefined;
  #request = 0;
  #pauseCost = 0;
  readonly #outline = new FieldReader();
  /** With the push kernel it belongs to; used when that holds the body. */
  #pointKernel: { readonly push: PushKernel; readonly points: PointKernel } | undefined;
  #kernel: PointKernel | undefined;

  /** Begins with bytes[0, size). */
  start(bytes: Uint8Array, size: number, start: OtlpScanStart): void {
    this.#bytes = bytes;
    this.#size = size;
    this.#start = start;
    this.#request++;
    this.points = 0;
    this.pointsRejected = 0;
    this.#memory = this.#memoryOf(start);
    this.#writer.start(bytes, start.rules, this.#memory, start.seed);
    this.#steps = undefined;
    this.#kernel = this.#kernelFor(start);
    this.#kernel?.begin(start.rules, start.seed, this.#memory.keys, this.#request);
  }

  /** Lets go of the body. */
  release(): void {
    this.#bytes = EMPTY;
    this.#start = undefined;
    this.#steps = undefined;
    this.#writer.release();
  }

  /** Scans about `budgetBytes` further, in and out; true when the body is done. */
  run(budgetBytes: number, out: AcceptedWrite): boolean {
    this.#steps ??= this.#scan(out);
    this.#pauseCost = budgetBytes;
    return this.#steps.next().done === true;
  }

  #kernelFor({ kernel, rules }: OtlpScanStart): PointKernel | undefined {
    if (kernel === undefined || !kernel.holds(this.#bytes) || changesLabels(rules))
      return undefined;
    if (this.#pointKernel?.push !== kernel) {
      this.#pointKernel = { push: kernel, points: new PointKernel(kernel) };
    }
    return this.#pointKernel.points;
  }

  #memoryOf({ translation, rules }: OtlpScanStart): Memory {
    const { labelNameBytesMax, labelNamesMax, legacyNames } = rules;
    const key = JSON.stringify([translation, labelNameBytesMax, labelNamesMax, legacyNames]);
    let memory = this.#memories.get(key);
    if (memory === undefined || memory.isFull) {
      if (this.#memories.size >= MEMORIES_MAX) this.#memories.clear();
      memory = memoryFor(translation, rules);
      this.#memories.set(key, memory);
    }
    return memory;
  }

  *#scan(out: AcceptedWrite): Generator<void, void, void> {
    const field = new FieldReader().reset(this.#bytes, 0, this.#size);
    while (field.next()) {
      if (field.field !== 1) continue;
      field.expect(WIRE_LENGTH, 'ExportMetricsServiceRequest.resource_metrics');
      yield* this.#scanResource(field.from, field.to, out);
    }
  }

  *#scanResource(from: number, to: number, out: AcceptedWrite): Generator<void, void, void> {
    const { rules, seed } = this.#start!;
    // The resource may stand behind what it belongs to.
    const resource = messageOf(this.#bytes, from, to, 1);
    const constantsOf = (scope: Uint8Array, schemaUrl: Uint8Array) =>
      this.#memory!.constants.of({ resource, scope, schemaUrl });
    this.#target.clear();
    const field = new FieldReader().reset(this.#bytes, from, to);
    while (field.next()) {
      if (field.field !== 2) continue;
      field.expect(WIRE_LENGTH, 'ResourceMetrics.scope_metrics');
      const scope = messageOf(this.#bytes, field.from, field.to, 1);
      const schemaUrl = messageOf(this.#bytes, field.from, field.to, 3);
      this.#writer.constants = constantsOf(scope, schemaUrl);
      this.#kernel?.useConstants(this.#writer.constants);
      yield* this.#scanScope(field.from, field.to, out);
    }
    const written = out.rewritten.size;
    this.#target.write(constantsOf(EMPTY, EMPTY), rules, seed, out);
    this.#pauseCost -= MESSAGE_COST + resource.length + out.rewritten.size - written;
    if (this.#pauseCost < 0) yield;
  }

  *#scanScope(from: number, to: number, out: AcceptedWrite): Generator<void, void, void> {
    const field = new FieldReader().reset(this.#bytes, from, to);
    const inner = new FieldReader();
    const taker = this.#kernel?.takesMetrics === true ? this.#kernel : undefined;
    for (;;) {
      let pointsAt = -1;
      if (taker !== undefined) {
        field.at = this.#takeMetrics(taker, field.at, to, out);
        pointsAt = taker.stoppedAt;
        if (this.#pauseCost < 0) yield;
      }
      if (!field.next()) break;
      if (field.field !== 2) continue;
      field.expect(WIRE_LENGTH, 'ScopeMetrics.metrics');
      const metric = metricOf(inner.reset(this.#bytes, field.from, field.to));
      this.#pauseCost -= MESSAGE_COST;
      if (this.#pauseCost < 0) yield;
      const begun = this.#begin(metric, out);
      if (begun === undefined) continue;
      const kernel = this.#canTake(metric, begun.names) ? this.#kernel : undefined;
      inner.reset(this.#bytes, pointsAt < 0 ? metric.from : pointsAt, metric.to);
      for (;;) {
        if (kernel !== undefined) inner.at = this.#takePoints(kernel, inner.at, metric.to, out);
        if (this.#pauseCost < 0) yield;
        if (!inner.next()) break;
        if (inner.field !== 1) continue;
        const before = out.rejectedSamples;
        const written = out.rewritten.size;
        this.#writer.lastShapes.length = 0;
        this.#points.write(this.#bytes, inner.from, inner.to, out);
        this.#target.sawPoint(this.#points.timeMs);
        if (out.rejectedSamples !== before) this.pointsRejected++;
        this.#pauseCost -= inner.to - inner.from + out.rewritten.size - written;
        if (kernel !== undefined) this.#teach(kernel);
      }
      if (pointsAt < 0) {
        const startsAreTold = this.#points.tellsStart;
        kernel?.learnMetric(this.#bytes, field.from, field.to, {
          ...begun,
          help: metric.help,
          isHistogram: metric.kind === HISTOGRAM,
          startsAreTold,
        });
      }
    }
  }

  /** Has the kernel take metrics, up to the pause; returns where it left off. */
  #takeMetrics(kernel: PointKernel, at: number, end: number, out: AcceptedWrite): number {
    const written = out.expandedBytes;
    const pause = Math.min(end, at + Math.max(1, this.#pauseCost));
    const next = kernel.metrics(at, pause, end, out);
    this.points += kernel.wholePoints;
    this.#sawPoints(kernel);
    const taken = Math.max(next, kernel.stoppedAt) - at;
    this.#pauseCost -= taken + out.expandedBytes - written;
    return next;
  }

  #sawPoints({ earliestMs, latestMs }: PointKernel): void {
    if (earliestMs > latestMs) return;
    this.#target.sawPoint(earliestMs);
    this.#target.sawPoint(latestMs);
  }

  #canTake({ kind }: Metric, names: MetricNames): boolean {
    if (this.#kernel === undefined) return false;
    const { rules, translation } = this.#start!;
    const isHistogram = kind === HISTOGRAM && !translation.customBuckets;
    if (!isHistogram && kind !== GAUGE && kind !== SUM) return false;
    const name = names.name!;
    if (rules.legacyNames && !isMetricName(name, 0, name.length, true)) return false;
    return this.#kernel.useMetric(names, isHistogram, this.#points.tellsStart);
  }

  /** Shows the kernel what the point looked like that was written last. */
  #teach(kernel: PointKernel): void {
    for (const shape of this.#writer.lastShapes) if (shape !== undefined) kernel.learn(shape);
    const { bounds } = this.#points;
    if (bounds.length > 0) kernel.learnBounds(bounds, (bound) => this.#points.boundText(bound));
  }

  /** Has the kernel take points, up to the pause; returns where it left off. */
  #takePoints(kernel: PointKernel, at: number, end: number, out: AcceptedWrite): number {
    const written = out.expandedBytes;
    const pause = Math.min(end, at + Math.max(1, this.#pauseCost));
    const next = kernel.points(at, pause, end, out);
    this.#sawPoints(kernel);
    this.#pauseCost -= next - at + out.expandedBytes - written;
    return next;
  }

  /** Judges a metric as a whole, and tells its metadata; undefined when none of its points is taken. */
  #begin(metric: Metric, out: AcceptedWrite): BegunMetric | undefined {
    const { translation, rules, seed } = this.#start!;
    const shape = pointsOf(this.#outline.reset(this.#bytes, metric.from, metric.to), metric.kind);
    if (shape.count === 0) return undefined;
    this.points += shape.count;
    const isDelta = shape.temporality === DELTA;
    const hasTemporality = metric.kind !== GAUGE && metric.kind !== SUMMARY;
    if (hasTemporality && shape.temporality !== CUMULATIVE && !(isDelta && translation.deltas)) {
      this.#refuse(
        shape.count,
        out,
        () => `invalid temporality and type combination for metric "${text(metric.name)}"`,
      );
      return undefined;
    }
    const kind = kindOf(metric.kind, shape.isMonotonic);
    const names = this.#memory!.metrics.of({ name: metric.name, unit: metric.unit, kind });
    const { name } = names;
    if (name === undefined) {
      this.#refuse(
        shape.count,
        out,
        () => `normalization for metric "${text(metric.name)}" resulted in an invalid name`,
      );
      return undefined;
    }
    const type = isDelta ? TYPE_UNKNOWN : typeOf(metric.kind, shape.isMonotonic);
    if (names.toldIn !== this.#request && this.#kernel?.isTold(names) !== true) {
      names.toldIn = this.#request;
      this.#kernel?.tell(names);
      acceptMetadata({ type, family: name, help: metric.help, unit: names.unit }, rules, seed, out);
    }
    const form = formOf(metric.kind, translation.customBuckets);
    const { startTimes } = translation;
    const tellsStart =
      form !== 'gauge' && startTimes !== 'none' && (!isDelta || startTimes === 'all');
    this.#points.begin({ names, name, form, isDelta, tellsStart });
    return { names, type };
  }

  #refuse(points: number, out: AcceptedWrite, message: () => string): void {
    out.samplesIn += points;
    this.pointsRejected += points;
    out.reject('otlp_parse_error', points, () => parseError(message()));
  }
}

function memoryFor(translation: OtlpTranslation, rules: WriteRules): Memory {
  const memory = new TranslationMemory(translation, rules);
  const metrics = new MetricTable(translation);
  const { keys, constants, shapes } = memory;
  return {
    ...{ keys, constants, shapes, metrics },
    get isFull() {
      return memory.isFull || metrics.isFull;
    },
  };
}

/** The last field of that number, or nothing. */
function messageOf(bytes: Uint8Array, from: number, to: number, number: number): Uint8Array {
  const field = new FieldReader().reset(bytes, from, to);
  let found: Uint8Array = EMPTY;
  while (field.next()) {
    if (field.field !== number) continue;
    field.expect(WIRE_LENGTH, 'message');
    found = field.bytes();
  }
  return found;
}

function metricOf(field: FieldReader): Metric {
  let name: Uint8Array = EMPTY;
  let help: Uint8Array = EMPTY;
  let unit: Uint8Array = EMPTY;
  let kind = 0;
  let from = 0;
  let to = 0;
  while (field.next()) {
    if (field.field > SUMMARY || field.field === 4) continue;
    field.expect(WIRE_LENGTH, 'Metric');
    if (field.field === 1) name = field.bytes();
    else if (field.field === 2) help = field.bytes();
    else if (field.field === 3) unit = field.bytes();
    else if (isPoints(field.field)) {
      kind = field.field;
      from = field.from;
      to = field.to;
    }
  }
  return { name, help, unit, kind, from, to };
}

function isPoints(field: number): boolean {
  return field === GAUGE || field === SUM || (field >= HISTOGRAM && field <= SUMMARY);
}

interface PointsShape {
  readonly count: number;
  readonly temporality: number;
  readonly isMonotonic: boolean;
}

/** What stands behind the points says how they are meant: looked at first. */
function pointsOf(field: FieldReader, kind: number): PointsShape {
  let count = 0;
  let temporality = 0;
  let isMonotonic = false;
  while (field.next()) {
    if (field.field === 1) {
      field.expect(WIRE_LENGTH, 'data_points');
      count++;
    } else if (field.field === 2 && kind !== GAUGE && kind !== SUMMARY) {
      field.expect(WIRE_VARINT, 'aggregation_temporality');
      temporality = field.uint32();
    } else if (field.field === 3 && kind === SUM) {
      field.expect(WIRE_VARINT, 'Sum.is_monotonic');
      isMonotonic = field.int64() !== 0;
    }
  }
  return { count, temporality, isMonotonic };
}

function kindOf(kind: number, isMonotonic: boolean): NamedKind {
  if (kind === GAUGE) return 'gauge';
  return kind === SUM && isMonotonic ? 'counter' : 'other';
}

function typeOf(kind: number, isMonotonic: boolean): number {
  if (kind === GAUGE) return TYPE_GAUGE;
  if (kind === SUM) return isMonotonic ? TYPE_COUNTER : TYPE_GAUGE;
  return kind === SUMMARY ? TYPE_SUMMARY : TYPE_HISTOGRAM;
}

function formOf(kind: number, customBuckets: boolean) {
  if (kind === GAUGE) return 'gauge';
  if (kind === SUM) return 'sum';
  if (kind === SUMMARY) return 'summary';
  if (kind === EXPONENTIAL) return 'exponential';
  return customBuckets ? 'custom' : 'classic';
}
