// The partition host: owns the partitions opened on it, and answers the calls of the port for them. The
// same code runs in a worker thread and inline.
import { WeirError } from '@weir/errors';
import type { HeadExemplars, HeadSelect } from '@weir/head';
import { createMatcher, decodeLabels } from '@weir/model';
import {
  endReads,
  evaluatePart,
  followSignal,
  type LocalReader,
  type LocalSelection,
  type ReadRequest,
  type SeriesBatches,
  type SeriesExemplars,
  serveRead,
} from '@weir/query';
import type { Clock } from '@weir/runtime';
import { createKeptEntries } from '@weir/tsdb/block';
import type { PartitionHost } from '../workers/partition-host.ts';
import { createFailedRecords } from './failed-records.ts';
import { type HostedPartition, type HostParts, openHostedPartition } from './hosted-partition.ts';
import type { HeldBlock } from './local-blocks.ts';

/** What the worker keeps of its blocks' series, so that questions asked again are not read again. */
const KEPT_ENTRIES_BYTES = 16 << 20;

export function createPartitionHost(parts: HostParts): PartitionHost {
  const partitions = new Map<number, HostedPartition>();
  const failedRecords = createFailedRecords();
  const keptEntries = createKeptEntries(KEPT_ENTRIES_BYTES);

  const get = (partition: number): HostedPartition => {
    const found = partitions.get(partition);
    if (found === undefined) {
      throw new WeirError('unavailable', `partition ${partition} is not owned by this ingester`);
    }
    return found;
  };

  return {
    async open(request) {
      const { partition } = request;
      if (partitions.has(partition)) {
        throw new WeirError('internal', `partition ${partition} is open already`);
      }
      const opened = await openHostedPartition(request, parts, failedRecords, keptEntries);
      partitions.set(partition, opened);
      const { storedPosition: position, journal, aside, blocks } = opened;
      return { position, journal, aside, blocks: blocks.all() };
    },
    async quarantine({ partition, blocks }) {
      const hosted = get(partition);
      partitions.delete(partition);
      return hosted.quarantine(blocks);
    },
    snapshot: ({ partition, topicId }, signal) => get(partition).snapshot(topicId, signal),
    restore: async ({ partition, bytes }) => get(partition).restore(bytes),
    endRestore: async ({ partition, keep }) => get(partition).endRestore(keep),
    async start({ partition, position, shipped }) {
      get(partition).start(position, shipped);
    },
    async markShipped({ partition, shipped }) {
      get(partition).markShipped(shipped);
    },
    apply: async (batch) => get(batch.partition).apply(batch),
    checkpoint: async ({ partition, force }) => get(partition).checkpoint(force),
    cut: async ({ partition, all, tenants, early }) => get(partition).cut(all, tenants, early),
    drop: async ({ partition, windows }) => get(partition).drop(windows),
    deleteBlocks: async ({ partition, ulids }) => get(partition).deleteBlocks(ulids),
    stats: async ({ partition }) => get(partition).stats(),
    activity: async ({ partition, atMs }) => get(partition).head?.activity(atMs) ?? [],
    async close({ partition, checkpoint }) {
      const hosted = partitions.get(partition);
      partitions.delete(partition);
      await hosted?.close(checkpoint);
    },
    read: (request, signal) =>
      readPartitions(request.partitions.map(get), parts.clock, request, signal),
  };
}

/** Holds a lease on every partition until the answer has ended. */
async function* readPartitions(
  hosted: readonly HostedPartition[],
  clock: Clock,
  request: ReadRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const controller = followSignal(signal);
  const leases = hosted.map(({ leases }) => leases.take(controller));
  try {
    yield* serveRead(createReader(hosted, clock), request, controller.signal);
  } finally {
    for (const lease of leases) lease.release();
    endReads(controller);
  }
}

function createReader(hosted: readonly HostedPartition[], clock: Clock): LocalReader {
  return {
    async select(request): Promise<LocalSelection> {
      const select = selectOf(request);
      const { heads, blocks } = await sourcesOf(hosted, request);
      // Earlier offsets first: what a block holds was logged before what the head has of its window.
      const sources: SeriesBatches[] = [
        ...blocks.map(({ reader }) => reader.select(select)),
        ...heads.map((head) => head.select(select)),
      ];
      return { heldBlocks: blocks.map(({ ulid }) => ulid), sources };
    },
    async evaluate(request, signal) {
      const { heads, blocks } = await sourcesOf(hosted, request);
      const parts = { heads, blocks: blocks.map(({ reader }) => reader), clock };
      const messages = evaluatePart(request, parts, signal);
      return { heldBlocks: blocks.map(({ ulid }) => ulid), messages };
    },
    async labelNames(request) {
      const select = selectOf(request);
      const { heads, blocks } = await sourcesOf(hosted, request);
      const lists = await Promise.all([
        ...heads.map((head) => head.labelNames(select)),
        ...blocks.map(({ reader }) => reader.labelNames(select)),
      ]);
      return { heldBlocks: blocks.map(({ ulid }) => ulid), lists };
    },
    async labelValues(request) {
      const select = selectOf(request);
      const name = request.name ?? '';
      const { heads, blocks } = await sourcesOf(hosted, request);
      const lists = await Promise.all([
        ...heads.map((head) => head.labelValues(name, select)),
        ...blocks.map(({ reader }) => reader.labelValues(name, select)),
      ]);
      return { heldBlocks: blocks.map(({ ulid }) => ulid), lists };
    },
    async metadata(request) {
      return hosted.flatMap(({ head }) => head?.metadata(request.tenant) ?? []);
    },
    async exemplars({ tenant, matcherSets = [], minT, maxT }) {
      const compiled = matcherSets.map((matchers) => matchers.map(createMatcher));
      const select = { tenant, matcherSets: compiled, minT, maxT };
      const answers = await Promise.all(
        hosted.map(({ head }) => head?.exemplars(select) ?? Promise.resolve([])),
      );
      return answers.flat().map(toSeriesExemplars);
    },
    async discarded(request) {
      return hosted.flatMap(({ head, partition }) =>
        head === undefined ? [] : [{ partition, ...head.discarded(request.tenant) }],
      );
    },
    async freshness({ tenant }) {
      return hosted.map(({ head, partition }) => {
        const newest = head?.tenants().find((one) => one.tenant === tenant)?.eventTimeMs;
        const position = head?.position ?? 0;
        // How far the log goes is known to the thread that reads it.
        const known = newest !== undefined && Number.isFinite(newest);
        return {
          ...{ partition, applied: position, end: position },
          ...(known && { newestSampleMs: newest }),
        };
      });
    },
    async tenantStats({ tenant }) {
      const nowMs = clock.nowMs();
      const isMeant = (one: { readonly tenant: string }) => tenant === '' || one.tenant === tenant;
      return hosted.flatMap(({ head, partition, rates }) => {
        const activity = head?.activity(nowMs).filter(isMeant) ?? [];
        const active = new Map(activity.map((one) => [one.tenant, one.active]));
        const stats = head?.tenants().filter(isMeant) ?? [];
        return stats.map((one) => {
          const { api: apiRate, rules: ruleRate } = rates.of(one.tenant);
          const activeSeries = active.get(one.tenant) ?? 0;
          return {
            tenant: one.tenant,
            partition,
            series: one.series,
            activeSeries,
            apiRate,
            ruleRate,
          };
        });
      });
    },
    async cardinality(request) {
      const matchers = request.matchers.map(createMatcher);
      const { tenant, activeOnly = false, names } = request;
      const ask = { tenant, matchers, activeOnly, ...(names === undefined ? {} : { names }) };
      const found = hosted.flatMap(({ head }) => head?.cardinality(ask) ?? []);
      return {
        series: found.reduce((sum, { series }) => sum + series, 0),
        labels: stepsOf(
          found.map(({ labels }) => labels),
          clock,
        ),
      };
    },
    histogramMetrics(request) {
      const ask = { tenant: request.tenant, matchers: request.matchers.map(createMatcher) };
      const found = hosted.flatMap(({ head }) => (head ? [head.histogramMetrics(ask)] : []));
      return stepsOf(found, clock);
    },
  };
}

function toSeriesExemplars({ labels, exemplars }: HeadExemplars): SeriesExemplars {
  return {
    labels: decodeLabels(labels),
    exemplars: exemplars.map((one) => ({
      labels: decodeLabels(one.labels),
      value: one.value,
      t: one.t,
    })),
  };
}

/** Lets others run between the steps. */
async function* stepsOf<Step>(
  found: readonly Iterable<Step>[],
  clock: Clock,
): AsyncGenerator<Step> {
  for (const steps of found) {
    for (const step of steps) {
      yield step;
      await clock.yield();
    }
  }
}

function selectOf(request: ReadRequest): HeadSelect {
  return {
    tenant: request.tenant,
    matchers: request.matchers.map(createMatcher),
    minT: request.minT,
    maxT: request.maxT,
    labelsOnly: request.kind !== 'select',
    newestOnly: request.newestOnly ?? false,
    activeOnly: request.activeOnly ?? false,
  };
}

async function sourcesOf(hosted: readonly HostedPartition[], request: ReadRequest) {
  const { tenant, minT, maxT, activeOnly = false } = request;
  const heads = hosted.flatMap(({ head }) => (head === undefined ? [] : [head]));
  if (activeOnly) return { heads, blocks: [] };
  const found = await Promise.all(hosted.map(({ blocks }) => blocks.readers(tenant, minT, maxT)));
  const blocks: HeldBlock[] = found.flat();
  return { heads, blocks };
}
