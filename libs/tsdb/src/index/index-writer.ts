// Writes an index file, format version 2, as current Prometheus writes it: symbols, series, postings,
// postings offset table, table of contents, and no label indices (nobody reads them any more).
// Invariants: series come in label order, their chunks ascend in time and reference without overlap.
// Memory grows with the number of labels of all series (see PostingsCollector), not with samples. All
// long loops let others run, where the caller has said how.
import { compareBytes, crc32c, equalRange, uvarintSize, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { type LabelBytes, LabelReader, printLabels } from '@weir/model';
import type { Chunk } from '../chunk/index.ts';
import { FileWriter } from './file-writer.ts';
import type { BlockSink } from './files.ts';
import {
  encodeToc,
  INDEX_FILE,
  INDEX_HEADER_SIZE,
  INDEX_MAGIC,
  INDEX_VERSION,
  SERIES_ALIGN,
} from './format.ts';
import { PostingsCollector } from './postings-collector.ts';
import { type SymbolList, SymbolLookup } from './symbol-lookup.ts';

/** Called now and then; where it answers a promise, that is awaited before going on. */
export type Pause = () => Promise<void> | undefined;

/** Symbols between two pauses. */
const SYMBOLS_STEP = 2048;
/** Postings lists between two pauses, and how long one may be to be put without a look at the buffer. */
const LISTS_STEP = 512;
const SHORT_LIST = 4096;
const NO_SYMBOL = new Uint8Array(0);

export class IndexWriter {
  #out: FileWriter;
  #symbols: SymbolList;
  #pause: Pause;
  #lookup: SymbolLookup;
  #postings = new PostingsCollector();
  #labels = new LabelReader();
  #entry = new Uint8Array(4096);
  /** Symbol numbers of the labels of this series and of the one before it. */
  #current: number[] = [];
  #previous: number[] = [];
  /** Bytes of the labels of the series before, and where each label ends; ends of those of this one. */
  #previousLabels = new Uint8Array(1024);
  #previousEnds: number[] = [];
  #ends: number[] = [];
  #seriesAt = 0;

  /** `symbols`: every label name and value, and the empty string; distinct and sorted by bytes. */
  constructor(sink: BlockSink, symbols: SymbolList, pause: Pause = () => undefined) {
    this.#pause = pause;
    this.#out = new FileWriter(sink, INDEX_FILE);
    this.#symbols = symbols;
    this.#lookup = new SymbolLookup(symbols);
  }

  get seriesCount(): number {
    return this.#postings.seriesCount;
  }

  /** Header and symbol table; to be called once, first. */
  async begin(): Promise<void> {
    const out = this.#out;
    out.putUint32(INDEX_MAGIC);
    out.putByte(INDEX_VERSION);
    const size = await this.#symbolTableSize();
    checkSectionSize(size, 'symbol table');
    out.putUint32(size);
    out.beginCrc();
    out.putUint32(this.#symbols.length);
    let before: Uint8Array | undefined;
    for (let index = 0; index < this.#symbols.length; index++) {
      const symbol = this.#symbols.at(index)!;
      if (before !== undefined && compareBytes(before, symbol) >= 0) {
        throw new WeirError('invalid', 'symbols of a block are not sorted and distinct');
      }
      this.#lookup.add(symbol, index);
      out.putPrefixed(symbol);
      if (out.full) await out.drain();
      else if (index % SYMBOLS_STEP === SYMBOLS_STEP - 1) await this.#pause();
      before = symbol;
    }
    out.putCrc();
    out.pad(SERIES_ALIGN);
    this.#seriesAt = out.position;
  }

  async #symbolTableSize(): Promise<number> {
    let size = 4;
    for (let index = 0; index < this.#symbols.length; index++) {
      const { length } = this.#symbols.at(index)!;
      size += uvarintSize(length) + length;
      if (index % SYMBOLS_STEP === SYMBOLS_STEP - 1) await this.#pause();
    }
    return size;
  }

  /**
   * Adds the next series; `refs` are its chunks' references. Returns a promise only when the buffer
   * has to be written first.
   */
  addSeries(
    labels: LabelBytes,
    chunks: readonly Chunk[],
    refs: readonly number[],
  ): Promise<void> | undefined {
    this.#readLabels(labels);
    const out = this.#out;
    out.pad(SERIES_ALIGN);
    const ref = out.position / SERIES_ALIGN;
    if (ref > 0xffffffff) throw new WeirError('invalid', 'index is larger than 64 GiB');
    const size = this.#encodeEntry(labels, chunks, refs);
    const entry = this.#entry.subarray(0, size);
    out.putPrefixed(entry);
    out.putUint32(crc32c(entry));
    for (let at = 0; at < this.#current.length; at += 2) {
      this.#postings.add(this.#postings.pairOf(this.#current[at]!, this.#current[at + 1]!));
    }
    this.#postings.endSeries(ref);
    return out.full ? out.drain() : undefined;
  }

  /** Writes what follows the series. Returns the size of the file. */
  async finish(): Promise<number> {
    const out = this.#out;
    const labelIndices = out.position;
    // Prometheus aligns postings to four bytes; every list then has a length that keeps the alignment.
    out.pad(4);
    const postings = out.position;
    const all = this.#postings.allRefs;
    await this.#writeList(all.length, all);
    const pairs = await this.#sortedPairs();
    const offsets = new Float64Array(pairs.length + 1);
    offsets[0] = postings;
    for (let index = 0; index < pairs.length; index++) {
      offsets[index + 1] = out.position;
      const { count, refs } = this.#postings.list(pairs[index]!);
      if (count > SHORT_LIST) await this.#writeList(count, refs());
      else this.#putList(count, refs());
      if (out.full) await out.drain();
      else if (index % LISTS_STEP === LISTS_STEP - 1) await this.#pause();
    }
    const postingsTable = out.position;
    await this.#writeOffsetTable(pairs, offsets);
    out.putBytes(
      encodeToc({
        symbols: INDEX_HEADER_SIZE,
        series: this.#seriesAt,
        labelIndices,
        labelIndexTable: postingsTable,
        postings,
        postingsTable,
      }),
    );
    await out.drain();
    return out.position;
  }

  #readLabels(labels: LabelBytes): void {
    const numbers = this.#previous;
    this.#previous = this.#current;
    this.#current = numbers;
    numbers.length = 0;
    const reader = this.#labels.reset(labels);
    const before = this.#previousEnds.length;
    let known = 0;
    for (let start = 0, label = 0; reader.next(); start = reader.at, label++) {
      // Series that follow each other share most labels, in the same places.
      const from = label === 0 ? 0 : known;
      const to = label < before ? this.#previousEnds[label]! : 0;
      known = to;
      const size = reader.at - start;
      if (to - from === size && equalRange(this.#previousLabels, from, labels, start, size)) {
        numbers.push(this.#previous[2 * label]!, this.#previous[2 * label + 1]!);
      } else {
        numbers.push(
          this.#lookup.find(labels, reader.nameFrom, reader.nameTo),
          this.#lookup.find(labels, reader.valueFrom, reader.valueTo),
        );
      }
      this.#ends.push(reader.at);
    }
    if (labels.length > this.#previousLabels.length) {
      this.#previousLabels = new Uint8Array(labels.length * 2);
    }
    this.#previousLabels.set(labels);
    [this.#ends, this.#previousEnds] = [this.#previousEnds, this.#ends];
    this.#ends.length = 0;
    if (this.#postings.seriesCount > 0 && !ascends(this.#previous, numbers)) {
      throw new WeirError(
        'invalid',
        `series ${printLabels(labels)} is not above the one before it in its block`,
      );
    }
  }

  #encodeEntry(labels: LabelBytes, chunks: readonly Chunk[], refs: readonly number[]): number {
    const numbers = this.#current;
    const sizeMax = 20 + numbers.length * 5 + chunks.length * 30;
    if (sizeMax > this.#entry.length) this.#entry = new Uint8Array(sizeMax * 2);
    const entry = this.#entry;
    let at = writeUvarint(entry, 0, numbers.length / 2);
    for (const number of numbers) at = writeUvarint(entry, at, number);
    at = writeUvarint(entry, at, chunks.length);
    let lastT = 0;
    let lastRef = 0;
    for (let index = 0; index < chunks.length; index++) {
      const { minT, maxT } = chunks[index]!;
      const ref = refs[index]!;
      if (maxT < minT || (index > 0 && minT <= lastT)) {
        throw new WeirError(
          'invalid',
          `chunks of series ${printLabels(labels)} overlap in its block`,
        );
      }
      at = index === 0 ? writeVarint(entry, at, minT) : writeUvarint(entry, at, minT - lastT);
      at = writeUvarint(entry, at, maxT - minT);
      at = index === 0 ? writeUvarint(entry, at, ref) : writeVarint(entry, at, ref - lastRef);
      lastT = maxT;
      lastRef = ref;
    }
    return at;
  }

  async #sortedPairs(): Promise<Uint32Array> {
    const steps = this.#postings.sortedPairs();
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await this.#pause();
    }
  }

  #putList(count: number, refs: Iterable<number>): void {
    const out = this.#out;
    out.putUint32(4 + count * 4);
    out.beginCrc();
    out.putUint32(count);
    for (const ref of refs) out.putUint32(ref);
    out.putCrc();
  }

  async #writeList(count: number, refs: Iterable<number>): Promise<void> {
    const out = this.#out;
    out.putUint32(4 + count * 4);
    out.beginCrc();
    out.putUint32(count);
    for (const ref of refs) {
      out.putUint32(ref);
      if (out.full) await out.drain();
    }
    out.putCrc();
  }

  async #writeOffsetTable(pairs: Uint32Array, offsets: Float64Array): Promise<void> {
    const out = this.#out;
    const symbol = (index: number) => this.#symbols.at(index)!;
    const textsOf = (index: number): [Uint8Array, Uint8Array] => {
      if (index === 0) return [NO_SYMBOL, NO_SYMBOL];
      const { name, value } = this.#postings.list(pairs[index - 1]!);
      return [symbol(name), symbol(value)];
    };
    let size = 4;
    for (let index = 0; index < offsets.length; index++) {
      const [name, value] = textsOf(index).map(({ length }) => length) as [number, number];
      size += 1 + uvarintSize(name) + name + uvarintSize(value) + value;
      size += uvarintSize(offsets[index]!);
      if (index % SYMBOLS_STEP === SYMBOLS_STEP - 1) await this.#pause();
    }
    checkSectionSize(size, 'postings offset table');
    out.putUint32(size);
    out.beginCrc();
    out.putUint32(offsets.length);
    for (let index = 0; index < offsets.length; index++) {
      out.putByte(2);
      for (const text of textsOf(index)) out.putPrefixed(text);
      out.putUvarint(offsets[index]!);
      if (out.full) await out.drain();
      else if (index % SYMBOLS_STEP === SYMBOLS_STEP - 1) await this.#pause();
    }
    out.putCrc();
  }
}

function ascends(before: readonly number[], after: readonly number[]): boolean {
  const shared = Math.min(before.length, after.length);
  for (let index = 0; index < shared; index++) {
    if (before[index] !== after[index]) return before[index]! < after[index]!;
  }
  return before.length < after.length;
}

/** Go's zigzag varint (encoding/binary), exact for integers within ±2^52. */
function writeVarint(out: Uint8Array, at: number, value: number): number {
  return writeUvarint(out, at, value >= 0 ? value * 2 : -value * 2 - 1);
}

function checkSectionSize(size: number, section: string): void {
  if (size > 0xffffffff)
    throw new WeirError('invalid', `${section} of a block is larger than 4 GiB`);
}
