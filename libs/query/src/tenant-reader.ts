// What heads know of a tenant beside its samples: which series are active, how many series each label
// value has, and what was refused. All owners are asked and their answers merged; blocks know none of it.
// Sums over partitions are exact while a series lives in one partition; for some hours after the number
// of partitions has changed it may be counted in two.
import { WeirError } from '@weir/errors';
import type { LabelBytes, Matcher } from '@weir/model';
import { SeriesMerge } from './merge-series.ts';
import { decodeJson } from './read-message.ts';
import type {
  OwnerDirectory,
  ReadDiscards,
  ReadFreshness,
  ReadHistogramMetric,
  ReadPort,
  ReadRequest,
} from './read-port.ts';
import { openCardinality } from './remote-cardinality.ts';
import { readHistogramMetrics } from './remote-histogram-metrics.ts';
import {
  askOwners,
  endReads,
  followSignal,
  openRemoteSeries,
  readMessage,
} from './remote-series.ts';

const EVER = { minT: Number.MIN_SAFE_INTEGER, maxT: Number.MAX_SAFE_INTEGER };

export interface CardinalityRequest {
  readonly matchers: readonly Matcher[];
  readonly activeOnly: boolean;
  /** Label names; all without. */
  readonly names?: readonly string[];
  /** The answer may have so many bytes of names and values; more are an error. */
  readonly sizeMaxBytes: number;
}

export interface LabelCardinality {
  readonly series: number;
  /** Series by value, by name. */
  readonly labels: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export interface TenantReader {
  /** In label order. Throws `invalid` with status 413 beyond `sizeMaxBytes` of label bytes. */
  activeSeries(
    request: { readonly matchers: readonly Matcher[]; readonly sizeMaxBytes: number },
    signal: AbortSignal,
  ): Promise<readonly LabelBytes[]>;
  cardinality(request: CardinalityRequest, signal: AbortSignal): Promise<LabelCardinality>;
  /** By metric name. Throws `invalid` with status 413 beyond `sizeMaxBytes` of names. */
  histogramMetrics(
    request: { readonly matchers: readonly Matcher[]; readonly sizeMaxBytes: number },
    signal: AbortSignal,
  ): Promise<readonly ReadHistogramMetric[]>;
  /** By partition. */
  discarded(signal: AbortSignal): Promise<readonly ReadDiscards[]>;
  /** By partition. */
  freshness(signal: AbortSignal): Promise<readonly ReadFreshness[]>;
}

export function createTenantReader(
  { tenant }: { readonly tenant: string },
  { owners }: { readonly owners: OwnerDirectory },
): TenantReader {
  return {
    activeSeries: ({ matchers, sizeMaxBytes }, signal) =>
      readActiveSeries(tenant, matchers, sizeMaxBytes, owners, signal),
    cardinality: (request, signal) => readCardinality(tenant, request, owners, signal),
    histogramMetrics: ({ matchers, sizeMaxBytes }, signal) =>
      mergeHistogramMetrics(tenant, matchers, sizeMaxBytes, owners, signal),
    discarded: (signal) => readByPartition<ReadDiscards>('discarded', tenant, owners, signal),
    freshness: (signal) => readByPartition<ReadFreshness>('freshness', tenant, owners, signal),
  };
}

async function readByPartition<Found extends { readonly partition: number }>(
  kind: 'discarded' | 'freshness',
  tenant: string,
  owners: OwnerDirectory,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const controller = followSignal(signal);
  try {
    const question = { kind, tenant, matchers: [], ...EVER } as const;
    const answers = await askOwners(owners, question, controller, readMessage);
    const found = answers.flatMap((answer) => decodeJson(answer) as Found[]);
    return found.sort((a, b) => a.partition - b.partition);
  } finally {
    endReads(controller);
  }
}

async function readActiveSeries(
  tenant: string,
  matchers: readonly Matcher[],
  sizeMaxBytes: number,
  owners: OwnerDirectory,
  signal: AbortSignal,
): Promise<readonly LabelBytes[]> {
  const controller = followSignal(signal);
  let merge: SeriesMerge | undefined;
  try {
    const question = { kind: 'series', tenant, matchers, activeOnly: true, ...EVER } as const;
    const answers = await askOwners(owners, question, controller, openRemoteSeries);
    merge = new SeriesMerge(
      answers.map(({ batches }) => batches),
      { prefetch: true },
    );
    const found: LabelBytes[] = [];
    let sizeBytes = 0;
    for (;;) {
      const more = merge.next();
      if (!(typeof more === 'boolean' ? more : await more)) return found;
      const labels = merge.labels.slice();
      sizeBytes += labels.length;
      if (sizeBytes > sizeMaxBytes) throw tooLarge(sizeMaxBytes);
      found.push(labels);
    }
  } finally {
    endReads(controller);
    merge?.close();
  }
}

async function readCardinality(
  tenant: string,
  { matchers, activeOnly, names, sizeMaxBytes }: CardinalityRequest,
  owners: OwnerDirectory,
  signal: AbortSignal,
): Promise<LabelCardinality> {
  const controller = followSignal(signal);
  try {
    const base = { kind: 'cardinality', tenant, matchers, activeOnly, ...EVER } as const;
    const question = names === undefined ? base : { ...base, names };
    const answers = await askOwners(owners, question, controller, openCardinality);
    const labels = new Map<string, Map<string, number>>();
    let left = sizeMaxBytes;
    const add = async ({ labels: steps }: (typeof answers)[number]) => {
      for await (const { name, values, series } of steps) {
        const counts = labels.get(name) ?? new Map<string, number>();
        labels.set(name, counts);
        for (let at = 0; at < values.length; at++) {
          const known = counts.get(values[at]!);
          // As UTF-8 it may be longer; the limit is about memory.
          if (known === undefined) left -= values[at]!.length;
          counts.set(values[at]!, (known ?? 0) + series[at]!);
        }
        if (left < 0) throw tooLarge(sizeMaxBytes);
      }
    };
    await Promise.all(answers.map(add));
    return { series: answers.reduce((sum, { series }) => sum + series, 0), labels };
  } finally {
    endReads(controller);
  }
}

async function mergeHistogramMetrics(
  tenant: string,
  matchers: readonly Matcher[],
  sizeMaxBytes: number,
  owners: OwnerDirectory,
  signal: AbortSignal,
): Promise<readonly ReadHistogramMetric[]> {
  const controller = followSignal(signal);
  const found = new Map<string, ReadHistogramMetric>();
  let left = sizeMaxBytes;
  const ask = async (port: ReadPort, request: ReadRequest, asked: AbortSignal): Promise<void> => {
    for await (const step of readHistogramMetrics(port, request, asked)) {
      for (const one of step) {
        const known = found.get(one.metric);
        if (known === undefined) left -= one.metric.length;
        found.set(one.metric, known === undefined ? one : addMetric(known, one));
      }
      if (left < 0) throw tooLarge(sizeMaxBytes);
    }
  };
  try {
    await askOwners(
      owners,
      { kind: 'histogramMetrics', tenant, matchers, ...EVER },
      controller,
      ask,
    );
    return [...found.values()].sort((a, b) => (a.metric < b.metric ? -1 : 1));
  } finally {
    endReads(controller);
  }
}

function addMetric(a: ReadHistogramMetric, b: ReadHistogramMetric): ReadHistogramMetric {
  return {
    metric: a.metric,
    series: a.series + b.series,
    buckets: a.buckets + b.buckets,
    bucketsMin: Math.min(a.bucketsMin, b.bucketsMin),
    bucketsMax: Math.max(a.bucketsMax, b.bucketsMax),
  };
}

function tooLarge(sizeMaxBytes: number): WeirError {
  const message = `the result is larger than the limit of ${sizeMaxBytes} bytes; narrow the selector, or try increasing the requested shard count`;
  return new WeirError('invalid', message, { status: 413 });
}
