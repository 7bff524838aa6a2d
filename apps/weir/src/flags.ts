// The process's own flags; every other module declares its flags itself.
import { defineFlags } from '@weir/config';

export const TARGETS = ['all', 'distributor', 'ingester', 'querier'] as const;

export const weirFlags = defineFlags({
  targets: {
    kind: 'strings',
    flag: 'target',
    yaml: 'target',
    default: ['all'],
    help: `Comma-separated components to run: ${TARGETS.join(', ')}.`,
  },
  dataDir: {
    kind: 'string',
    flag: 'data-dir',
    yaml: 'data_dir',
    default: './data',
    help: 'Root of every local path that is not set by a flag of its own.',
  },
  logLevel: {
    kind: 'string',
    flag: 'log.level',
    yaml: 'log_level',
    default: 'info',
    help: 'Only log messages with this severity or above: trace, debug, info, warn, error.',
  },
  advertiseAddress: {
    kind: 'string',
    flag: 'ingester.ring.instance-addr',
    yaml: 'ingester.ring.instance_addr',
    default: '',
    help: 'Host that other processes reach this one at. Empty: the listen address, or the host name.',
  },
  runtimeConfigFile: {
    kind: 'string',
    flag: 'runtime-config.file',
    yaml: 'runtime_config.file',
    default: '',
    help: 'YAML files with limits of tenants (overrides), separated by commas, of which the later wins; read again while the process runs.',
  },
  runtimeConfigPeriodMs: {
    kind: 'duration',
    flag: 'runtime-config.reload-period',
    yaml: 'runtime_config.period',
    default: 10_000,
    help: 'How often the runtime configuration file is read.',
  },
  heartbeatTimeoutMs: {
    kind: 'duration',
    flag: 'ingester.ring.heartbeat-timeout',
    yaml: 'ingester.ring.heartbeat_timeout',
    default: 60_000,
    help: 'An instance without a heartbeat for longer is not asked.',
  },
  queryWorkers: {
    kind: 'int',
    flag: 'querier.worker-threads',
    yaml: 'querier.worker_threads',
    default: 1,
    help: 'Threads that evaluate queries.',
  },
  partitionWorkers: {
    kind: 'int',
    flag: 'ingester.worker-threads',
    yaml: 'ingester.worker_threads',
    default: 0,
    help: 'Threads that own partitions, where there are so many. 0: one less than the processors, at least two.',
  },
  embeddedPartitions: {
    kind: 'int',
    flag: 'embedded-log.partitions',
    yaml: 'embedded_log.partitions',
    default: 0,
    help: 'Partitions of the embedded log, only ever raised. 0: the processors, at most 4.',
  },
  embeddedSizeMaxBytes: {
    kind: 'int',
    flag: 'embedded-log.max-size-bytes',
    yaml: 'embedded_log.max_size_bytes',
    default: 16 * 1024 ** 3,
    help: 'Size of the embedded log at which pushes are refused until blocks have been shipped.',
  },
});
