// The ingester's HTTP routes, named as Mimir's. JSON only; the console has the pages.

import { toWeirError } from '@weir/errors';
import { type FastifyReply, type FastifyRequest, type HttpServer, readForm } from '@weir/http';
import { isoTime } from '@weir/runtime';
import type { LocalBlock, PartitionStats } from './workers/partition-host.ts';

const FORM_SIZE_MAX_BYTES = 64 * 1024;

export interface FlushRequest {
  /** All tenants when left out or empty. */
  readonly tenants?: readonly string[];
  /** Resolve (or reject) only when everything is shipped and committed. */
  readonly wait: boolean;
}

export interface RoutedIngester {
  flush(request: FlushRequest): Promise<void>;
  stats(): Promise<readonly PartitionStats[]>;
}

export function registerRoutes(
  server: HttpServer,
  ingester: RoutedIngester,
  parts: { nowMs(): number; running(): boolean },
): void {
  server.route({
    method: ['GET', 'POST'],
    url: '/ingester/flush',
    handler: (request, reply) => flush(request, reply, ingester, parts.running()),
  });
  server.get('/ingester/tenants', async () => ({
    Now: isoTimeOrNone(parts.nowMs()),
    Tenants: tenantRows(await ingester.stats()),
  }));
  server.get<{ Params: { tenant: string } }>('/ingester/tsdb/:tenant', async (request, reply) => {
    const { tenant } = request.params;
    const found = tenantPage(tenant, await ingester.stats());
    if (found === undefined) {
      return reply.code(404).type('text/plain').send(`TSDB not found for tenant ${tenant}`);
    }
    return { Now: isoTimeOrNone(parts.nowMs()), Tenant: tenant, ...found };
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

interface TenantRow {
  readonly Tenant: string;
  Blocks: number;
  MinTime: string;
  MaxTime: string;
  readonly Warning: string;
}

function tenantRows(partitions: readonly PartitionStats[]): TenantRow[] {
  const names = new Set<string>();
  for (const { tenants, blocks } of partitions) {
    for (const { tenant } of tenants) names.add(tenant);
    for (const { window } of blocks) names.add(window.tenant);
  }
  return [...names].sort().map((tenant) => {
    const { minT, maxT } = headOf(tenant, partitions);
    const Blocks = blocksOf(tenant, partitions).length;
    return {
      Tenant: tenant,
      Blocks,
      MinTime: isoTimeOrNone(minT),
      MaxTime: isoTimeOrNone(maxT),
      Warning: '',
    };
  });
}

function tenantPage(tenant: string, partitions: readonly PartitionStats[]) {
  const blocks = blocksOf(tenant, partitions);
  const head = headOf(tenant, partitions);
  if (blocks.length === 0 && !head.known) return undefined;
  return {
    Head: {
      MinTime: isoTimeOrNone(head.minT),
      MaxTime: isoTimeOrNone(head.maxT),
      NumSeries: head.series,
    },
    Blocks: blocks.map(({ ulid, window }) => ({
      ID: ulid,
      MinTime: isoTimeOrNone(window.minT),
      MaxTime: isoTimeOrNone(window.maxT),
    })),
  };
}

function headOf(tenant: string, partitions: readonly PartitionStats[]) {
  const found = partitions.flatMap(({ tenants }) => tenants.filter((one) => one.tenant === tenant));
  return {
    known: found.length > 0,
    series: found.reduce((sum, { series }) => sum + series, 0),
    minT: Math.min(...found.map(({ minTimeMs }) => minTimeMs)),
    maxT: Math.max(...found.map(({ eventTimeMs }) => eventTimeMs)),
  };
}

function blocksOf(tenant: string, partitions: readonly PartitionStats[]): LocalBlock[] {
  return partitions.flatMap(({ blocks }) =>
    blocks.filter(({ window }) => window.tenant === tenant),
  );
}

/** Empty for a time that nothing has yet. */
function isoTimeOrNone(ms: number): string {
  return Number.isFinite(ms) ? isoTime(ms) : '';
}
