// Who sent a series, by the labels that a tenant says tell it. What validation would refuse for its length or
// bytes is nobody's: it never becomes an entry of the cluster's state.
import { isUtf8 } from 'node:buffer';
import { compareBytes, text, utf8 } from '@weir/bytes';
import type { TenantLimits } from '@weir/limits';
import type { SeriesRelabel } from '@weir/wire';
import type { Sender } from './replica-tracker.ts';

type Labels = Parameters<SeriesRelabel>[0];

export interface ReplicaLabels {
  /** Undefined where it has not both labels. */
  senderOf(labels: Labels): Sender | undefined;
  withoutReplica(labels: Labels): ReturnType<SeriesRelabel>;
}

export function replicaLabels(tenant: string, limits: TenantLimits): ReplicaLabels {
  const cluster = utf8(limits.haClusterLabel);
  const replica = utf8(limits.haReplicaLabel);
  const textOf = (labels: Labels, wanted: Uint8Array) => {
    const value = labels.find(({ name }) => compareBytes(name, wanted) === 0)?.value;
    if (value === undefined || value.length === 0) return undefined;
    if (value.length > limits.labelValueBytesMax || !isUtf8(value)) return undefined;
    return text(value);
  };
  return {
    senderOf(labels) {
      const found = { cluster: textOf(labels, cluster), replica: textOf(labels, replica) };
      if (found.cluster === undefined || found.replica === undefined) return undefined;
      return { tenant, cluster: found.cluster, replica: found.replica };
    },
    withoutReplica: (labels) => labels.filter(({ name }) => compareBytes(name, replica) !== 0),
  };
}
