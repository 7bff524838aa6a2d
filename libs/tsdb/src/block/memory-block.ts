// Test support: a block in memory, written series by series, read as often as wanted, damaged at will.
import { compareBytes, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { compareLabels, decodeLabels, type LabelBytes } from '@weir/model';
import { CHUNK_XOR, type Chunk, encodeXorChunk } from '../chunk/index.ts';
import type { BlockSink, BlockSource } from '../index/files.ts';
import type { BlockMeta } from './meta.ts';
import { type BlockSeries, writeBlock } from './write-block.ts';

export const TEST_ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

export class MemoryFiles implements BlockSink, BlockSource {
  readonly files = new Map<string, Uint8Array>();
  reads = 0;

  async write(file: string, bytes: Uint8Array): Promise<void> {
    const before = this.files.get(file) ?? new Uint8Array(0);
    const joined = new Uint8Array(before.length + bytes.length);
    joined.set(before);
    joined.set(bytes, before.length);
    this.files.set(file, joined);
  }

  async size(file: string): Promise<number> {
    return this.#file(file).length;
  }

  async read(file: string, offset: number, length: number): Promise<Uint8Array> {
    this.reads++;
    const bytes = this.#file(file);
    if (offset < 0 || length < 0 || offset + length > bytes.length) {
      throw new WeirError('invalid', `read past the end of ${file}`);
    }
    return bytes.slice(offset, offset + length);
  }

  #file(file: string): Uint8Array {
    const bytes = this.files.get(file);
    if (bytes === undefined) throw new WeirError('not-found', `no file ${file}`);
    return bytes;
  }
}

/** One XOR chunk of samples [time, value]. */
export function chunkOf(samples: readonly (readonly [number, number])[]): Chunk {
  const t = Float64Array.from(samples, ([time]) => time);
  const v = Float64Array.from(samples, ([, value]) => value);
  const bytes = encodeXorChunk(t, v, 0, samples.length);
  return { minT: t[0]!, maxT: t[t.length - 1]!, encoding: CHUNK_XOR, bytes };
}

export function symbolsOf(series: readonly { readonly labels: LabelBytes }[]): Uint8Array[] {
  const texts = new Set(['']);
  for (const { labels } of series) {
    for (const { name, value } of decodeLabels(labels)) texts.add(name).add(value);
  }
  return [...texts].map(utf8).sort(compareBytes);
}

/** Writes the series (in any order) as a block of [minTime, maxTime). */
export async function writeMemoryBlock(
  series: readonly BlockSeries[],
  range: { readonly minTime: number; readonly maxTime: number },
  segmentSizeMax?: number,
): Promise<{ files: MemoryFiles; meta: BlockMeta }> {
  const files = new MemoryFiles();
  const sorted = [...series].sort((a, b) => compareLabels(a.labels, b.labels));
  const meta = await writeBlock(files, {
    ulid: TEST_ULID,
    ...range,
    symbols: symbolsOf(sorted),
    series: batchesOf(sorted),
    weir: { topicId: 'topic', partition: 3, firstOffset: 10, lastOffset: 20 },
    ...(segmentSizeMax === undefined ? {} : { segmentSizeMax }),
  });
  return { files, meta };
}

async function* batchesOf(series: readonly BlockSeries[]): AsyncIterable<readonly BlockSeries[]> {
  for (let from = 0; from < series.length; from += 100) yield series.slice(from, from + 100);
}

export async function collect(
  batches: AsyncIterable<readonly BlockSeries[]>,
): Promise<BlockSeries[]> {
  const all: BlockSeries[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}
