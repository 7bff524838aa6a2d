// Reads an index file, format version 2. The symbol table and the postings offset table are loaded at
// first need and kept; postings and series are read for each query, coalesced, checksums verified.
// It answers label questions and matchers; chunks are the block reader's. Version 1 (before Prometheus
// 2.0) isn't read, nor are label indices, which later versions no longer use.
import type { Matcher } from '@weir/model';
import type { BlockSource } from './files.ts';
import {
  CRC_SIZE,
  corruptAt,
  decodeToc,
  INDEX_FILE,
  INDEX_HEADER_SIZE,
  INDEX_MAGIC,
  INDEX_VERSION,
  SERIES_ALIGN,
  TOC_SIZE,
  type Toc,
} from './format.ts';
import { intersect, subtract, unite } from './postings.ts';
import { PostingsTable } from './postings-table.ts';
import { decoding, readSection, sectionIn } from './sections.ts';
import { SeriesDecoder, type SeriesEntries } from './series-entries.ts';
import { coalesce } from './spans.ts';
import { Symbols } from './symbols.ts';

/** A guess of a series entry's size; longer ones cost a read of their own at the end of a span. */
const ENTRY_SIZE_GUESS = 1024;
const NO_SERIES = new Uint32Array(0);

export class IndexReader {
  readonly #source: BlockSource;
  readonly #toc: Toc;
  readonly #fileSize: number;
  #symbols: Promise<Symbols> | undefined;
  #table: Promise<PostingsTable> | undefined;
  #loadedTable: PostingsTable | undefined;
  #sizeBytes = 0;

  private constructor(source: BlockSource, toc: Toc, fileSize: number) {
    this.#source = source;
    this.#toc = toc;
    this.#fileSize = fileSize;
  }

  /** Reads the header and the table of contents only. */
  static async open(source: BlockSource): Promise<IndexReader> {
    const fileSize = await source.size(INDEX_FILE);
    if (fileSize < INDEX_HEADER_SIZE + TOC_SIZE) {
      throw corruptAt(INDEX_FILE, 0, `${fileSize} bytes are too few for an index`);
    }
    const [header, tail] = await Promise.all([
      source.read(INDEX_FILE, 0, INDEX_HEADER_SIZE),
      source.read(INDEX_FILE, fileSize - TOC_SIZE, TOC_SIZE),
    ]);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (view.getUint32(0) !== INDEX_MAGIC) throw corruptAt(INDEX_FILE, 0, 'not an index file');
    if (header[4] !== INDEX_VERSION) {
      throw corruptAt(INDEX_FILE, 4, `index version ${header[4]} is unknown, 2 is read`);
    }
    return new IndexReader(source, decodeToc(tail, fileSize), fileSize);
  }

  /** Bytes of memory that the loaded tables take. */
  get sizeBytes(): number {
    return this.#sizeBytes + (this.#loadedTable?.keptBytes ?? 0);
  }

  symbols(): Promise<Symbols> {
    this.#symbols ??= this.#once(
      async () => {
        const { symbols: at, series } = this.#toc;
        const loaded = new Symbols(await readSection(this.#source, at, series), at);
        this.#sizeBytes += loaded.sizeBytes;
        return loaded;
      },
      () => {
        this.#symbols = undefined;
      },
    );
    return this.#symbols;
  }

  postingsTable(): Promise<PostingsTable> {
    this.#table ??= this.#once(
      async () => {
        const at = this.#toc.postingsTable;
        const section = await readSection(this.#source, at, this.#fileSize - TOC_SIZE);
        const loaded = new PostingsTable(section, at);
        this.#loadedTable = loaded;
        this.#sizeBytes += loaded.sizeBytes;
        return loaded;
      },
      () => {
        this.#table = undefined;
      },
    );
    return this.#table;
  }

  /**
   * References of the series that all matchers match, ascending, which is label order. As in
   * Prometheus a series without the label has the empty value.
   */
  async postings(matchers: readonly Matcher[]): Promise<Uint32Array> {
    const table = await this.postingsTable();
    const wanted: (readonly number[])[] = [];
    for (const matcher of matchers) {
      if (matcher.matches('')) continue;
      const entries = table.matching(matcher);
      if (entries.length === 0) return NO_SERIES;
      wanted.push(entries);
    }
    let found: Uint32Array | undefined;
    for (const refs of await Promise.all(wanted.map((entries) => this.#lists(table, entries)))) {
      found = found === undefined ? refs : intersect(found, refs);
      if (found.length === 0) return NO_SERIES;
    }
    if (found === undefined) {
      const { from, to } = table.all();
      if (from === to) return NO_SERIES;
      found = await this.#lists(table, [from]);
    }
    for (const matcher of matchers) {
      if (!matcher.matches('')) continue;
      const entries = table.notMatching(matcher);
      if (entries.length > 0) found = subtract(found, await this.#lists(table, entries));
    }
    return found;
  }

  /** Entries of refs[from, to), in that order. */
  async series(refs: Uint32Array, from: number, to: number): Promise<SeriesEntries> {
    const decoder = new SeriesDecoder(await this.symbols());
    const end = this.#toc.labelIndices || this.#toc.postings;
    const startOf = (item: number) => refs[item]! * SERIES_ALIGN;
    const endOf = (item: number) => startOf(item) + ENTRY_SIZE_GUESS;
    const spans = coalesce(from, to, startOf, endOf, end, this.#source.gapMaxBytes);
    for (const span of spans) {
      this.#checkSpan(span.from, span.to, end);
      const bytes = await this.#source.read(INDEX_FILE, span.from, span.to - span.from);
      for (let item = span.first; item < span.last; item++) {
        const offset = startOf(item);
        this.#checkSpan(offset, offset + 1, end);
        const at = offset - span.from;
        const missing = decoder.add(bytes, at, offset);
        if (missing === 0) continue;
        this.#checkSpan(offset, offset + missing, end);
        const whole = await this.#source.read(INDEX_FILE, offset, missing);
        if (decoder.add(whole, 0, offset) !== 0) {
          throw corruptAt(INDEX_FILE, offset, 'series entry is cut off');
        }
      }
    }
    return decoder.finish();
  }

  #checkSpan(from: number, to: number, end: number): void {
    if (from < this.#toc.series || to > end || from >= to) {
      throw corruptAt(INDEX_FILE, from, 'a series reference points outside of the series');
    }
  }

  /** The union of the lists of some entries of one label name. */
  async #lists(table: PostingsTable, entries: readonly number[]): Promise<Uint32Array> {
    const limit = this.#toc.postingsTable;
    const lists: Uint32Array[] = [];
    const startOf = (item: number) => table.offset(entries[item]!);
    // Where a list ends is only known from its head; the guess (the next list) is corrected below.
    const endOf = (item: number) => table.offsetAfter(entries[item]!, limit);
    const spans = coalesce(0, entries.length, startOf, endOf, limit, this.#source.gapMaxBytes);
    for (const span of spans) {
      if (span.from < this.#toc.postings || span.to <= span.from) {
        throw corruptAt(INDEX_FILE, span.from, 'a postings offset points outside of the postings');
      }
      let bytes = await this.#source.read(INDEX_FILE, span.from, span.to - span.from);
      for (let item = span.first; item < span.last; item++) {
        const at = startOf(item) - span.from;
        const missing = listEnd(bytes, at, startOf(item)) - bytes.length;
        if (missing > 0) bytes = await this.#extend(bytes, span.from, missing, limit);
        lists.push(decodeList(sectionIn(bytes, at, span.from), startOf(item)));
      }
    }
    return unite(lists);
  }

  async #extend(
    bytes: Uint8Array,
    offset: number,
    missing: number,
    limit: number,
  ): Promise<Uint8Array> {
    const from = offset + bytes.length;
    if (from + missing > limit) {
      throw corruptAt(INDEX_FILE, offset, 'a postings list is longer than its place');
    }
    const more = await this.#source.read(INDEX_FILE, from, missing);
    const joined = new Uint8Array(bytes.length + missing);
    joined.set(bytes);
    joined.set(more, bytes.length);
    return joined;
  }

  /** Loads a table, forgetting the attempt when it fails, so that the next query tries again. */
  #once<T>(load: () => Promise<T>, forget: () => void): Promise<T> {
    const loading = load();
    loading.catch(forget);
    return loading;
  }
}

/** Where the list at `at` ends, its checksum included. */
function listEnd(bytes: Uint8Array, at: number, fileOffset: number): number {
  if (at + 4 > bytes.length) throw corruptAt(INDEX_FILE, fileOffset, 'a postings list is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return at + 4 + view.getUint32(at) + CRC_SIZE;
}

function decodeList(section: Uint8Array, fileOffset: number): Uint32Array {
  return decoding(INDEX_FILE, fileOffset, () => {
    const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
    const count = view.getUint32(0);
    if (section.length !== 4 + count * 4) {
      throw corruptAt(INDEX_FILE, fileOffset, 'length and count of a postings list differ');
    }
    const refs = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      refs[index] = view.getUint32(4 + index * 4);
      if (index > 0 && refs[index]! <= refs[index - 1]!) {
        throw corruptAt(INDEX_FILE, fileOffset, 'a postings list does not ascend');
      }
    }
    return refs;
  });
}
