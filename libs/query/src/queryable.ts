// The port of PromQL over the whole system: every owner of a partition is asked at once for what it has,
// then the bucket for the blocks that no owner holds, and the streams are merged by labels.
//
// Invariant: owners are asked before the catalog, and a block leaves an owner long after it became
// visible in the bucket (design §1, invariant 5); so nothing falls between the two.
import { WeirError } from '@weir/errors';
import type { HistogramColumns, SampleColumns } from '@weir/model';
import type { PlanPart, Queryable, SelectRequest, SeriesStream } from '@weir/promql';
import { type Chunk, isHistogramChunk, readHistogramChunk } from '@weir/tsdb/chunk';
import { mergeChunks, mergeSamples } from '@weir/tsdb/merge';
import type { BlockCatalog, QueryBlock } from './block-catalog.ts';
import type { FetchBudget } from './fetch-budget.ts';
import { SeriesMerge } from './merge-series.ts';
import { openPart, type PartAnswer, partQuestion } from './part-answers.ts';
import type { OwnerDirectory } from './read-port.ts';
import { askOwners, followSignal, openRemoteSeries } from './remote-series.ts';
import type { SeriesBatches } from './series-chunks.ts';

export interface QueryableParts {
  readonly owners: OwnerDirectory;
  readonly catalog: BlockCatalog;
  /** What one query may read through this; without it, anything. */
  readonly budget?: FetchBudget | undefined;
}

/** Also gives each series' chunks as they came, source after source: on equal timestamps the earlier wins. */
export interface ChunkedSeriesStream extends SeriesStream {
  /** Of whatever kind; those of a source don't overlap, those of several may. */
  readonly chunks: readonly Chunk[];
}

export interface ChunkedQueryable extends Queryable {
  select(request: SelectRequest, signal: AbortSignal): Promise<ChunkedSeriesStream>;
}

/** Of sources whose samples of a time come first, in this order. `prefetch`: see MergeOptions. */
export function mergeSources(
  request: SelectRequest,
  sources: readonly SeriesBatches[],
  prefetch: boolean,
): ChunkedSeriesStream {
  return new MergedSeries(request, sources, new AbortController(), prefetch);
}

export function createQueryable(
  settings: { readonly tenant: string },
  parts: QueryableParts,
): ChunkedQueryable {
  return {
    async select(request, signal) {
      const controller = followSignal(signal);
      try {
        const sources = await openSources(settings.tenant, request, parts, controller);
        return new MergedSeries(request, sources, controller, true, parts.budget);
      } catch (error) {
        controller.abort(error);
        throw error;
      }
    },
    async evaluate(request, part, signal) {
      const controller = followSignal(signal);
      const answers = await openParts(settings.tenant, request, part, parts, controller);
      if (answers === undefined) controller.abort(new WeirError('closed', 'a part was declined'));
      return answers?.map(({ messages }) => messages);
    },
  };
}

/** The owners' answers to a part of a plan; undefined where one can't, or a block of the bucket is to be read, too. */
async function openParts(
  tenant: string,
  request: SelectRequest,
  part: PlanPart,
  parts: QueryableParts,
  controller: AbortController,
): Promise<readonly PartAnswer[] | undefined> {
  const question = partQuestion(tenant, request, part);
  const answers = await askOwners(parts.owners, question, controller, openPart);
  if (answers.some(({ declined }) => declined)) return undefined;
  const held = new Set(answers.flatMap(({ heldBlocks }) => heldBlocks));
  const { minT, maxT } = request;
  const listed = await parts.catalog.blocks(tenant, minT, maxT, parts.owners.changedMs);
  return blocksToRead(listed, held).length === 0 ? answers : undefined;
}

async function openSources(
  tenant: string,
  request: SelectRequest,
  parts: QueryableParts,
  controller: AbortController,
): Promise<SeriesBatches[]> {
  const { matchers, minT, maxT, newestOnly = false } = request;
  const question = { kind: 'select', tenant, matchers, minT, maxT, newestOnly } as const;
  const answers = await askOwners(parts.owners, question, controller, openRemoteSeries);
  const held = new Set(answers.flatMap((answer) => answer.heldBlocks));
  const listed = await parts.catalog.blocks(tenant, minT, maxT, parts.owners.changedMs);
  const blocks = blocksToRead(listed, held);
  const readers = await Promise.all(blocks.map((block) => block.open()));
  controller.signal.throwIfAborted();
  // What is in a block was logged before what a head still has: of two values the earlier offset wins.
  return [
    ...readers.map((reader) => reader.select({ matchers, minT, maxT, newestOnly })),
    ...answers.map((answer) => answer.batches),
  ];
}

type OrderedBlock = Pick<QueryBlock, 'meta'>;

/**
 * The blocks that no owner holds, in the order of their offsets; and held ones that are older than such a
 * block of their range (an owner that had the partition before), since among what an owner answers they
 * would come after it.
 */
function blocksToRead(listed: readonly QueryBlock[], held: ReadonlySet<string>): QueryBlock[] {
  const foreign = listed.filter(({ meta }) => !held.has(meta.ulid));
  const older = listed.filter(
    (block) => held.has(block.meta.ulid) && foreign.some((other) => precedes(block, other)),
  );
  return [...foreign, ...older].sort(byOffset);
}

/** Both are one partition's, overlap in time, and the first one was made of earlier records. */
function precedes({ meta: a }: QueryBlock, { meta: b }: QueryBlock): boolean {
  if (a.weir === undefined || b.weir === undefined) return false;
  if (a.weir.partition !== b.weir.partition || a.minTime >= b.maxTime || b.minTime >= a.maxTime) {
    return false;
  }
  return byOffset({ meta: a }, { meta: b }) < 0;
}

/**
 * By the last of their records. A block lacks records between its first and its last only where another
 * one, which ended before it, has them; so of a timestamp's values the earliest is in the block that ends
 * first. Their first records say less: two blocks may begin alike. Blocks that don't tell their offsets
 * were compacted of older ones.
 */
function byOffset(
  { meta: { weir: a } }: OrderedBlock,
  { meta: { weir: b } }: OrderedBlock,
): number {
  const last = (a?.lastOffset ?? -1) - (b?.lastOffset ?? -1);
  return last === 0 ? (a?.firstOffset ?? -1) - (b?.firstOffset ?? -1) : last;
}

class MergedSeries implements ChunkedSeriesStream {
  readonly #request: SelectRequest;
  readonly #merge: SeriesMerge;
  readonly #controller: AbortController;
  readonly #budget: FetchBudget | undefined;
  /** Of the current series, once it is known to have histograms: chunks that don't overlap. */
  #apart: readonly Chunk[] | undefined;

  constructor(
    request: SelectRequest,
    sources: readonly SeriesBatches[],
    controller: AbortController,
    prefetch: boolean,
    budget?: FetchBudget,
  ) {
    this.#budget = budget;
    this.#request = request;
    this.#merge = new SeriesMerge(sources, { prefetch });
    this.#controller = controller;
  }

  get labels() {
    return this.#merge.labels;
  }

  get chunks() {
    return this.#merge.chunks;
  }

  next(): boolean | Promise<boolean> {
    this.#apart = undefined;
    const more = this.#merge.next();
    if (this.#budget === undefined) return more;
    return typeof more === 'boolean' ? this.#counted(more) : more.then((is) => this.#counted(is));
  }

  #counted(more: boolean): boolean {
    if (more) this.#budget!.take(this.#merge.labels, this.#merge.chunks);
    return more;
  }

  samples(out: SampleColumns): void {
    const { minT, maxT } = this.#request;
    const chunks = this.#wanted();
    if (!chunks.some(isHistogram)) mergeSamples(chunks, out, minT, maxT);
    else {
      const floats = this.#apartFrom(chunks).filter((chunk) => !isHistogram(chunk));
      mergeSamples(floats, out, minT, maxT);
    }
  }

  histograms(out: HistogramColumns): void {
    const { minT, maxT } = this.#request;
    const chunks = this.#wanted();
    if (!chunks.some(isHistogram)) return;
    for (const chunk of this.#apartFrom(chunks)) {
      if (!isHistogram(chunk)) continue;
      readHistogramChunk(chunk.encoding, chunk.bytes, minT, maxT, (t, h, st) => {
        out.push(t, h, st);
      });
    }
  }

  #wanted(): readonly Chunk[] {
    const { maxT, newestOnly } = this.#request;
    const { chunks } = this.#merge;
    return newestOnly ? newestChunks(chunks, maxT) : chunks;
  }

  /** Kinds may overlap between sources; of a timestamp's samples one wins, whatever its kind. */
  #apartFrom(chunks: readonly Chunk[]): readonly Chunk[] {
    const { minT, maxT } = this.#request;
    this.#apart ??= mergeChunks(chunks.filter((c) => c.minT <= maxT && c.maxT >= minT));
    return this.#apart;
  }

  close(): void {
    this.#controller.abort(new WeirError('closed', 'the series stream was closed'));
    this.#merge.close();
  }
}

/** Leaves out chunks that end before another one whose newest sample is at maxT at the latest. */
function newestChunks(chunks: readonly Chunk[], maxT: number): readonly Chunk[] {
  if (chunks.length < 2) return chunks;
  let newest = Number.NEGATIVE_INFINITY;
  for (const chunk of chunks) if (chunk.maxT <= maxT && chunk.maxT > newest) newest = chunk.maxT;
  return chunks.filter((chunk) => chunk.maxT >= newest);
}

function isHistogram({ encoding }: Chunk): boolean {
  return isHistogramChunk(encoding);
}
