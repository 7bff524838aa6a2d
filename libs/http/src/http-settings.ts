// Flags of the HTTP server and of tenant headers, named as Mimir's.
import { defineFlags, type SettingsOf } from '@weir/config';

export const httpFlags = defineFlags({
  address: {
    kind: 'string',
    flag: 'server.http-listen-address',
    yaml: 'server.http_listen_address',
    default: '',
    help: 'Address that the HTTP server listens on; empty is all addresses.',
  },
  port: {
    kind: 'int',
    flag: 'server.http-listen-port',
    yaml: 'server.http_listen_port',
    default: 8080,
    help: 'Port that the HTTP server listens on; 0 takes a free one.',
  },
  pathPrefix: {
    kind: 'string',
    flag: 'server.path-prefix',
    yaml: 'server.http_path_prefix',
    default: '',
    help: 'Path that stands before every route, for servers behind a proxy.',
  },
  readTimeoutMs: {
    kind: 'duration',
    flag: 'server.http-read-timeout',
    yaml: 'server.http_server_read_timeout',
    default: 30_000,
    help: 'Time in which a whole request must have come.',
  },
  idleTimeoutMs: {
    kind: 'duration',
    flag: 'server.http-idle-timeout',
    yaml: 'server.http_server_idle_timeout',
    default: 120_000,
    help: 'Time after which an idle keep-alive connection is closed.',
  },
  connectionsMax: {
    kind: 'int',
    flag: 'server.http-conn-limit',
    yaml: 'server.http_listen_conn_limit',
    default: 0,
    help: 'Connections that are open at once; more are closed as they come. 0 is no limit but that of open files.',
  },
  shutdownTimeoutMs: {
    kind: 'duration',
    flag: 'server.graceful-shutdown-timeout',
    yaml: 'server.graceful_shutdown_timeout',
    default: 30_000,
    help: 'Time that requests in flight get to finish at shutdown; then their connections are cut.',
  },
  compressionLevel: {
    kind: 'int',
    flag: 'http.response-compression-level',
    yaml: 'http.response_compression_level',
    default: 1,
    help: 'Level of compressed answers (gzip; zstd where Node.js has it), 1 to 9; 0 turns compression off.',
  },
});

export type HttpSettings = SettingsOf<typeof httpFlags>;

export const tenantFlags = defineFlags({
  multitenancy: {
    kind: 'bool',
    flag: 'auth.multitenancy-enabled',
    yaml: 'multitenancy_enabled',
    default: true,
    help: 'Take the tenant from X-Scope-OrgID and refuse requests without it.',
  },
  noAuthTenant: {
    kind: 'string',
    flag: 'auth.no-auth-tenant',
    yaml: 'no_auth_tenant',
    default: 'anonymous',
    help: 'The tenant of every request when multi-tenancy is off.',
  },
});

export type TenantSettings = SettingsOf<typeof tenantFlags>;
