// A tenant's shard: the partitions that its series are written to, the first `size` of the ACTIVE ones in an
// order of its own (by rendezvous), so that a change of one partition changes a shard by at most one. And its
// look-back shard: whatever it may have written to a while ago, told from the present entries alone. Pure.
//
// Not covered: a size that was lowered. What was written to the larger shard is read again once it is in the
// bucket, or while the size is back.
import { hashBytes, utf8 } from '@weir/bytes';
import type { ClusterView, PartitionEntry } from './cluster.ts';
import { rendezvousScore } from './slot-table.ts';

/** Makes the order independent of the one that slots have. */
const TENANT_SEED = 0x51ed270b;

/** For tenantShard and lookBackShard. */
export function tenantSeed(tenant: string): number {
  const bytes = utf8(tenant);
  return hashBytes(bytes, 0, bytes.length, TENANT_SEED);
}

/** The shard among the partitions written now; 0 or a size that they don't reach: all of them, as given. */
export function tenantShard(
  seed: number,
  active: readonly number[],
  size: number,
): readonly number[] {
  if (size <= 0 || size >= active.length) return active;
  return inOrder(seed, active).slice(0, size);
}

/**
 * Every partition that the tenant may have written to since `sinceMs`, ascending; those INACTIVE, which are
 * kept as long as they hold anything; and of those PENDING what another process may know to be ACTIVE. Views
 * lag and clocks differ, so take `sinceMs` some minutes early.
 *
 * A partition was in the shard if it was ACTIVE and fewer than `size` others before it were. Those ACTIVE
 * without a change since then were so the whole time: behind `size` of them nothing was in the shard.
 */
export function lookBackShard(
  seed: number,
  view: ClusterView,
  size: number,
  sinceMs: number,
): number[] {
  const numbers = [...view.partitions.keys()].sort((a, b) => a - b);
  if (size <= 0) return numbers;
  const shard: number[] = [];
  let steady = 0;
  for (const partition of inOrder(seed, numbers)) {
    const entry = view.partitions.get(partition)!;
    if (steady < size || entry.state === 'INACTIVE') shard.push(partition);
    if (isSteady(entry, sinceMs)) steady++;
  }
  return shard.sort((a, b) => a - b);
}

function isSteady({ state, sinceMs }: PartitionEntry, fromMs: number): boolean {
  return state === 'ACTIVE' && sinceMs < fromMs;
}

function inOrder(seed: number, partitions: readonly number[]): number[] {
  return partitions
    .map((partition) => ({ partition, score: rendezvousScore(seed, partition) }))
    .sort((a, b) => b.score - a.score || a.partition - b.partition)
    .map(({ partition }) => partition);
}
