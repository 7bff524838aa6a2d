// What every series of a resource and scope has in common: job and instance, promoted attributes, the
// scope's labels; and target_info. Made once for the same bytes: a sender's resources come again with every
// request, so they are kept, up to a bound.

import { isUtf8 } from 'node:buffer';
import { equalBytes, hashBytes, text, utf8 } from '@weir/bytes';
import { FieldReader, WIRE_LENGTH } from '../protobuf/field-reader.ts';
import type { NamedLabel } from '../write-request/refusal-texts.ts';
import { valueText } from './attribute-value.ts';
import { labelName } from './label-names.ts';
import { ATTRIBUTES_MAX, tooManyAttributes } from './point-attributes.ts';
import type { OtlpTranslation } from './translation.ts';
import { wholeLabel } from './whole-label.ts';

const KEPT_MAX_BYTES = 2 << 20;
const SHAPES_MAX = 1024;
const IDENTIFYING = new Set(['service.namespace', 'service.name', 'service.instance.id']);
const EMPTY = new Uint8Array(0);

export interface ConstantLabel extends NamedLabel {
  /** Gives way to an attribute of the point that has its name. */
  readonly isPromoted: boolean;
  /** As it stands in a series, tag and lengths included. */
  readonly field: Uint8Array;
}

export interface ConstantLabels {
  /** The same for the same names in the same roles. */
  readonly shapeId: number;
  readonly labels: readonly ConstantLabel[];
  readonly valueBytesMax: number;
  readonly isText: boolean;
  /** Of target_info, or undefined where the resource has none. */
  readonly target: readonly NamedLabel[] | undefined;
}

/** Where the messages lie that the labels come from. */
export interface ConstantSources {
  /** The Resource. */
  readonly resource: Uint8Array;
  /** The InstrumentationScope, and its schema's URL. */
  readonly scope: Uint8Array;
  readonly schemaUrl: Uint8Array;
}

interface Kept {
  readonly sources: ConstantSources;
  readonly made: ConstantLabels;
}

export class ConstantLabelsCache {
  readonly #translation: OtlpTranslation;
  readonly #kept = new Map<number, Kept[]>();
  readonly #shapeIds = new Map<string, number>();
  #nextShapeId = 0;
  #keptBytes = 0;

  constructor(translation: OtlpTranslation) {
    this.#translation = translation;
  }

  get isFull(): boolean {
    return this.#keptBytes >= KEPT_MAX_BYTES;
  }

  of(sources: ConstantSources): ConstantLabels {
    const { resource, scope, schemaUrl } = sources;
    let hash = hashBytes(resource, 0, resource.length, 0);
    if (this.#translation.scopeLabels) hash = hashBytes(scope, 0, scope.length, hash);
    const found = this.#kept.get(hash);
    for (const { sources: kept, made } of found ?? []) {
      if (!equalBytes(kept.resource, resource)) continue;
      if (!this.#translation.scopeLabels) return made;
      if (equalBytes(kept.scope, scope) && equalBytes(kept.schemaUrl, schemaUrl)) return made;
    }
    const made = this.#make(sources);
    if (this.isFull) return made;
    const own = {
      resource: resource.slice(),
      scope: this.#translation.scopeLabels ? scope.slice() : EMPTY,
      schemaUrl: schemaUrl.slice(),
    };
    // What is made of it takes about three times its size.
    this.#keptBytes += 4 * (resource.length + own.scope.length + schemaUrl.length) + 512;
    if (found === undefined) this.#kept.set(hash, [{ sources: own, made }]);
    else found.push({ sources: own, made });
    return made;
  }

  #make(sources: ConstantSources): ConstantLabels {
    const attributes = attributesOf(sources.resource, 1);
    const found = new Map<string, ConstantLabel>();
    for (const [key, value] of [...attributes].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!this.#isPromoted(key)) continue;
      const name = labelName(key, this.#translation);
      if (name !== undefined && !found.has(name)) put(found, name, value, true);
    }
    if (this.#translation.scopeLabels) this.#addScope(sources, found);
    const identity = identityOf(attributes);
    for (const [name, value] of identity) put(found, name, value, false);
    const labels = [...found.values()];
    return {
      shapeId: this.#shapeIdOf(labels),
      labels,
      valueBytesMax: Math.max(0, ...labels.map(({ value }) => value.length)),
      isText: labels.every(({ value }) => isUtf8(value)),
      target: this.#targetOf(attributes, identity),
    };
  }

  #isPromoted(key: string): boolean {
    const { promotedAttributes } = this.#translation;
    return promotedAttributes.includes(key) || promotedAttributes.includes('*');
  }

  #addScope({ scope, schemaUrl }: ConstantSources, found: Map<string, ConstantLabel>): void {
    const field = new FieldReader().reset(scope, 0, scope.length);
    let name: Uint8Array = EMPTY;
    let version: Uint8Array = EMPTY;
    while (field.next()) {
      if (field.field > 2) continue;
      field.expect(WIRE_LENGTH, 'InstrumentationScope');
      if (field.field === 1) name = field.bytes().slice();
      else version = field.bytes().slice();
    }
    if (name.length === 0) return;
    put(found, 'otel_scope_name', name, false);
    put(found, 'otel_scope_version', version, false);
    put(found, 'otel_scope_schema_url', schemaUrl.slice(), false);
    for (const [key, value] of attributesOf(scope, 3)) {
      const label = labelName(`otel_scope_${key}`, this.#translation);
      if (label !== undefined) put(found, label, value, false);
    }
  }

  /** Of the labels' names and roles. */
  #shapeIdOf(labels: readonly ConstantLabel[]): number {
    const shape = labels
      .map(({ name, isPromoted }) => `${isPromoted ? '?' : '!'}${text(name)}`)
      .join('\n');
    let id = this.#shapeIds.get(shape);
    if (id === undefined) {
      if (this.#shapeIds.size >= SHAPES_MAX) this.#shapeIds.clear();
      id = this.#nextShapeId++;
      this.#shapeIds.set(shape, id);
    }
    return id;
  }

  #targetOf(
    attributes: ReadonlyMap<string, Uint8Array>,
    identity: ReadonlyMap<string, Uint8Array>,
  ): readonly NamedLabel[] | undefined {
    const others = [...attributes.keys()].filter((key) => !IDENTIFYING.has(key));
    if (others.length === 0 || identity.size === 0) return undefined;
    const found = new Map<string, Uint8Array>();
    const keys = this.#translation.identifyingKept ? [...attributes.keys()] : others;
    for (const key of keys.sort()) {
      const name = labelName(key, this.#translation);
      const value = attributes.get(key)!;
      if (name === undefined) continue;
      found.set(name, joined(found.get(name), value));
    }
    for (const [name, value] of identity) found.set(name, value);
    found.set('__name__', utf8('target_info'));
    return [...found].map(([name, value]) => ({ name: utf8(name), value }));
  }
}

/** Values of attributes whose label names are the same. */
export function joined(before: Uint8Array | undefined, value: Uint8Array): Uint8Array {
  if (before === undefined || before.length === 0) return value;
  return Buffer.concat([before, utf8(';'), value]);
}

function put(
  found: Map<string, ConstantLabel>,
  label: string,
  value: Uint8Array,
  isPromoted: boolean,
): void {
  if (value.length === 0) return;
  const name = utf8(label);
  found.set(label, { name, value, isPromoted, field: wholeLabel(name, value) });
}

/** job and instance. */
function identityOf(attributes: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const service = attributes.get('service.name');
  const space = attributes.get('service.namespace');
  const instance = attributes.get('service.instance.id');
  if (service !== undefined) {
    const job = space === undefined ? service : Buffer.concat([space, utf8('/'), service]);
    found.set('job', job);
  }
  if (instance !== undefined) found.set('instance', instance);
  return found;
}

/** The repeated KeyValue of a message, by key; of a key that is there twice, the first counts. */
function attributesOf(message: Uint8Array, number: number): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const field = new FieldReader().reset(message, 0, message.length);
  const pair = new FieldReader();
  while (field.next()) {
    if (field.field !== number) continue;
    field.expect(WIRE_LENGTH, 'attributes');
    let key = '';
    let value: Uint8Array = EMPTY;
    pair.reset(message, field.from, field.to);
    while (pair.next()) {
      if (pair.field > 2) continue;
      pair.expect(WIRE_LENGTH, 'KeyValue');
      if (pair.field === 1) key = text(pair.bytes());
      else value = valueText(message, pair.from, pair.to).slice();
    }
    if (!found.has(key)) found.set(key, value);
    if (found.size > ATTRIBUTES_MAX) throw tooManyAttributes();
  }
  return found;
}
