// What one distributor takes at most, whoever pushes; the runtime configuration file may say otherwise than the flags
// (`distributor_limits`). The in-flight byte limit is on by default, because memory is bounded by configuration;
// Mimir's default is off.
import { defineFlags, type SettingsOf } from '@weir/config';

export const instanceLimitsFlags = defineFlags({
  inflightBytesMax: {
    kind: 'int',
    flag: 'distributor.instance-limits.max-inflight-push-requests-bytes',
    yaml: 'distributor.instance_limits.max_inflight_push_requests_bytes',
    default: 536_870_912,
    help: 'Bytes of pushes being handled at once, compressed and uncompressed; beyond it pushes get 503. 0 is no limit.',
  },
  inflightPushesMax: {
    kind: 'int',
    flag: 'distributor.instance-limits.max-inflight-push-requests',
    yaml: 'distributor.instance_limits.max_inflight_push_requests',
    default: 2000,
    help: 'Pushes being handled at once; beyond it pushes get 503. 0 is no limit.',
  },
  ingestionRateMax: {
    kind: 'float',
    flag: 'distributor.instance-limits.max-ingestion-rate',
    yaml: 'distributor.instance_limits.max_ingestion_rate',
    default: 0,
    help: 'Samples a second that this process takes, on average of some seconds; beyond it pushes get 503. 0 is no limit.',
  },
});

export type InstanceLimits = SettingsOf<typeof instanceLimitsFlags>;
