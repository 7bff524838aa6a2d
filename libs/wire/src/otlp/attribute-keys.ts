// Attribute keys and the label names they become, each looked at once: keys come again with every point
// and every request. A key is found by comparing it with the one that stood in its place in the point
// before, and else by hash. Bounded: when it is full, what is new is not kept.
import { compareBytes, hashBytes, text, utf8 } from '@weir/bytes';
import { isLabelName } from '../write-request/names.ts';
import { labelName } from './label-names.ts';
import { isEscaping, type OtlpTranslation } from './translation.ts';

const KEYS_MAX = 4096;
const KEPT_KEY_MAX_BYTES = 512;

export interface AttributeKey {
  readonly key: Uint8Array;
  /** Undefined where the key can't be a label name. */
  readonly name: Uint8Array | undefined;
  /** Whether the name is in the alphabet of label names before UTF-8. */
  readonly isLegacy: boolean;
  /** `0a len name 12`: what comes before the value's length in a label. */
  readonly head: Uint8Array;
}

export class AttributeKeys {
  readonly #translation: OtlpTranslation;
  readonly #known: AttributeKey[] = [];
  readonly #byHash = new Map<number, number[]>();

  constructor(translation: OtlpTranslation) {
    this.#translation = translation;
  }

  /** Of a key in bytes[from, to): its number, or -1 when it isn't kept. `guess` is tried first. */
  idOf(bytes: Uint8Array, from: number, to: number, guess: number): number {
    if (guess >= 0 && isAt(this.#known[guess]!.key, bytes, from, to)) return guess;
    const hash = hashBytes(bytes, from, to, 0);
    const found = this.#byHash.get(hash);
    for (const id of found ?? []) if (isAt(this.#known[id]!.key, bytes, from, to)) return id;
    if (this.#known.length >= KEYS_MAX || to - from > KEPT_KEY_MAX_BYTES) return -1;
    const id = this.#known.push(this.translate(bytes.slice(from, to))) - 1;
    if (found === undefined) this.#byHash.set(hash, [id]);
    else found.push(id);
    return id;
  }

  at(id: number): AttributeKey {
    return this.#known[id]!;
  }

  get isFull(): boolean {
    return this.#known.length >= KEYS_MAX;
  }

  translate(key: Uint8Array): AttributeKey {
    const name = labelName(text(key), this.#translation);
    if (name === undefined) return { key, name, isLegacy: false, head: key };
    // Bytes that aren't UTF-8 stay as they are, to be refused.
    const bytes = isEscaping(this.#translation.strategy) ? utf8(name) : key;
    const isLegacy = isLabelName(bytes, 0, bytes.length, true);
    return { key, name: bytes, isLegacy, head: labelHead(bytes) };
  }
}

/** `0a len name 12`. */
export function labelHead(name: Uint8Array): Uint8Array {
  const size: number[] = [];
  for (let rest = name.length; ; rest >>>= 7) {
    size.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Uint8Array.from([0x0a, ...size, ...name, 0x12]);
}

export function compareKeys(a: AttributeKey, b: AttributeKey): number {
  return compareBytes(a.key, b.key);
}

function isAt(key: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  const size = key.length;
  if (to - from !== size) return false;
  for (let index = 0; index < size; index++) {
    if (key[index] !== bytes[from + index]) return false;
  }
  return true;
}
