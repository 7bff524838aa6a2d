// What the point kernel knows of points, in its memory (kernel/point-kernel.as has the forms): plans, which say which
// attribute keys make which labels, and sets of a histogram's bounds with the labels they make. Learnt from what the
// plain scan has written; forgotten whole where there is no more room.
import type { KernelMemory } from '../push-kernel/kernel-memory.ts';
import type { AttributeKeys } from './attribute-keys.ts';
import {
  EXTRA,
  EXTRA_LE,
  EXTRA_NAMES,
  FIRST_CONSTANT,
  METRIC_NAME,
  type SeriesShape,
} from './series-shape.ts';
import { wholeLabel } from './whole-label.ts';

/** Of one set of constant labels. */
export const PLANS_MAX = 32;
export const BOUND_SETS_MAX = 32;
export const ATTRIBUTES_MAX = 64;
const BOUNDS_MAX = 256;
/** `0a len name 12` of a name whose size takes one byte. */
const HEAD_MAX_BYTES = 130;
/** Copies go in steps of eight bytes and may pass an end by that. */
const SLACK_BYTES = 16;
const LE = EXTRA_NAMES[EXTRA_LE]!;
const SEGMENT_CONSTANT = 0xffff;
const SEGMENT_METRIC = 0xfffe;
const SEGMENT_BOUND = 0xfffd;
const PLAN_HEAD_BYTES = 12;
const BOUNDS_HEAD_BYTES = 8;

export interface ShapePlaces {
  /** Lists: a number, then so many places. */
  readonly plans: number;
  readonly boundSets: number;
  /** Where what is learnt lies. */
  readonly from: number;
  readonly end: number;
}

export class KnownShapes {
  readonly #memory: KernelMemory;
  readonly #places: ShapePlaces;
  /** Plans by the constant labels they stand beside: where they lie, and of which shapes they are. */
  readonly #plans = new Map<number, number[]>();
  readonly #known = new Set<SeriesShape>();
  /** Places of sets of bounds, by their bytes. */
  readonly #boundSets = new Map<string, number>();
  #shapeId = -1;
  #at: number;

  constructor(memory: KernelMemory, places: ShapePlaces) {
    this.#memory = memory;
    this.#places = places;
    this.#at = places.from;
  }

  /** Points stand beside constant labels of this shape from now on. */
  use(shapeId: number): void {
    this.#shapeId = shapeId;
    this.#listPlans();
  }

  clear(): void {
    this.#plans.clear();
    this.#known.clear();
    this.#boundSets.clear();
    this.#at = this.#places.from;
    this.#listPlans();
    this.#listBounds();
  }

  /** From now on points of this shape are taken, where that is possible. */
  learn(shape: SeriesShape, keys: AttributeKeys): void {
    if (this.#known.has(shape) || shape.shapeId !== this.#shapeId) return;
    const { order, heads } = shape;
    if (order === undefined || shape.extra > EXTRA_LE || shape.keys.length > ATTRIBUTES_MAX) return;
    if (heads.some((head) => head.length > HEAD_MAX_BYTES)) return;
    if ((this.#plans.get(this.#shapeId)?.length ?? 0) >= PLANS_MAX) return;
    const texts = [...shape.keys].map((id) => keys.at(id).key);
    const size = PLAN_HEAD_BYTES + 8 * texts.length + 12 * order.length;
    if (!this.#hasRoom(size + byteLength([...texts, ...heads]))) return;
    this.#write(shape, texts, order);
    this.#known.add(shape);
    this.#listPlans();
  }

  /** From now on classic histograms of these bounds are taken, where that is possible. */
  learnBounds(bounds: Float64Array, textOf: (bound: number) => Uint8Array): void {
    const raw = new Uint8Array(bounds.buffer, bounds.byteOffset, bounds.byteLength);
    const name = Buffer.from(raw).toString('latin1');
    if (this.#boundSets.has(name) || bounds.length > BOUNDS_MAX) return;
    if (this.#boundSets.size >= BOUND_SETS_MAX) return;
    const labels = [...bounds, Number.POSITIVE_INFINITY].map((bound) =>
      wholeLabel(LE, textOf(bound)),
    );
    const size = BOUNDS_HEAD_BYTES + 8 * labels.length + raw.length + byteLength(labels);
    if (!this.#hasRoom(size + labels.length * SLACK_BYTES)) return;
    const { bytes } = this.#memory;
    const view = new DataView(bytes.buffer);
    const set = this.#at;
    let texts = set + BOUNDS_HEAD_BYTES + 8 * labels.length;
    view.setUint32(set, raw.length, true);
    view.setUint32(set + 4, texts, true);
    bytes.set(raw, texts);
    texts += raw.length;
    for (const [index, label] of labels.entries()) {
      bytes.set(label, texts);
      view.setUint32(set + BOUNDS_HEAD_BYTES + 8 * index, texts, true);
      view.setUint32(set + BOUNDS_HEAD_BYTES + 8 * index + 4, label.length, true);
      texts += label.length;
    }
    this.#at = Math.ceil((texts + SLACK_BYTES) / 4) * 4;
    this.#boundSets.set(name, set);
    this.#listBounds();
  }

  /** Whether there is room for something more to be learnt; where there was none, all else is forgotten. */
  #hasRoom(sizeBytes: number): boolean {
    if (this.#at + sizeBytes > this.#places.end) this.clear();
    return this.#at + sizeBytes <= this.#places.end;
  }

  #write({ heads, extra }: SeriesShape, keys: readonly Uint8Array[], order: Int32Array): void {
    const { bytes } = this.#memory;
    const view = new DataView(bytes.buffer);
    const plan = this.#at;
    view.setUint32(plan, keys.length, true);
    view.setUint32(plan + 4, order.length, true);
    view.setUint32(plan + 8, extra, true);
    let at = plan + PLAN_HEAD_BYTES;
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
      view.setUint32(at, source >= 0 ? source : segmentOf(source), true);
      if (isConstant) view.setUint32(at + 4, FIRST_CONSTANT - source, true);
      at += 4;
      if (source >= 0) put(heads[index]!);
      else at += 8;
    }
    this.#at = texts;
    const plans = this.#plans.get(this.#shapeId);
    if (plans === undefined) this.#plans.set(this.#shapeId, [plan]);
    else plans.push(plan);
  }

  #listBounds(): void {
    const { words } = this.#memory;
    const at = this.#places.boundSets / 4;
    words[at] = this.#boundSets.size;
    words.set([...this.#boundSets.values()], at + 1);
  }

  #listPlans(): void {
    const plans = this.#plans.get(this.#shapeId) ?? [];
    const at = this.#places.plans / 4;
    this.#memory.words[at] = plans.length;
    this.#memory.words.set(plans, at + 1);
  }
}

function segmentOf(source: number): number {
  if (source === METRIC_NAME) return SEGMENT_METRIC;
  return source === EXTRA ? SEGMENT_BOUND : SEGMENT_CONSTANT;
}

function byteLength(texts: readonly Uint8Array[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
