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
  multitenancyEnabled: {
    kind: 'bool',
    flag: 'auth.multitenancy-enabled',
    yaml: 'multitenancy_enabled',
    default: true,
    help: 'When set, requests need the X-Scope-OrgID header.',
  },
  noAuthTenant: {
    kind: 'string',
    flag: 'auth.no-auth-tenant',
    yaml: 'no_auth_tenant',
    default: 'anonymous',
    help: 'The tenant of every request when multi-tenancy is off.',
  },
  advertiseAddress: {
    kind: 'string',
    flag: 'ingester.ring.instance-addr',
    yaml: 'ingester.ring.instance_addr',
    default: '',
    help: 'Host that other processes reach this one at; by default the listen address.',
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
    help: 'Threads that own partitions; 0 is one less than the processors, at least one.',
  },
  embeddedPartitions: {
    kind: 'int',
    flag: 'embedded-log.partitions',
    yaml: 'embedded_log.partitions',
    default: 0,
    help: 'Partitions of the embedded log; 0 is the number of processors, at most 4. Only ever raised.',
  },
});
