// The labels of a line: its tags under Prometheus's names and the mark of where they come from, sorted, as
// the bytes before and behind `__name__`, which is all that differs between the line's series. Tags are judged
// once a line, because a line may have thousands of fields.
import { isUtf8 } from 'node:buffer';
import { compareBytes, uvarintSize, writeUvarint } from '@weir/bytes';
import { ByteSink } from '../protobuf/byte-sink.ts';
import type { NamedLabel } from '../write-request/refusal-texts.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { type LineReader, VALUE_ESCAPED, VALUE_NOT_ASCII } from './line-reader.ts';
import { appendName, appendUnescaped } from './names.ts';

const METRIC_LABEL = new TextEncoder().encode('__name__');
const SOURCE_LABEL = new TextEncoder().encode('__mimir_source__');
const SOURCE_VALUE = new TextEncoder().encode('influx');
/** Sorted by insertion up to here; lines with more tags have more than series may have. */
const SORTED_MAX = 256;
const TAG_NAME = { isFirst: true, withEquals: true };

export class LineLabels {
  /** Before and behind `__name__`, as labels of a TimeSeries; only where `areGood`. */
  readonly head = new ByteSink(256);
  readonly tail = new ByteSink(256);
  /** With `__name__`. */
  count = 0;
  /** False when some tag has to be refused; list() tells. */
  areGood = true;
  readonly #texts = new ByteSink(256);
  #capacity = 64;
  /** Positions in #texts; of values `~position` there, or a position in the body. */
  #nameFrom: Int32Array = new Int32Array(this.#capacity);
  #nameTo: Int32Array = new Int32Array(this.#capacity);
  #valueFrom: Int32Array = new Int32Array(this.#capacity);
  #valueSize: Int32Array = new Int32Array(this.#capacity);
  #order: Int32Array = new Int32Array(this.#capacity);
  #labels = 0;
  #body: Uint8Array = new Uint8Array(0);

  /** Takes the line's tags. */
  set(body: Uint8Array, line: LineReader, rules: WriteRules): void {
    this.#body = body;
    this.#texts.clear();
    this.#labels = 0;
    this.areGood = true;
    for (let tag = 0; tag < line.tags; tag++) this.#add(line, tag, rules);
    this.#addSource();
    this.count = this.#labels + 1;
    const most = Math.min(SORTED_MAX, Math.max(rules.labelNamesMax, rules.labelNamesInfoMax));
    if (this.count > most) this.areGood = false;
    if (!this.areGood) return;
    this.#sort();
    if (this.areGood) this.#write();
  }

  release(): void {
    this.#body = new Uint8Array(0);
  }

  /** The labels of a series of the line, sorted, for texts and rules. */
  list(metric: Uint8Array): NamedLabel[] {
    const texts = this.#texts.bytes;
    const labels: NamedLabel[] = [{ name: METRIC_LABEL, value: metric.slice() }];
    for (let label = 0; label < this.#labels; label++) {
      const from = this.#valueFrom[label]!;
      const size = this.#valueSize[label]!;
      labels.push({
        name: texts.slice(this.#nameFrom[label]!, this.#nameTo[label]!),
        value: from < 0 ? texts.slice(~from, ~from + size) : this.#body.slice(from, from + size),
      });
    }
    return labels.sort((a, b) => compareBytes(a.name, b.name));
  }

  #add(line: LineReader, tag: number, rules: WriteRules): void {
    const body = this.#body;
    const texts = this.#texts;
    const keyFrom = line.tagKeyFrom[tag]!;
    const keyTo = line.tagKeyTo[tag]!;
    if (reads(body, keyFrom, keyTo, METRIC_LABEL) || reads(body, keyFrom, keyTo, SOURCE_LABEL)) {
      return;
    }
    const nameFrom = texts.size;
    appendName(texts, body, keyFrom, keyTo, TAG_NAME);
    const nameTo = texts.size;
    let from = line.tagValueFrom[tag]!;
    let size = line.tagValueTo[tag]! - from;
    const marks = line.tagMarks[tag]!;
    if ((marks & VALUE_NOT_ASCII) !== 0 && !isUtf8(body.subarray(from, from + size))) {
      this.areGood = false;
    }
    if ((marks & VALUE_ESCAPED) !== 0) {
      appendUnescaped(texts, body, from, from + size);
      from = ~nameTo;
      size = texts.size - nameTo;
    }
    if (nameTo - nameFrom > rules.labelNameBytesMax || size > rules.labelValueBytesMax) {
      this.areGood = false;
    }
    this.#push(nameFrom, nameTo, from, size);
  }

  #addSource(): void {
    const texts = this.#texts;
    const from = texts.size;
    texts.append(SOURCE_LABEL);
    const to = texts.size;
    texts.append(SOURCE_VALUE);
    this.#push(from, to, ~to, SOURCE_VALUE.length);
  }

  #push(nameFrom: number, nameTo: number, valueFrom: number, valueSize: number): void {
    const label = this.#labels;
    if (label === this.#capacity) this.#grow();
    this.#nameFrom[label] = nameFrom;
    this.#nameTo[label] = nameTo;
    this.#valueFrom[label] = valueFrom;
    this.#valueSize[label] = valueSize;
    this.#labels = label + 1;
  }

  #grow(): void {
    this.#capacity *= 2;
    const widen = (old: Int32Array): Int32Array => {
      const wide = new Int32Array(this.#capacity);
      wide.set(old);
      return wide;
    };
    this.#nameFrom = widen(this.#nameFrom);
    this.#nameTo = widen(this.#nameTo);
    this.#valueFrom = widen(this.#valueFrom);
    this.#valueSize = widen(this.#valueSize);
    this.#order = new Int32Array(this.#capacity);
  }

  /** Senders sort their tags: then this only looks. A name that stands twice is not good. */
  #sort(): void {
    const order = this.#order;
    for (let label = 0; label < this.#labels; label++) {
      let at = label;
      while (at > 0) {
        const compared = this.#compareNames(order[at - 1]!, label);
        if (compared === 0) this.areGood = false;
        if (compared <= 0) break;
        order[at] = order[at - 1]!;
        at--;
      }
      order[at] = label;
    }
  }

  #compareNames(a: number, b: number): number {
    const bytes = this.#texts.bytes;
    const sizeA = this.#nameTo[a]! - this.#nameFrom[a]!;
    const sizeB = this.#nameTo[b]! - this.#nameFrom[b]!;
    const shared = sizeA < sizeB ? sizeA : sizeB;
    for (let index = 0; index < shared; index++) {
      const difference = bytes[this.#nameFrom[a]! + index]! - bytes[this.#nameFrom[b]! + index]!;
      if (difference !== 0) return difference;
    }
    return sizeA - sizeB;
  }

  #write(): void {
    this.head.clear();
    this.tail.clear();
    const texts = this.#texts.bytes;
    for (let index = 0; index < this.#labels; index++) {
      const label = this.#order[index]!;
      const nameFrom = this.#nameFrom[label]!;
      const nameTo = this.#nameTo[label]!;
      const order = compareWith(texts, nameFrom, nameTo, METRIC_LABEL);
      if (order === 0) {
        this.areGood = false;
        return;
      }
      const from = this.#valueFrom[label]!;
      const size = this.#valueSize[label]!;
      const sink = order < 0 ? this.head : this.tail;
      writeField(sink, texts, nameFrom, nameTo - nameFrom, size);
      if (from < 0) appendRange(sink, texts, ~from, size);
      else appendRange(sink, this.#body, from, size);
    }
  }
}

/** `0a len 0a len name 12 len`, to be followed by a value of `valueSize` bytes. */
function writeField(
  sink: ByteSink,
  names: Uint8Array,
  nameFrom: number,
  nameSize: number,
  valueSize: number,
): void {
  const size = 2 + uvarintSize(nameSize) + nameSize + uvarintSize(valueSize) + valueSize;
  sink.reserve(size + 1 + uvarintSize(size));
  const { bytes } = sink;
  let at = sink.size;
  bytes[at++] = 0x0a;
  at = writeUvarint(bytes, at, size);
  bytes[at++] = 0x0a;
  at = writeUvarint(bytes, at, nameSize);
  for (let index = 0; index < nameSize; index++) bytes[at++] = names[nameFrom + index]!;
  bytes[at++] = 0x12;
  sink.size = writeUvarint(bytes, at, valueSize);
}

/** As ByteSink.append(), for a few bytes: makes no object. */
export function appendRange(sink: ByteSink, source: Uint8Array, from: number, size: number): void {
  sink.reserve(size);
  const { bytes } = sink;
  let at = sink.size;
  for (let index = from; index < from + size; index++) bytes[at++] = source[index]!;
  sink.size = at;
}

function reads(bytes: Uint8Array, from: number, to: number, word: Uint8Array): boolean {
  return to - from === word.length && compareWith(bytes, from, to, word) === 0;
}

function compareWith(bytes: Uint8Array, from: number, to: number, word: Uint8Array): number {
  const size = to - from;
  const shared = Math.min(size, word.length);
  for (let index = 0; index < shared; index++) {
    const difference = bytes[from + index]! - word[index]!;
    if (difference !== 0) return difference;
  }
  return size - word.length;
}
