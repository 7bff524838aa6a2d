// Cluster state inside one process: the same fold as on Kafka, applied at once. It forgets everything
// with the process, and grows with the number of entries, not with the number of changes.
import { WeirError } from '@weir/errors';
import type { Cluster, ClusterEntry, OutbidEntries, OwnerEntry } from '../cluster.ts';
import { createView, isHeard, isOutbid, keyOf, putEntry, removeKey } from '../fold.ts';

export function createMemoryCluster(): Cluster {
  const view = createView();
  const listeners = new Set<(outbid: OutbidEntries) => void>();
  let closed = false;

  const change = async (
    entry: ClusterEntry,
    apply: () => OwnerEntry | undefined,
  ): Promise<void> => {
    if (closed) throw new WeirError('closed', 'cluster is closed');
    const outbid = apply();
    if (!isHeard(keyOf(entry))) return;
    for (const listener of listeners) listener(outbid === undefined ? [] : [outbid]);
  };

  return {
    view,
    put: (entry) => change(entry, () => putEntry(view, entry)),
    remove: (entry) =>
      change(entry, () => {
        // A newer owner's entry is not the old owner's to remove.
        if (entry.kind !== 'owner' || !isOutbid(view, entry)) removeKey(view, keyOf(entry));
        return undefined;
      }),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async sync() {
      if (closed) throw new WeirError('closed', 'cluster is closed');
    },
    async close() {
      closed = true;
    },
  };
}
