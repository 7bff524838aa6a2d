// Names, values, series and metric metadata over all owners and blocks. Each set of matchers is asked by
// itself and the answers are united, as Prometheus's API has it.
import { uniteTexts } from '@weir/bytes';
import { type LabelBytes, type Matcher, type MetricMetadata, matchersKey } from '@weir/model';
import type { BlockCatalog } from './block-catalog.ts';
import { SeriesMerge } from './merge-series.ts';
import { decodeJson } from './read-message.ts';
import type { OwnerDirectory } from './read-port.ts';
import {
  askOwners,
  endReads,
  followSignal,
  openRemoteSeries,
  readMessage,
} from './remote-series.ts';
import type { SeriesBatches } from './series-chunks.ts';
import { TextAnswers } from './text-answers.ts';

/** Blocks asked for names or values at the same time. */
const BLOCK_CONCURRENCY = 8;

export interface MetadataRequest {
  /** The answer is the union over the sets; none means everything (not for series). */
  readonly matcherSets: readonly (readonly Matcher[])[];
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  /** Most items to answer; 0 is no limit. */
  readonly limit: number;
}

export interface Limited<Item> {
  readonly items: readonly Item[];
  /** There was more than the limit. */
  readonly truncated: boolean;
}

export interface MetadataReader {
  /** Sorted by bytes; a list is never changed, and mostly the same one while the answer is. */
  labelNames(request: MetadataRequest, signal: AbortSignal): Promise<Limited<string>>;
  /** In the same way. */
  labelValues(
    name: string,
    request: MetadataRequest,
    signal: AbortSignal,
  ): Promise<Limited<string>>;
  /** In label order. */
  series(request: MetadataRequest, signal: AbortSignal): Promise<Limited<LabelBytes>>;
  /** Distinct entries of all owners, sorted by metric; blocks hold none. */
  metadata(signal: AbortSignal): Promise<readonly MetricMetadata[]>;
}

export interface MetadataReaderParts {
  readonly owners: OwnerDirectory;
  readonly catalog: BlockCatalog;
  /** Of all requests, where they are many: else nothing is kept. */
  readonly textAnswers?: TextAnswers;
}

export function createMetadataReader(
  settings: { readonly tenant: string },
  parts: MetadataReaderParts,
): MetadataReader {
  const { tenant } = settings;
  return {
    labelNames: (request, signal) =>
      readTexts({ kind: 'labelNames', tenant, request }, parts, signal),
    labelValues: (name, request, signal) =>
      readTexts({ kind: 'labelValues', name, tenant, request }, parts, signal),
    series: (request, signal) => readSeries(tenant, request, parts, signal),
    metadata: (signal) => readMetadata(tenant, parts.owners, signal),
  };
}

interface TextQuestion {
  readonly kind: 'labelNames' | 'labelValues';
  readonly tenant: string;
  readonly name?: string;
  readonly request: MetadataRequest;
}

async function readTexts(
  question: TextQuestion,
  parts: MetadataReaderParts,
  signal: AbortSignal,
): Promise<Limited<string>> {
  const { matcherSets, limit } = question.request;
  const found: (readonly string[])[] = [];
  for (const matchers of matcherSets.length === 0 ? [[]] : matcherSets) {
    found.push(await askForTexts(question, matchers, parts, signal));
  }
  return limited(uniteTexts(found), limit);
}

async function askForTexts(
  { kind, tenant, name, request }: TextQuestion,
  matchers: readonly Matcher[],
  parts: MetadataReaderParts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { minT, maxT } = request;
  const controller = followSignal(signal);
  try {
    const few = enough(request);
    const ownerQuestion = { kind, tenant, matchers, minT, maxT, ...few };
    const answers = await askOwners(
      parts.owners,
      name === undefined ? ownerQuestion : { ...ownerQuestion, name },
      controller,
      readMessage,
    );
    const asked = JSON.stringify([kind, tenant, name, few, matchersKey(matchers)]);
    const { texts, heldBlocks } = (parts.textAnswers ?? new TextAnswers()).unite(asked, answers);
    const listed = await parts.catalog.blocks(tenant, minT, maxT, parts.owners.changedMs);
    const blocks = listed.filter(({ meta }) => !heldBlocks.has(meta.ulid));
    const lists = [texts];
    for (let at = 0; at < blocks.length; at += BLOCK_CONCURRENCY) {
      const some = blocks.slice(at, at + BLOCK_CONCURRENCY).map(async (block) => {
        const reader = await block.open();
        const select = { matchers, minT, maxT, labelsOnly: true };
        return name === undefined ? reader.labelNames(select) : reader.labelValues(name, select);
      });
      lists.push(...(await Promise.all(some)));
      signal.throwIfAborted();
    }
    return uniteTexts(lists);
  } finally {
    endReads(controller);
  }
}

/** All sets are read as one merge, so that the limit ends the reading early. */
async function readSeries(
  tenant: string,
  request: MetadataRequest,
  parts: MetadataReaderParts,
  signal: AbortSignal,
): Promise<Limited<LabelBytes>> {
  const controller = followSignal(signal);
  const { minT, maxT, limit } = request;
  let merge: SeriesMerge | undefined;
  try {
    const sources: SeriesBatches[] = [];
    const held = new Set<string>();
    for (const matchers of request.matcherSets) {
      const question = { kind: 'series', tenant, matchers, minT, maxT } as const;
      const limited = { ...question, ...enough(request) };
      for (const answer of await askOwners(parts.owners, limited, controller, openRemoteSeries)) {
        sources.push(answer.batches);
        for (const block of answer.heldBlocks) held.add(block);
      }
    }
    const blocks = await parts.catalog.blocks(tenant, minT, maxT, parts.owners.changedMs);
    for (const block of blocks) {
      if (held.has(block.meta.ulid)) continue;
      const reader = await block.open();
      for (const matchers of request.matcherSets) {
        sources.push(reader.select({ matchers, minT, maxT, labelsOnly: true }));
      }
    }
    merge = new SeriesMerge(sources, { prefetch: true });
    const items: LabelBytes[] = [];
    for (;;) {
      const more = merge.next();
      if (!(typeof more === 'boolean' ? more : await more)) return { items, truncated: false };
      if (limit > 0 && items.length === limit) return { items, truncated: true };
      // Batches stay valid, so no copy: they are views of the answers that were read.
      items.push(merge.labels);
    }
  } finally {
    endReads(controller);
    merge?.close();
  }
}

/** How many an owner needs to tell: one more than the limit says that there are more. */
function enough({ limit }: MetadataRequest): { readonly limit?: number } {
  return limit > 0 ? { limit: limit + 1 } : {};
}

async function readMetadata(
  tenant: string,
  owners: OwnerDirectory,
  signal: AbortSignal,
): Promise<readonly MetricMetadata[]> {
  const controller = followSignal(signal);
  try {
    const question = { kind: 'metadata', tenant, matchers: [], minT: 0, maxT: 0 } as const;
    const answers = await askOwners(owners, question, controller, readMessage);
    const distinct = new Map<string, MetricMetadata>();
    for (const answer of answers) {
      for (const { metric, type, help, unit } of decodeJson(answer) as MetricMetadata[]) {
        distinct.set(JSON.stringify([metric, type, help, unit]), { metric, type, help, unit });
      }
    }
    return [...distinct.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  } finally {
    endReads(controller);
  }
}

function limited<Item>(items: readonly Item[], limit: number): Limited<Item> {
  if (limit <= 0 || items.length <= limit) return { items, truncated: false };
  return { items: items.slice(0, limit), truncated: true };
}
