// Series by 64 bits of hash, so that owners can be found to have the same one without sending labels: a series
// whose samples lie in two places must be put together before anything is computed of it. Equal prints of
// different series cost time, never an answer.
import { grown } from '@weir/bytes';
import type { LabelBytes } from '@weir/model';
import type { SeriesOrigin } from '../queryable.ts';

export class Prints {
  #words = new Uint32Array(1024);
  #size = 0;

  add(series: SeriesOrigin & { readonly labels: LabelBytes }): void {
    if (this.#size === this.#words.length) this.#words = grown(this.#words);
    const { memo, number } = series;
    if (memo === undefined || number === undefined) {
      this.#print(series.labels);
      return;
    }
    const known = memo.prints(number);
    if (known[2 * number] === 0 && known[2 * number + 1] === 0) {
      this.#print(series.labels);
      known[2 * number] = this.#words[this.#size - 2]!;
      known[2 * number + 1] = this.#words[this.#size - 1]!;
      return;
    }
    this.#words[this.#size++] = known[2 * number]!;
    this.#words[this.#size++] = known[2 * number + 1]!;
  }

  #print(labels: LabelBytes): void {
    let a = labels.length;
    let b = 0x2545f491;
    const whole = labels.length & ~3;
    let at = 0;
    for (; at < whole; at += 4) {
      const word =
        labels[at]! | (labels[at + 1]! << 8) | (labels[at + 2]! << 16) | (labels[at + 3]! << 24);
      a = Math.imul(a ^ word, 0x9e3779b1);
      a ^= a >>> 15;
      b = Math.imul(b ^ word, 0x85ebca6b);
      b = (b << 13) | (b >>> 19);
    }
    for (; at < labels.length; at++) {
      a = Math.imul(a ^ labels[at]!, 0x9e3779b1);
      b = Math.imul(b ^ labels[at]!, 0xc2b2ae35);
    }
    this.#words[this.#size++] = a ^ (a >>> 16);
    this.#words[this.#size++] = b ^ (b >>> 15);
  }

  words(): Uint32Array {
    return this.#words.subarray(0, this.#size);
  }
}

/** All prints of a query's answers; false from the first that comes twice. */
export class PrintSet {
  #slots = new Uint32Array(2048);
  #count = 0;

  /** False where one of them is known. */
  addAll(words: Uint32Array): boolean {
    this.#reserve(this.#count + words.length / 2);
    for (let at = 0; at < words.length; at += 2) {
      if (!this.#add(words[at]!, words[at + 1]!)) return false;
    }
    return true;
  }

  /** A print of zeros stands for an empty place; it counts as one. */
  #add(a: number, b: number): boolean {
    const [first, second] = a === 0 && b === 0 ? [1, 1] : [a, b];
    const slots = this.#slots;
    const mask = slots.length - 2;
    for (let at = (first << 1) & mask; ; at = (at + 2) & mask) {
      if (slots[at] === 0 && slots[at + 1] === 0) {
        slots[at] = first;
        slots[at + 1] = second;
        this.#count++;
        return true;
      }
      if (slots[at] === first && slots[at + 1] === second) return false;
    }
  }

  #reserve(count: number): void {
    if (count * 4 <= this.#slots.length) return;
    const before = this.#slots;
    let size = before.length;
    while (count * 4 > size) size *= 2;
    this.#slots = new Uint32Array(size);
    this.#count = 0;
    for (let at = 0; at < before.length; at += 2) {
      if (before[at] !== 0 || before[at + 1] !== 0) this.#add(before[at]!, before[at + 1]!);
    }
  }
}
