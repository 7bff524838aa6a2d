// Answers the read protocol for the partitions of this instance. Partitions of one worker are answered
// by it alone; over several workers their streams are merged again in label order.

import { text } from '@weir/bytes';
import { isKind, toWeirError, WeirError } from '@weir/errors';
import type { MetricMetadata } from '@weir/model';
import {
  type LocalReader,
  openCardinality,
  openRemoteSeries,
  type ReadDiscards,
  type ReadFreshness,
  type ReadPort,
  type ReadRequest,
  type ReadTenantStats,
  type ReadTexts,
  readExemplars,
  readHistogramMetrics,
  serveRead,
  type TextLists,
} from '@weir/query';
import type { Clock } from '@weir/runtime';
import type { Lag } from './partition-lag.ts';
import type { ConsistentPartition, ReadConsistency } from './read-consistency.ts';
import type { PartitionHost, PartitionWorkers } from './workers/partition-host.ts';

export interface ReadablePartition extends ConsistentPartition {
  readonly serving: boolean;
  readonly reason: string;
  /** A read met damage: where it is the head's own, the partition doesn't go on with it. */
  suspect(error: WeirError): void;
}

export interface IngesterReadParts {
  readonly owned: ReadonlyMap<number, ReadablePartition>;
  readonly workers: PartitionWorkers;
  readonly consistency: ReadConsistency;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** The worker's answer is merged, too, where this thread adds to it. */
const MERGED: readonly ReadRequest['kind'][] = ['freshness', 'position'];

export function createIngesterRead({
  owned,
  workers,
  consistency,
  clock,
}: IngesterReadParts): ReadPort {
  const lagOf = (partition: number) => owned.get(partition)?.lag.at(clock.nowMs());
  return {
    async *read(request, signal) {
      checkReadable(request, owned);
      await consistency.enforce(request, owned, signal);
      const hosts = groupByHost(request, owned, workers);
      try {
        if (hosts.length === 1 && !MERGED.includes(request.kind)) {
          yield* hosts[0]![0].read(hosts[0]![1], signal);
        } else yield* serveRead(createMergingReader(hosts, lagOf), request, signal);
      } catch (error) {
        if (isKind(error, 'corrupt')) {
          for (const partition of request.partitions) {
            owned.get(partition)?.suspect(toWeirError(error));
          }
        }
        throw error;
      }
    },
  };
}

type HostRequest = readonly [PartitionHost, ReadRequest];

function checkReadable(
  { partitions }: ReadRequest,
  owned: ReadonlyMap<number, ReadablePartition>,
): void {
  for (const partition of partitions) {
    const found = owned.get(partition);
    if (found?.serving) continue;
    const why = found?.reason ?? 'it is not owned by this ingester';
    throw new WeirError('unavailable', `partition ${partition} can't be read here: ${why}`);
  }
}

/** Checked again: it may have waited. */
function groupByHost(
  { positions: _positions, delayMaxMs: _delayMaxMs, ...request }: ReadRequest,
  owned: ReadonlyMap<number, ReadablePartition>,
  workers: PartitionWorkers,
): HostRequest[] {
  checkReadable(request, owned);
  const groups = new Map<PartitionHost, number[]>();
  for (const partition of request.partitions) {
    const host = workers.hostOf(partition);
    const group = groups.get(host);
    if (group === undefined) groups.set(host, [partition]);
    else group.push(partition);
  }
  return [...groups].map(([host, partitions]) => [host, { ...request, partitions }]);
}

function createMergingReader(
  hosts: readonly HostRequest[],
  lagOf: (partition: number) => Lag | undefined,
): LocalReader {
  const askAll = async <T>(signal: AbortSignal): Promise<T[]> => {
    return Promise.all(hosts.map(([host, request]) => onlyMessage<T>(host, request, signal)));
  };
  const askForTexts = async (signal: AbortSignal): Promise<TextLists> => {
    const answers = await askAll<ReadTexts>(signal);
    return {
      heldBlocks: answers.flatMap(({ heldBlocks }) => heldBlocks),
      lists: answers.map(({ texts }) => texts),
    };
  };
  return {
    async select(_request, signal) {
      const opened = await Promise.all(
        hosts.map(([host, request]) => openRemoteSeries(host, request, signal)),
      );
      return {
        heldBlocks: opened.flatMap(({ heldBlocks }) => heldBlocks),
        sources: opened.map(({ batches }) => batches),
      };
    },
    labelNames: (_request, signal) => askForTexts(signal),
    labelValues: (_request, signal) => askForTexts(signal),
    async metadata(_request, signal) {
      return (await askAll<MetricMetadata[]>(signal)).flat();
    },
    async discarded(_request, signal) {
      return (await askAll<ReadDiscards[]>(signal)).flat();
    },
    async tenantStats(_request, signal) {
      return (await askAll<ReadTenantStats[]>(signal)).flat();
    },
    async freshness(_request, signal) {
      const found = (await askAll<ReadFreshness[]>(signal)).flat();
      return found.map((one) => {
        const { applied = one.applied, end = one.end, ms } = lagOf(one.partition) ?? {};
        return { ...one, applied, end, ...(ms !== undefined && { lagMs: ms }) };
      });
    },
    async cardinality(_request, signal) {
      const opened = await Promise.all(
        hosts.map(([host, request]) => openCardinality(host, request, signal)),
      );
      return {
        series: opened.reduce((sum, { series }) => sum + series, 0),
        labels: (async function* () {
          for (const { labels } of opened) yield* labels;
        })(),
      };
    },
    async *histogramMetrics(_request, signal) {
      for (const [host, request] of hosts) yield* readHistogramMetrics(host, request, signal);
    },
    async exemplars(_request, signal) {
      const asked = hosts.map(([host, request]) => readExemplars(host, request, signal));
      return (await Promise.all(asked)).flat();
    },
  };
}

async function onlyMessage<T>(
  host: PartitionHost,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<T> {
  for await (const message of host.read(request, signal)) return JSON.parse(text(message)) as T;
  throw new WeirError('internal', 'a partition worker gave no answer');
}
