// Writes a whole block: chunk segments and index side by side as the series stream in, meta.json last,
// so that a block with a meta.json is complete. It neither sorts nor re-cuts: the series come in label
// order with chunks that don't overlap, or the write ends with `invalid`.
import { WeirError } from '@weir/errors';
import type { LabelBytes } from '@weir/model';
import { type Chunk, chunkSampleCount, isFloatChunk, isHistogramChunk } from '../chunk/index.ts';
import type { BlockSink } from '../index/files.ts';
import { INDEX_FILE } from '../index/format.ts';
import { IndexWriter, type Pause } from '../index/index-writer.ts';
import type { SymbolList } from '../index/symbol-lookup.ts';
import { ChunkSegmentWriter, storedSize } from './chunk-segments.ts';
import { type BlockMeta, encodeBlockMeta, isUlid, META_FILE, type WeirSection } from './meta.ts';

export interface BlockSeries {
  readonly labels: LabelBytes;
  readonly chunks: readonly Chunk[];
}

export interface BlockInput {
  readonly ulid: string;
  /** ms; maxTime exclusive. */
  readonly minTime: number;
  readonly maxTime: number;
  /** All label names and values and the empty string, distinct, sorted by bytes. */
  readonly symbols: SymbolList;
  /** In label order; series without chunks are left out. */
  readonly series: AsyncIterable<readonly BlockSeries[]>;
  readonly weir?: WeirSection;
  /** Called between pieces of work of about a millisecond, so that others may run. */
  readonly pause?: Pause;
  /** Compaction level, 1 for a block cut from a head. */
  readonly level?: number;
  /** ULIDs of the level-1 blocks it holds; itself unless given. */
  readonly sources?: readonly string[];
  /** Who made it, in Thanos's words; `receive` unless given. */
  readonly source?: string;
  /** For tests: where a chunk segment ends. */
  readonly segmentSizeMax?: number;
}

/** Series written between two pauses. */
const PAUSE_SERIES = 64;

/** Returns the meta.json it wrote. Errors of the sink pass through. */
export async function writeBlock(sink: BlockSink, input: BlockInput): Promise<BlockMeta> {
  checkInput(input);
  const segments = new ChunkSegmentWriter(sink, input.segmentSizeMax);
  const index = new IndexWriter(sink, input.symbols, input.pause);
  await index.begin();
  let chunkCount = 0;
  let floatCount = 0;
  let histogramCount = 0;
  const refs: number[] = [];
  for await (const batch of input.series) {
    for (const { labels, chunks } of batch) {
      if (chunks.length === 0) continue;
      refs.length = 0;
      let size = 0;
      for (const chunk of chunks) size += storedSize(chunk);
      if (segments.needsReserve(size)) await segments.reserve(size);
      for (const chunk of chunks) {
        checkChunk(chunk, input);
        refs.push(segments.put(chunk));
        const samples = chunkSampleCount(chunk.encoding, chunk.bytes);
        if (isFloatChunk(chunk.encoding)) floatCount += samples;
        else histogramCount += samples;
      }
      chunkCount += chunks.length;
      const drained = index.addSeries(labels, chunks, refs);
      if (drained !== undefined) await drained;
      if (index.seriesCount % PAUSE_SERIES === 0) await input.pause?.();
    }
    await input.pause?.();
  }
  const files = await segments.finish();
  const indexSize = await index.finish();
  const meta = metaOf(input, files, indexSize, {
    numSamples: floatCount + histogramCount,
    numFloatSamples: floatCount,
    numHistogramSamples: histogramCount,
    numSeries: index.seriesCount,
    numChunks: chunkCount,
  });
  await sink.write(META_FILE, encodeBlockMeta(meta));
  return meta;
}

function checkInput({ ulid, minTime, maxTime }: BlockInput): void {
  if (!isUlid(ulid)) throw new WeirError('invalid', `block id ${ulid} is not a ULID`);
  if (!(minTime < maxTime)) throw new WeirError('invalid', 'a block needs minTime < maxTime');
}

function checkChunk(chunk: Chunk, { minTime, maxTime, ulid }: BlockInput): void {
  if (!isFloatChunk(chunk.encoding) && !isHistogramChunk(chunk.encoding)) {
    throw new WeirError('invalid', `chunk encoding ${chunk.encoding} is unknown to block ${ulid}`);
  }
  if (chunk.bytes.length < 2 || chunk.minT < minTime || chunk.maxT >= maxTime) {
    throw new WeirError(
      'invalid',
      `chunk [${chunk.minT}, ${chunk.maxT}] is empty or outside of block ${ulid}`,
    );
  }
}

function metaOf(
  input: BlockInput,
  segments: readonly { file: string; sizeBytes: number }[],
  indexSize: number,
  stats: BlockMeta['stats'],
): BlockMeta {
  const { ulid, minTime, maxTime, weir } = input;
  return {
    version: 1,
    ulid,
    minTime,
    maxTime,
    stats,
    compaction: { level: input.level ?? 1, sources: input.sources ?? [ulid] },
    thanos: {
      version: 1,
      labels: {},
      downsample: { resolution: 0 },
      source: input.source ?? 'receive',
      segment_files: segments.map(({ file }) => file.slice('chunks/'.length)),
      files: [
        ...segments.map(({ file, sizeBytes }) => ({ rel_path: file, size_bytes: sizeBytes })),
        { rel_path: INDEX_FILE, size_bytes: indexSize },
        { rel_path: META_FILE },
      ],
    },
    ...(weir === undefined ? {} : { weir }),
  };
}
