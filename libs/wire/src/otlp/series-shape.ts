// In which order the labels of a series come, for one sequence of attribute keys beside one set of constant
// labels: found once, then used for all points that look like it. What can't be written label by label
// (names that collide, names the rules refuse) has no order here and takes the slow path.
import { compareBytes, text } from '@weir/bytes';
import type { WriteRules } from '../write-request/write-rules.ts';
import { type AttributeKey, type AttributeKeys, labelHead } from './attribute-keys.ts';
import type { ConstantLabels } from './constant-labels.ts';
import type { PointAttributes } from './point-attributes.ts';

/** The label that only some series of a metric have. */
export const NO_EXTRA = 0;
export const EXTRA_LE = 1;
export const EXTRA_QUANTILE = 2;

export const EXTRA_NAMES: readonly (Uint8Array | undefined)[] = [
  undefined,
  new TextEncoder().encode('le'),
  new TextEncoder().encode('quantile'),
];

/** Sources of a label beside attributes (0 and above) and constant labels (`FIRST_CONSTANT - index`). */
export const METRIC_NAME = -1;
export const EXTRA = -2;
export const FIRST_CONSTANT = -3;

const NAME = new TextEncoder().encode('__name__');
const SHAPES_MAX = 4096;

export interface SeriesShape {
  readonly shapeId: number;
  readonly keys: Int32Array;
  /** Where each label comes from, in the order of their names; undefined: the slow path. */
  readonly order: Int32Array | undefined;
  /** Which label it has beside. */
  readonly extra: number;
  /** Where in the order the extra label is, or -1. */
  readonly extraIndex: number;
  /** `0a len name 12` of the labels that are no constants. */
  readonly heads: readonly Uint8Array[];
}

export class SeriesShapes {
  readonly #keys: AttributeKeys;
  readonly #rules: WriteRules;
  readonly #shapes = new Map<string, SeriesShape>();
  /** The one used last, by the kind of extra label. */
  readonly #last: (SeriesShape | undefined)[] = [undefined, undefined, undefined];

  constructor(keys: AttributeKeys, rules: WriteRules) {
    this.#keys = keys;
    this.#rules = rules;
  }

  get isFull(): boolean {
    return this.#shapes.size >= SHAPES_MAX;
  }

  /** Undefined where there is none, or no more are kept. */
  of(point: PointAttributes, constants: ConstantLabels, extra: number): SeriesShape | undefined {
    if (!point.isPlain) return undefined;
    const last = this.#last[extra];
    if (last !== undefined && fits(last, point, constants)) return last;
    const ids = point.ids.subarray(0, point.count);
    const name = `${constants.shapeId} ${extra} ${ids.join(' ')}`;
    let shape = this.#shapes.get(name);
    if (shape === undefined) {
      if (this.isFull) return undefined;
      shape = this.#shapeOf(ids.slice(), constants, extra);
      this.#shapes.set(name, shape);
    }
    this.#last[extra] = shape;
    return shape;
  }

  #shapeOf(ids: Int32Array, constants: ConstantLabels, extra: number): SeriesShape {
    const sources = this.#sources(ids, constants, extra);
    const none = {
      ...{ shapeId: constants.shapeId, keys: ids, extra },
      order: undefined,
      extraIndex: -1,
      heads: [],
    };
    if (sources === undefined || sources.length > this.#rules.labelNamesMax) return none;
    sources.sort((a, b) => compareBytes(a.name, b.name));
    return {
      ...{ shapeId: constants.shapeId, keys: ids, extra },
      order: Int32Array.from(sources.map(({ source }) => source)),
      extraIndex: sources.findIndex(({ source }) => source === EXTRA),
      heads: sources.map(({ name }) => labelHead(name)),
    };
  }

  #sources(
    ids: Int32Array,
    constants: ConstantLabels,
    extra: number,
  ): { readonly name: Uint8Array; readonly source: number }[] | undefined {
    const found = new Map<string, { readonly name: Uint8Array; readonly source: number }>();
    for (const [index, id] of ids.entries()) {
      const key = this.#keys.at(id);
      if (key.name === undefined || !this.#isGood(key)) return undefined;
      const label = text(key.name);
      if (found.has(label)) return undefined;
      found.set(label, { name: key.name, source: index });
    }
    for (const [index, { name, isPromoted }] of constants.labels.entries()) {
      if (isPromoted && found.has(text(name))) continue;
      if (name.length > this.#rules.labelNameBytesMax) return undefined;
      found.set(text(name), { name, source: FIRST_CONSTANT - index });
    }
    found.set('__name__', { name: NAME, source: METRIC_NAME });
    const extraName = EXTRA_NAMES[extra];
    if (extraName !== undefined) found.set(text(extraName), { name: extraName, source: EXTRA });
    return [...found.values()];
  }

  #isGood({ name, isLegacy }: AttributeKey): boolean {
    if (name === undefined || name.length > this.#rules.labelNameBytesMax) return false;
    // Names beyond the old alphabet may be no UTF-8 either: the slow path looks.
    return isLegacy || (!this.#rules.legacyNames && isAscii(name));
  }
}

function fits(shape: SeriesShape, point: PointAttributes, constants: ConstantLabels): boolean {
  const { keys } = shape;
  const { ids, count } = point;
  if (keys.length !== count || shape.shapeId !== constants.shapeId) return false;
  for (let index = 0; index < count; index++) if (keys[index] !== ids[index]) return false;
  return true;
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}
