// Blocks in the bucket that a partition's manifest doesn't know: their uploader crashed in between. They
// are found by the `weir` section of meta.json. Needed only with an empty disk; else the local block is
// simply shipped again, under the same ULID.
import type { Bucket } from '@weir/bucket';
import { isKind } from '@weir/errors';
import { decodeBlockMeta, isUlid, META_FILE } from '@weir/tsdb/block';
import { decodeTime } from 'ulid';
import type { ShippedBlock } from './shipped-windows.ts';

export interface OrphanSearch {
  readonly topicId: string;
  readonly partition: number;
  /** Blocks made before this are not looked at. */
  readonly sinceMs: number;
  /** ULIDs that the manifest names. */
  readonly known: ReadonlySet<string>;
}

export async function findOrphans(bucket: Bucket, search: OrphanSearch): Promise<ShippedBlock[]> {
  const found: ShippedBlock[] = [];
  for await (const tenants of bucket.list('', '/')) {
    for (const tenantPrefix of tenants.prefixes) {
      if (tenantPrefix.startsWith('__')) continue;
      for await (const blocks of bucket.list(tenantPrefix, '/')) {
        for (const prefix of blocks.prefixes) {
          const orphan = await readOrphan(bucket, tenantPrefix, prefix, search);
          if (orphan) found.push(orphan);
        }
      }
    }
  }
  return found;
}

async function readOrphan(
  bucket: Bucket,
  tenantPrefix: string,
  prefix: string,
  search: OrphanSearch,
): Promise<ShippedBlock | undefined> {
  const ulid = prefix.slice(tenantPrefix.length, -1);
  if (!isUlid(ulid) || search.known.has(ulid) || decodeTime(ulid) < search.sinceMs) {
    return undefined;
  }
  const meta = await readMeta(bucket, `${prefix}${META_FILE}`);
  const weir = meta?.weir;
  if (meta === undefined || weir === undefined) return undefined;
  if (weir.topicId !== search.topicId || weir.partition !== search.partition) return undefined;
  if (meta.compaction.level !== 1) return undefined;
  const { firstOffset, lastOffset } = weir;
  const tenant = tenantPrefix.slice(0, -1);
  const window = { tenant, minT: meta.minTime, maxT: meta.maxTime, firstOffset, lastOffset };
  return { window, ulid };
}

/** A block without meta.json is not whole, and nobody's. */
async function readMeta(bucket: Bucket, key: string) {
  try {
    return decodeBlockMeta((await bucket.get(key)).body);
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined;
    throw error;
  }
}
