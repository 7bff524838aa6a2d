// Names and values as owners answer them: made of sorted lists, which stay the same between most questions. So the
// answer of an owner is kept while its lists are the same ones, and what a querier has made of answers while it gets
// the same bytes: nothing has to be told that something has changed.
import { uniteTexts } from '@weir/bytes';
import { decodeTexts, encodeTexts } from './read-message.ts';

/** Answers of more bytes are not kept, and of all together so many. */
const ANSWER_MAX_BYTES = 1 << 20;
const KEPT_MAX_BYTES = 8 << 20;

export interface TextLists {
  /** Blocks (ULIDs) of the tenant that were asked, too. */
  readonly heldBlocks: readonly string[];
  /** Each sorted by bytes, without one text twice, and never changed. */
  readonly lists: readonly (readonly string[])[];
}

/** By the first list, and gone with it. */
const encoded = new WeakMap<readonly string[], TextLists & { readonly message: Uint8Array }>();

/** ReadTexts as a message, in a buffer of its own. */
export function encodeTextLists({ heldBlocks, lists }: TextLists, limit?: number): Uint8Array {
  const [first] = lists;
  const isKept = first !== undefined && limit === undefined;
  const known = isKept ? encoded.get(first) : undefined;
  if (known && isSame(known.lists, lists) && isSame(known.heldBlocks, heldBlocks)) {
    return known.message.slice();
  }
  const message = encodeTexts({ heldBlocks, texts: uniteTexts(lists, limit) });
  if (!isKept || message.length > ANSWER_MAX_BYTES) return message;
  encoded.set(first, { heldBlocks, lists, message });
  return message.slice();
}

function isSame<Item>(left: readonly Item[], right: readonly Item[]): boolean {
  return left.length === right.length && left.every((item, at) => item === right[at]);
}

/** What several owners have answered. */
export interface UnitedTexts {
  readonly heldBlocks: ReadonlySet<string>;
  readonly texts: readonly string[];
}

interface Known {
  readonly answers: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly united: UnitedTexts;
}

/** Unites answers, and gives the same list again for the same answers to the same question. */
export class TextAnswers {
  /** The one asked last is the last. */
  readonly #known = new Map<string, Known>();
  #sizeBytes = 0;

  /** `answers` are kept: they must not change. */
  unite(question: string, answers: readonly Uint8Array[]): UnitedTexts {
    const known = this.#take(question);
    const { united } =
      known !== undefined && isEqual(known.answers, answers) ? known : unite(answers);
    const sizeBytes = answers.reduce((sum, { length }) => sum + length, question.length);
    if (sizeBytes <= ANSWER_MAX_BYTES) this.#keep(question, { answers, sizeBytes, united });
    return united;
  }

  #take(question: string): Known | undefined {
    const known = this.#known.get(question);
    if (known === undefined) return undefined;
    this.#known.delete(question);
    this.#sizeBytes -= known.sizeBytes;
    return known;
  }

  #keep(question: string, known: Known): void {
    this.#known.set(question, known);
    this.#sizeBytes += known.sizeBytes;
    for (const oldest of this.#known.keys()) {
      if (this.#sizeBytes <= KEPT_MAX_BYTES) return;
      this.#take(oldest);
    }
  }
}

function isEqual(left: readonly Uint8Array[], right: readonly Uint8Array[]): boolean {
  if (left.length !== right.length) return false;
  return left.every((bytes, at) => Buffer.compare(bytes, right[at]!) === 0);
}

function unite(answers: readonly Uint8Array[]): { readonly united: UnitedTexts } {
  const decoded = answers.map(decodeTexts);
  const heldBlocks = new Set(decoded.flatMap(({ heldBlocks }) => heldBlocks));
  return { united: { heldBlocks, texts: uniteTexts(decoded.map(({ texts }) => texts)) } };
}
