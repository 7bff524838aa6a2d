// Putting changes of partitions into a cluster. Another process may be first with one: then what was asked is
// worked out anew from what is there now.
import { WeirError } from '@weir/errors';
import type { Cluster, ClusterView, PartitionEntry } from './cluster.ts';
import { partitionEntry, sameEntry } from './fold.ts';

/** Lost against others so often in a row, somebody else wants the opposite. */
const ATTEMPTS_MAX = 5;

/** Puts what `changes` works out of the view until nothing is left; throws what it throws. */
export async function putChanges(
  cluster: Cluster,
  changes: (view: ClusterView) => readonly PartitionEntry[],
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const due = changes(cluster.view);
    await Promise.all(due.map((entry) => cluster.put(entry)));
    if (due.every((entry) => isPresent(cluster.view, entry))) return;
  }
  throw new WeirError('unavailable', 'partitions are being changed by others: try again');
}

function isPresent(view: ClusterView, entry: PartitionEntry): boolean {
  const present = partitionEntry(view, entry.partition);
  return present !== undefined && sameEntry(present, entry);
}
