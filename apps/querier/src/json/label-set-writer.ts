// Label sets as JSON objects, one after the other: what a set begins with that the one before it began with, too, is
// copied from there. Of series in label order that is most of it.
import { type LabelBytes, LabelReader, sharedSize } from '@weir/model';
import type { ByteWriter } from './byte-writer.ts';

export class LabelSetWriter {
  readonly #out: ByteWriter;
  readonly #reader = new LabelReader();
  /** The set before: where its JSON begins, and of each label where its bytes and its JSON end. */
  #before: LabelBytes = new Uint8Array(0);
  #start = 0;
  #ends: number[] = [];
  #jsonEnds: number[] = [];

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  /** What was written before has been taken. */
  forget(): void {
    this.#before = new Uint8Array(0);
  }

  write(labels: LabelBytes): void {
    const out = this.#out;
    const start = out.position;
    let count = this.#sharedLabels(labels);
    const from = count === 0 ? 0 : this.#ends[count - 1]!;
    if (count === 0) out.ascii('{');
    else out.again(this.#start, this.#start + this.#jsonEnds[count - 1]!);
    const reader = this.#reader.reset(labels, from);
    while (reader.next()) {
      if (count > 0) out.ascii(',');
      out.string(labels, reader.nameFrom, reader.nameTo);
      out.ascii(':');
      out.string(labels, reader.valueFrom, reader.valueTo);
      this.#ends[count] = reader.at;
      this.#jsonEnds[count] = out.position - start;
      count++;
    }
    out.ascii('}');
    this.#before = labels;
    this.#start = start;
  }

  /** Whole labels that both sets begin with. */
  #sharedLabels(labels: LabelBytes): number {
    const before = this.#before;
    const size = sharedSize(before, labels);
    let count = 0;
    for (let end = 0; end < before.length; count++) {
      end = this.#ends[count]!;
      if (end > size) break;
    }
    return count;
  }
}
