// The WebAssembly side of OTLP (kernel/point-kernel.as): data points of sums and gauges become series there, in the
// push kernel's memory. It knows a shape of points as a plan: the attribute keys it must find, and which pieces the
// labels are made of. What it doesn't know, or wouldn't take, is left to the plain way, from which it learns.
import type { KernelMemory } from '../push-kernel/kernel-memory.ts';
import {
  CAPACITY,
  COLUMNS_AT,
  KEPT_AT,
  KEPT_BYTES,
  type PushKernel,
  REASON_FULL,
} from '../push-kernel/push-kernel.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { type AttributeKeys, labelHead } from './attribute-keys.ts';
import type { ConstantLabels } from './constant-labels.ts';
import { POINT_KERNEL_CODE } from './point-kernel-code.ts';
import { FIRST_CONSTANT, METRIC_NAME, type SeriesShape } from './series-shape.ts';

const PLANS_MAX = 32;
const ATTRIBUTES_MAX = 64;
const CONSTANTS_MAX = 128;
/** `0a len name 12` of a name whose size takes one byte. */
const HEAD_MAX_BYTES = 130;
/** Copies go in steps of eight bytes and may pass an end by that. */
const SLACK_BYTES = 16;

const PLANS_AT = KEPT_AT;
const ATTRIBUTES_AT = PLANS_AT + 4 + 4 * PLANS_MAX;
const DIGITS_AT = ATTRIBUTES_AT + 16 * ATTRIBUTES_MAX;
const CONSTANTS_AT = DIGITS_AT + 24 * ATTRIBUTES_MAX + SLACK_BYTES;
const METRIC_AT = CONSTANTS_AT + 8 * CONSTANTS_MAX;
const METRIC_MAX_BYTES = 2048;
const CONSTANT_BYTES_AT = METRIC_AT + METRIC_MAX_BYTES + SLACK_BYTES;
const CONSTANT_MAX_BYTES = 32 << 10;
const ARENA_AT = CONSTANT_BYTES_AT + CONSTANT_MAX_BYTES + SLACK_BYTES;
const ARENA_END = KEPT_AT + KEPT_BYTES - SLACK_BYTES;

const SEGMENT_CONSTANT = 0xffff;
const SEGMENT_METRIC = 0xfffe;
const INT32_MAX = 0x7fffffff;
const EARLIEST_FLOAT = 2;
const LATEST_FLOAT = 3;
const METRIC_LABEL_HEAD = labelHead(new TextEncoder().encode('__name__'));

interface KernelExports {
  layOut(plans: number, attributes: number, digits: number, constants: number): void;
  setRules(valueBytesMax: number, seed: number, earliest: number, latest: number): void;
  setMetric(at: number, size: number, hasStart: number): void;
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
}

export class PointKernel {
  readonly #push: PushKernel;
  readonly #memory: KernelMemory;
  readonly #code: KernelExports;
  /** Plans by the constant labels they stand beside: where they lie, and of which shapes they are. */
  readonly #plans = new Map<number, number[]>();
  readonly #known = new Set<SeriesShape>();
  #keys: AttributeKeys | undefined;
  #shapeId = -1;
  #arena = ARENA_AT;
  #valueBytesMax = 0;
  #canTakeConstants = false;
  /** Of the points that the last call has taken, ms; nonsense where it has taken none. */
  earliestMs = 0;
  latestMs = 0;

  constructor(push: PushKernel) {
    this.#push = push;
    this.#memory = push.memory;
    this.#code = push.memory.instance<KernelExports>(POINT_KERNEL_CODE);
    this.#code.layOut(PLANS_AT, ATTRIBUTES_AT, DIGITS_AT, CONSTANTS_AT);
  }

  /** Begins a request; other keys than before mean other rules, under which nothing is known. */
  begin(rules: WriteRules, seed: number, keys: AttributeKeys): void {
    this.#valueBytesMax = Math.min(rules.labelValueBytesMax, INT32_MAX);
    const { timestampMinMs, timestampMaxMs } = rules;
    this.#code.setRules(this.#valueBytesMax, seed | 0, timestampMinMs, timestampMaxMs);
    if (keys !== this.#keys) this.#forget();
    this.#keys = keys;
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
    this.#shapeId = shapeId;
    this.#listPlans();
  }

  /** Whether points of a metric of that name can be taken beside the constant labels. */
  useMetric(name: Uint8Array, hasStart: boolean): boolean {
    const { bytes } = this.#memory;
    if (!this.#canTakeConstants || name.length > this.#valueBytesMax) return false;
    if (name.length > METRIC_MAX_BYTES / 2) return false;
    const valueSize = name.length < 128 ? 1 : 2;
    let at = METRIC_AT;
    bytes[at++] = 0x0a;
    at = writeSize(bytes, at, METRIC_LABEL_HEAD.length + valueSize + name.length);
    bytes.set(METRIC_LABEL_HEAD, at);
    at = writeSize(bytes, at + METRIC_LABEL_HEAD.length, name.length);
    bytes.set(name, at);
    this.#code.setMetric(METRIC_AT, at + name.length - METRIC_AT, hasStart ? 1 : 0);
    return true;
  }

  /**
   * Takes points from `at`, until one that is unusual, or `pause`; the metric's points end at `end`. Returns the
   * position behind the last one taken.
   */
  points(at: number, pause: number, end: number, out: AcceptedWrite): number {
    const { words, floats } = this.#memory;
    const push = this.#push;
    const body = push.bodyAt;
    this.earliestMs = Number.POSITIVE_INFINITY;
    this.latestMs = Number.NEGATIVE_INFINITY;
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
      this.earliestMs = Math.min(this.earliestMs, floats[EARLIEST_FLOAT]!);
      this.latestMs = Math.max(this.latestMs, floats[LATEST_FLOAT]!);
    } while (words[2] === REASON_FULL);
    return from - body;
  }

  /** From now on points of this shape are taken, where that is possible. */
  learn(shape: SeriesShape): void {
    if (this.#known.has(shape) || shape.shapeId !== this.#shapeId) return;
    const { order, heads, keys } = shape;
    if (order === undefined || shape.extraIndex >= 0 || keys.length > ATTRIBUTES_MAX) return;
    if (heads.some((head) => head.length > HEAD_MAX_BYTES)) return;
    if ((this.#plans.get(this.#shapeId)?.length ?? 0) >= PLANS_MAX) return;
    const texts = [...keys].map((id) => this.#keys!.at(id).key);
    const size = 8 + 8 * texts.length + 12 * order.length + byteLength([...texts, ...heads]);
    if (this.#arena + size > ARENA_END) this.#forget();
    if (this.#arena + size > ARENA_END) return;
    this.#write(shape, texts, order);
    this.#known.add(shape);
    this.#listPlans();
  }

  #write({ heads }: SeriesShape, keys: readonly Uint8Array[], order: Int32Array): void {
    const { bytes } = this.#memory;
    const view = new DataView(bytes.buffer);
    const plan = this.#arena;
    view.setUint32(plan, keys.length, true);
    view.setUint32(plan + 4, order.length, true);
    let at = plan + 8;
    let texts = at + 8 * keys.length + 12 * order.length;
    const put = (text: Uint8Array) => {
      bytes.set(text, texts);
      view.setUint32(at, texts, true);
      view.setUint32(at + 4, text.length, true);
      texts += text.length;
      at += 8;
    };
    for (const key of keys) put(key);
    for (const [index, source] of order.entries()) {
      const isConstant = source <= FIRST_CONSTANT;
      const kind = source === METRIC_NAME ? SEGMENT_METRIC : SEGMENT_CONSTANT;
      view.setUint32(at, source >= 0 ? source : kind, true);
      if (isConstant) view.setUint32(at + 4, FIRST_CONSTANT - source, true);
      at += 4;
      if (source >= 0) put(heads[index]!);
      else at += 8;
    }
    this.#arena = texts;
    const plans = this.#plans.get(this.#shapeId);
    if (plans === undefined) this.#plans.set(this.#shapeId, [plan]);
    else plans.push(plan);
  }

  #listPlans(): void {
    const plans = this.#plans.get(this.#shapeId) ?? [];
    this.#memory.words[PLANS_AT / 4] = plans.length;
    this.#memory.words.set(plans, PLANS_AT / 4 + 1);
  }

  #forget(): void {
    this.#plans.clear();
    this.#known.clear();
    this.#arena = ARENA_AT;
    this.#listPlans();
  }
}

function byteLength(texts: readonly Uint8Array[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

function writeSize(bytes: Uint8Array, at: number, size: number): number {
  if (size < 128) {
    bytes[at] = size;
    return at + 1;
  }
  bytes[at] = (size & 127) | 128;
  bytes[at + 1] = size >>> 7;
  return at + 2;
}
