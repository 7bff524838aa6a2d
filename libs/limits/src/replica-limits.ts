// How a tenant's replicas are told apart, where several senders send the same series (high availability): Mimir's
// settings by their names and with their defaults.
import { defineFlags, type SettingsOf } from '@weir/config';
import { WeirError } from '@weir/errors';

export const replicaLimitsFlags = defineFlags({
  haEnabled: {
    kind: 'bool',
    flag: 'distributor.ha-tracker.enable-for-all-users',
    yaml: 'limits.accept_ha_samples',
    default: false,
    help: 'Whether of several replicas that send the same series one is listened to. Needs -distributor.ha-tracker.enable.',
  },
  haClusterLabel: {
    kind: 'string',
    flag: 'distributor.ha-tracker.cluster',
    yaml: 'limits.ha_cluster_label',
    default: 'cluster',
    help: 'Label that replicas of one sender have in common.',
  },
  haReplicaLabel: {
    kind: 'string',
    flag: 'distributor.ha-tracker.replica',
    yaml: 'limits.ha_replica_label',
    default: '__replica__',
    help: 'Label that tells replicas of one sender apart. It is not stored.',
  },
  haClustersMax: {
    kind: 'int',
    flag: 'distributor.ha-tracker.max-clusters',
    yaml: 'limits.ha_max_clusters',
    default: 100,
    help: 'Senders with replicas that a tenant may have. 0 is no limit.',
  },
  haUpdateTimeoutMs: {
    kind: 'duration',
    flag: 'distributor.ha-tracker.update-timeout',
    yaml: 'limits.ha_tracker_update_timeout',
    default: 15_000,
    help: 'How often other processes are told that the elected replica still sends.',
  },
  haUpdateJitterMaxMs: {
    kind: 'duration',
    flag: 'distributor.ha-tracker.update-timeout-jitter-max',
    yaml: 'limits.ha_tracker_update_timeout_jitter_max',
    default: 5_000,
    help: 'How much earlier or later than the update timeout processes may tell it, each otherwise.',
  },
  haFailoverTimeoutMs: {
    kind: 'duration',
    flag: 'distributor.ha-tracker.failover-timeout',
    yaml: 'limits.ha_tracker_failover_timeout',
    default: 30_000,
    help: 'How long the elected replica must be silent until another is elected. At least one second more than update timeout and jitter.',
  },
  haFailoverSampleTimeoutMs: {
    kind: 'duration',
    flag: 'distributor.ha-tracker.failover-sample-timeout',
    yaml: 'limits.ha_tracker_failover_sample_timeout',
    default: 0,
    help: 'How much newer than the last that was heard of the elected replica the earliest sample of another must be as well, for that to be elected: so that samples of both do not lie close together where pushes are late. 0 asks for nothing.',
  },
  haPerSample: {
    kind: 'bool',
    flag: 'distributor.ha-tracker.per-sample-dedupe',
    yaml: 'limits.ha_tracker_per_sample_dedupe',
    default: false,
    help: 'Whether each series of a push is judged by its own labels, not all by those of the first.',
  },
});

const MARGIN_MS = 1_000;

/** Throws `invalid` where a failover could come before the elected replica is told of. */
export function checkReplicaLimits(limits: SettingsOf<typeof replicaLimitsFlags>): void {
  const { haUpdateTimeoutMs, haUpdateJitterMaxMs, haFailoverTimeoutMs } = limits;
  const least = haUpdateTimeoutMs + haUpdateJitterMaxMs + MARGIN_MS;
  if (haFailoverTimeoutMs < least) {
    throw new WeirError(
      'invalid',
      `ha_tracker_failover_timeout: ${haFailoverTimeoutMs} ms must be at least 1s greater than update timeout (${haUpdateTimeoutMs} ms) and jitter (${haUpdateJitterMaxMs} ms): ${least} ms`,
    );
  }
  if (limits.haClusterLabel === '' || limits.haReplicaLabel === '') {
    throw new WeirError('invalid', 'ha_cluster_label and ha_replica_label must not be empty');
  }
}
