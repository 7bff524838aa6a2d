// What an ingester holds of its tenants, as Mimir's pages tell it: heads and local blocks, of all partitions
// here together. Times are text as Mimir formats them. Pure, but for the blocks' meta files.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isoTime } from '@weir/runtime';
import { type BlockMeta, decodeBlockMeta, META_FILE } from '@weir/tsdb/block';
import type { LocalBlock, PartitionStats } from '../workers/partition-host.ts';

/** How far a tenant's times may lie from now before the page warns; 0 for the past: any. */
export interface Grace {
  readonly creationGraceMs: number;
  readonly pastGraceMs: number;
  readonly outOfOrderWindowMs: number;
}

export interface TenantRow {
  readonly Tenant: string;
  readonly Blocks: number;
  readonly MinTime: string;
  readonly MaxTime: string;
  readonly Warning: string;
}

export interface TenantTsdb {
  readonly Head: {
    readonly MinTime: string;
    readonly MaxTime: string;
    readonly NumSeries: number;
    readonly AppendableMinValidTime: string;
    readonly MinOOOTime: string;
    readonly MaxOOOTime: string;
  };
  readonly Blocks: readonly TsdbBlock[];
  /** Weir's own: the head by partition. */
  readonly Partitions: readonly {
    readonly Partition: number;
    readonly NumSeries: number;
    readonly MinTime: string;
    readonly MaxTime: string;
  }[];
}

export interface TsdbBlock {
  readonly ID: string;
  readonly MinTime: string;
  readonly MaxTime: string;
  readonly OutOfOrder: boolean;
  readonly Compaction: BlockMeta['compaction'];
  readonly Stats: BlockMeta['stats'];
  readonly UploadedOn: string;
  readonly Partition: number;
}

export interface HeadFigures {
  readonly series: number;
  /** ms; Infinity where the head has no sample. */
  readonly minT: number;
  /** ms; -Infinity where the head has no sample. */
  readonly maxT: number;
}

export function tenantRows(
  partitions: readonly PartitionStats[],
  nowMs: number,
  graceOf: (tenant: string) => Grace,
): TenantRow[] {
  const names = new Set<string>();
  for (const { tenants, blocks } of partitions) {
    for (const { tenant } of tenants) names.add(tenant);
    for (const { window } of blocks) names.add(window.tenant);
  }
  return [...names].sort().map((tenant) => {
    const head = headOf(tenant, partitions);
    return {
      Tenant: tenant,
      Blocks: blocksOf(tenant, partitions).length,
      MinTime: timeText(head?.minT),
      MaxTime: timeText(head?.maxT),
      Warning: head === undefined ? '' : warningOf(head, nowMs, graceOf(tenant)),
    };
  });
}

function warningOf({ minT, maxT }: HeadFigures, nowMs: number, grace: Grace): string {
  const { creationGraceMs, pastGraceMs, outOfOrderWindowMs } = grace;
  if (pastGraceMs > 0 && nowMs - minT > pastGraceMs + outOfOrderWindowMs) {
    return 'TSDB Head min timestamp too far in the past';
  }
  if (maxT - nowMs > creationGraceMs) return 'TSDB Head max timestamp too far in the future';
  return '';
}

/** Undefined where nothing of the tenant is here. */
export async function tenantTsdb(
  tenant: string,
  partitions: readonly PartitionStats[],
  uploadedMs: (partition: number, ulid: string) => number | undefined,
): Promise<TenantTsdb | undefined> {
  const blocks = blocksOf(tenant, partitions);
  const head = headOf(tenant, partitions);
  if (blocks.length === 0 && head === undefined) return undefined;
  return {
    Head: {
      MinTime: timeText(head?.minT),
      MaxTime: timeText(head?.maxT),
      NumSeries: head?.series ?? 0,
      // Mimir leaves out what its head can't tell.
      ...{ AppendableMinValidTime: '', MinOOOTime: '', MaxOOOTime: '' },
    },
    Blocks: await Promise.all(
      blocks.map(({ partition, block }) => blockOf(partition, block, uploadedMs)),
    ),
    Partitions: partitions.flatMap(({ partition, tenants }) =>
      tenants
        .filter((one) => one.tenant === tenant)
        .map(({ series, minTimeMs, eventTimeMs }) => ({
          ...{ Partition: partition, NumSeries: series },
          ...{ MinTime: timeText(minTimeMs), MaxTime: timeText(eventTimeMs) },
        })),
    ),
  };
}

export function headOf(
  tenant: string,
  partitions: readonly PartitionStats[],
): HeadFigures | undefined {
  const found = partitions.flatMap(({ tenants }) => tenants.filter((one) => one.tenant === tenant));
  if (found.length === 0) return undefined;
  return {
    series: found.reduce((sum, { series }) => sum + series, 0),
    minT: Math.min(...found.map(({ minTimeMs }) => minTimeMs)),
    maxT: Math.max(...found.map(({ eventTimeMs }) => eventTimeMs)),
  };
}

export function blocksOf(
  tenant: string,
  partitions: readonly PartitionStats[],
): { readonly partition: number; readonly block: LocalBlock }[] {
  return partitions.flatMap(({ partition, blocks }) =>
    blocks.filter(({ window }) => window.tenant === tenant).map((block) => ({ partition, block })),
  );
}

async function blockOf(
  partition: number,
  { ulid, dir, window }: LocalBlock,
  uploadedMs: (partition: number, ulid: string) => number | undefined,
): Promise<TsdbBlock> {
  const meta = await readMeta(dir);
  return {
    ID: ulid,
    MinTime: timeText(meta?.minTime ?? window.minT),
    MaxTime: timeText(meta?.maxTime ?? window.maxT),
    OutOfOrder: false,
    Compaction: meta?.compaction ?? { level: 1 },
    Stats: meta?.stats ?? {},
    UploadedOn: rfc3339(uploadedMs(partition, ulid)),
    Partition: partition,
  };
}

/** A block that is being deleted has none any more; the page needn't fail for it. */
async function readMeta(dir: string): Promise<BlockMeta | undefined> {
  try {
    return decodeBlockMeta(await readFile(join(dir, META_FILE)));
  } catch {
    return undefined;
  }
}

/** `2026-01-01T00:00:00Z (1767225600000)`; `0` for the beginning of time, empty where there is none. */
function timeText(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '';
  return ms === 0 ? '0' : `${rfc3339(ms)} (${ms})`;
}

function rfc3339(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '';
  return isoTime(ms).replace(/\.\d+Z$/, 'Z');
}
