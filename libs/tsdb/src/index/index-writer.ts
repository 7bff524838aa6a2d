// Writes an index file, format version 2, as current Prometheus writes it: symbols, series, postings,
// postings offset table, table of contents, and no label indices (nobody reads them any more).
// Invariants: series come in label order, their chunks ascend in time and reference without overlap.
// Memory grows with the number of labels of all series (see PostingsCollector), not with samples.
import { crc32c, uvarintSize, writeUvarint } from '@weir/bytes';
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
import { type PairPostings, PostingsCollector } from './postings-collector.ts';
import { SymbolLookup } from './symbol-lookup.ts';

const NO_SYMBOL = new Uint8Array(0);

export class IndexWriter {
  #out: FileWriter;
  #symbols: readonly Uint8Array[];
  #lookup: SymbolLookup;
  #postings = new PostingsCollector();
  #labels = new LabelReader();
  #entry = new Uint8Array(4096);
  /** Symbol numbers of the labels of this series and of the one before it. */
  #current: number[] = [];
  #previous: number[] = [];
  #seriesAt = 0;

  /** `symbols`: every label name and value, and the empty string; distinct and sorted by bytes. */
  constructor(sink: BlockSink, symbols: readonly Uint8Array[]) {
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
    let size = 4;
    for (const symbol of this.#symbols) size += uvarintSize(symbol.length) + symbol.length;
    checkSectionSize(size, 'symbol table');
    out.putUint32(size);
    out.beginCrc();
    out.putUint32(this.#symbols.length);
    for (const symbol of this.#symbols) {
      out.putPrefixed(symbol);
      if (out.full) await out.drain();
    }
    out.putCrc();
    out.pad(SERIES_ALIGN);
    this.#seriesAt = out.position;
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
    const offsets: number[] = [out.position];
    await this.#writeList(this.#postings.allRefs);
    const pairs: number[] = [];
    for (const list of this.#postings.lists()) {
      offsets.push(out.position);
      pairs.push(list.name, list.value);
      await this.#writeList(list.refs);
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
    while (reader.next()) {
      numbers.push(
        this.#lookup.find(labels, reader.nameFrom, reader.nameTo),
        this.#lookup.find(labels, reader.valueFrom, reader.valueTo),
      );
    }
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

  async #writeList(refs: PairPostings['refs']): Promise<void> {
    const out = this.#out;
    out.putUint32(4 + refs.length * 4);
    out.beginCrc();
    out.putUint32(refs.length);
    for (let index = 0; index < refs.length; index++) {
      out.putUint32(refs[index]!);
      if (out.full) await out.drain();
    }
    out.putCrc();
  }

  async #writeOffsetTable(pairs: readonly number[], offsets: readonly number[]): Promise<void> {
    const out = this.#out;
    const nameOf = (index: number) =>
      index === 0 ? NO_SYMBOL : this.#symbols[pairs[index * 2 - 2]!]!;
    const textOf = (index: number) =>
      index === 0 ? NO_SYMBOL : this.#symbols[pairs[index * 2 - 1]!]!;
    let size = 4;
    for (let index = 0; index < offsets.length; index++) {
      const name = nameOf(index).length;
      const value = textOf(index).length;
      size += 1 + uvarintSize(name) + name + uvarintSize(value) + value;
      size += uvarintSize(offsets[index]!);
    }
    checkSectionSize(size, 'postings offset table');
    out.putUint32(size);
    out.beginCrc();
    out.putUint32(offsets.length);
    for (let index = 0; index < offsets.length; index++) {
      out.putByte(2);
      out.putPrefixed(nameOf(index));
      out.putPrefixed(textOf(index));
      out.putUvarint(offsets[index]!);
      if (out.full) await out.drain();
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
