// Reads a block: matchers to series with their chunks, in label order, a bounded piece at a time.
// Tombstones aren't applied: Weir never writes them, and neither Mimir nor Thanos reads them from a bucket.
import { sortTexts, text } from '@weir/bytes';
import { type LabelBytes, LabelReader, type Matcher } from '@weir/model';
import type { Chunk } from '../chunk/index.ts';
import type { BlockSource } from '../index/files.ts';
import { IndexReader } from '../index/index-reader.ts';
import type { SeriesEntries } from '../index/series-entries.ts';
import { ChunkReader } from './chunk-reader.ts';
import { type KeptEntries, selectionKey } from './kept-entries.ts';
import type { BlockMeta } from './meta.ts';
import { SelectedChunks } from './selected-chunks.ts';
import type { BlockSeries } from './write-block.ts';

/** Series whose index entries are held at a time, and series handed over at a time. */
const WINDOW_SERIES = 4096;
const BATCH_SERIES = 512;

export interface BlockSelect {
  readonly matchers: readonly Matcher[];
  /** Inclusive, ms. Chunks that merely overlap come whole. */
  readonly minT: number;
  readonly maxT: number;
  /** Leave the chunks out: only which series have chunks in the range. */
  readonly labelsOnly?: boolean;
}

export interface BlockReader {
  readonly meta: BlockMeta;
  /** Bytes of memory that the index tables take so far. */
  readonly sizeBytes: number;
  /** In Prometheus's label order, at most 512 series a batch. Damage rejects with `corrupt`. */
  select(select: BlockSelect): AsyncIterable<readonly BlockSeries[]>;
  /**
   * Sorted by bytes; a list is never changed. Without matchers: of the whole block, whatever the time range, and mostly
   * the same list each time.
   */
  labelNames(select: BlockSelect): Promise<readonly string[]>;
  labelValues(name: string, select: BlockSelect): Promise<readonly string[]>;
}

/** Reads the index's header; the rest at need. */
export async function openBlock(
  source: BlockSource,
  meta: BlockMeta,
  kept?: KeptEntries,
): Promise<BlockReader> {
  const index = await IndexReader.open(source);
  const segments = meta.thanos?.segment_files ?? undefined;
  const chunks = new ChunkReader(source, segments?.length ? segments : undefined);
  return new Reader(meta, index, chunks, kept);
}

class Reader implements BlockReader {
  readonly meta: BlockMeta;
  readonly #index: IndexReader;
  readonly #chunks: ChunkReader;
  readonly #kept: KeptEntries | undefined;

  constructor(
    meta: BlockMeta,
    index: IndexReader,
    chunks: ChunkReader,
    kept: KeptEntries | undefined,
  ) {
    this.meta = meta;
    this.#index = index;
    this.#chunks = chunks;
    this.#kept = kept;
  }

  get sizeBytes(): number {
    return this.#index.sizeBytes;
  }

  async *select(select: BlockSelect): AsyncIterable<readonly BlockSeries[]> {
    for await (const entries of this.#entries(select)) {
      if (select.labelsOnly) yield* labelBatches(entries, select);
      else yield* this.#chunkBatches(entries, select);
    }
  }

  async *#entries({ matchers }: BlockSelect): AsyncGenerator<SeriesEntries> {
    const kept = this.#kept;
    const key = kept ? selectionKey(this.meta.ulid, matchers) : '';
    const known = kept?.get(key);
    if (known !== undefined) {
      yield* known;
      return;
    }
    const read: SeriesEntries[] = [];
    let left = kept?.selectionMaxBytes ?? 0;
    const refs = await this.#index.postings(matchers);
    for (let from = 0; from < refs.length; from += WINDOW_SERIES) {
      const to = Math.min(refs.length, from + WINDOW_SERIES);
      const entries = await this.#index.series(refs, from, to);
      left -= entries.sizeBytes;
      if (left >= 0) read.push(entries);
      else read.length = 0;
      yield entries;
    }
    if (left >= 0) kept?.put(key, read);
  }

  async labelNames(select: BlockSelect): Promise<readonly string[]> {
    if (select.matchers.length === 0) return (await this.#index.postingsTable()).names();
    const found = new DistinctTexts();
    for await (const batch of this.select({ ...select, labelsOnly: true })) {
      for (const { labels } of batch) found.addNames(labels);
    }
    return found.sorted();
  }

  async labelValues(name: string, select: BlockSelect): Promise<readonly string[]> {
    const table = await this.#index.postingsTable();
    if (select.matchers.length === 0) return table.values(name);
    const { from, to } = table.entries(name);
    if (from === to) return [];
    const found = new DistinctTexts();
    for await (const batch of this.select({ ...select, labelsOnly: true })) {
      for (const { labels } of batch) found.addValue(labels, name);
    }
    return found.sorted();
  }

  async *#chunkBatches(
    entries: SeriesEntries,
    select: BlockSelect,
  ): AsyncIterable<readonly BlockSeries[]> {
    const selected = new SelectedChunks(entries, select.minT, select.maxT);
    while (selected.nextPiece()) {
      const chunks = await this.#chunks.read(selected);
      let at = 0;
      let batch: BlockSeries[] = [];
      for (let index = 0; index < selected.seriesCount; index++) {
        const size = selected.chunkCount(index);
        const labels = entries.labels(selected.series(index));
        batch.push({ labels, chunks: chunks.slice(at, at + size) });
        at += size;
        if (batch.length < BATCH_SERIES) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    }
  }
}

const NO_CHUNKS: readonly Chunk[] = [];

function* labelBatches(entries: SeriesEntries, { minT, maxT }: BlockSelect) {
  let batch: BlockSeries[] = [];
  for (let series = 0; series < entries.count; series++) {
    let overlaps = false;
    for (let at = entries.chunksFrom(series); at < entries.chunkEnds[series]! && !overlaps; at++) {
      overlaps = entries.minT[at]! <= maxT && entries.maxT[at]! >= minT;
    }
    if (!overlaps) continue;
    batch.push({ labels: entries.labels(series), chunks: NO_CHUNKS });
    if (batch.length < BATCH_SERIES) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Distinct label names or values of many series. */
class DistinctTexts {
  readonly #texts = new Set<string>();
  readonly #reader = new LabelReader();

  addNames(labels: LabelBytes): void {
    const reader = this.#reader.reset(labels);
    while (reader.next()) this.#texts.add(reader.nameText());
  }

  addValue(labels: LabelBytes, name: string): void {
    const reader = this.#reader.reset(labels);
    while (reader.next()) {
      if (reader.nameText() !== name) continue;
      this.#texts.add(text(labels.subarray(reader.valueFrom, reader.valueTo)));
      return;
    }
  }

  sorted(): string[] {
    return sortTexts([...this.#texts]);
  }
}
