// The ingester's HTTP routes, named as Mimir's: flushing, and what it holds of its tenants, as JSON, pages and
// metrics. Those of leaving are leaving/routes.ts's.

import { toWeirError } from '@weir/errors';
import {
  type FastifyReply,
  type FastifyRequest,
  type HttpServer,
  readForm,
  sendPage,
} from '@weir/http';
import { isoTime } from '@weir/runtime';
import { Gauge, Registry } from '@weir/telemetry';
import { blocksOf, type Grace, headOf, tenantRows, tenantTsdb } from './pages/tenant-data.ts';
import { tenantPage, tenantsPage } from './pages/tenant-pages.ts';
import type { PartitionStats } from './workers/partition-host.ts';

const FORM_SIZE_MAX_BYTES = 64 * 1024;

export interface FlushRequest {
  /** All tenants when left out or empty. */
  readonly tenants?: readonly string[];
  /** Resolve (or reject) only when everything is shipped and committed. */
  readonly wait: boolean;
}

export interface RoutedIngester {
  flush(request: FlushRequest): Promise<void>;
  /** Of partitions that can tell. */
  stats(): Promise<readonly PartitionStats[]>;
}

export interface RouteParts {
  nowMs(): number;
  running(): boolean;
  /** Partitions here, whether they can tell or not. */
  partitionCount(): number;
  /** When a local block was uploaded, ms; undefined when it was not. */
  uploadedMs(partition: number, ulid: string): number | undefined;
  graceOf(tenant: string): Grace;
  /** Throws `unauthenticated`. */
  tenantOf(request: FastifyRequest): string;
}

export function registerRoutes(
  server: HttpServer,
  ingester: RoutedIngester,
  parts: RouteParts,
): void {
  server.route({
    method: ['GET', 'POST'],
    url: '/ingester/flush',
    handler: (request, reply) => flush(request, reply, ingester, parts.running()),
  });
  const silentBeside = (stats: readonly PartitionStats[]) =>
    Math.max(0, parts.partitionCount() - stats.length);
  server.get('/ingester/tenants', async (request, reply) => {
    const nowMs = parts.nowMs();
    const stats = await ingester.stats();
    const Tenants = tenantRows(stats, nowMs, parts.graceOf);
    return sendPage(request, reply, { Now: isoTime(nowMs), Tenants }, () =>
      tenantsPage(Tenants, silentBeside(stats)),
    );
  });
  server.get<{ Params: { tenant: string } }>('/ingester/tsdb/:tenant', async (request, reply) => {
    const { tenant } = request.params;
    const stats = await ingester.stats();
    const found = await tenantTsdb(tenant, stats, parts.uploadedMs);
    if (found === undefined) {
      return reply.code(404).type('text/plain').send(`TSDB not found for tenant ${tenant}`);
    }
    const json = { Now: isoTime(parts.nowMs()), Tenant: tenant, ...found };
    return sendPage(request, reply, json, () => tenantPage(tenant, found, silentBeside(stats)));
  });
  server.get('/ingester/tsdb_metrics', async (request, reply) => {
    const tenant = parts.tenantOf(request);
    const metrics = tenantMetrics(tenant, await ingester.stats());
    if (metrics === undefined) {
      return reply.code(404).type('text/plain').send('user registry not found\n');
    }
    return reply.type(metrics.contentType).send(await metrics.metrics());
  });
}

async function flush(
  request: FastifyRequest,
  reply: FastifyReply,
  ingester: RoutedIngester,
  running: boolean,
): Promise<FastifyReply> {
  if (!running) return reply.code(503).type('text/plain').send('ingester is not running');
  try {
    const form = await readForm(request, FORM_SIZE_MAX_BYTES);
    await ingester.flush({ tenants: form.getAll('tenant'), wait: form.get('wait') === 'true' });
  } catch (error) {
    const { status, message } = toWeirError(error);
    return reply.code(status).type('text/plain').send(message);
  }
  return reply.code(204).send();
}

/** Prometheus's names of what a head has; undefined where nothing of the tenant is here. */
function tenantMetrics(
  tenant: string,
  partitions: readonly PartitionStats[],
): Registry | undefined {
  const head = headOf(tenant, partitions);
  const blocks = blocksOf(tenant, partitions).length;
  if (head === undefined && blocks === 0) return undefined;
  const registry = new Registry();
  const gauge = (name: string, help: string, value: number | undefined) => {
    if (value === undefined || !Number.isFinite(value)) return;
    new Gauge({ name: `prometheus_tsdb_${name}`, help, registers: [registry] }).set(value);
  };
  gauge('head_series', 'Total number of series in the head block.', head?.series ?? 0);
  const { minT, maxT } = head ?? {};
  gauge('head_min_time', 'Minimum time bound of the head block, ms.', minT);
  gauge('head_max_time', 'Maximum timestamp of the head block, ms.', maxT);
  gauge('head_min_time_seconds', 'Minimum time bound of the head block.', seconds(minT));
  gauge('head_max_time_seconds', 'Maximum timestamp of the head block.', seconds(maxT));
  gauge('blocks_loaded', 'Number of currently loaded data blocks.', blocks);
  return registry;
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
