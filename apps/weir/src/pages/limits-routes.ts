// What limits hold: /runtime_config of all tenants that have their own, /api/v1/user_limits of one tenant, in Mimir's shape.
// Both are there only with a runtime configuration file, as in Mimir. Limits that Weir doesn't have are 0.
import { type FastifyRequest, type HttpServer, sendJson, sendPlainError } from '@weir/http';
import type { TenantLimits } from '@weir/limits';
import type { RuntimeConfig } from '../runtime-config.ts';

export function limitsRoutes(
  server: HttpServer,
  runtime: RuntimeConfig,
  tenantOf: (request: Pick<FastifyRequest, 'headers'>) => string,
): void {
  server.get<{ Querystring: { mode?: string } }>('/runtime_config', async (request, reply) => {
    reply.type('text/plain; charset=utf-8');
    return runtime.text(request.query.mode === 'diff' ? 'diff' : 'full');
  });

  server.get('/api/v1/user_limits', async (request, reply) => {
    try {
      return sendJson(reply, userLimits(runtime.limits.forTenant(tenantOf(request))));
    } catch (error) {
      return sendPlainError(reply, error);
    }
  });
}

function userLimits(limits: TenantLimits): object {
  return {
    compactor_blocks_retention_period_seconds: 0,
    ingestion_rate: limits.ingestionRate,
    ingestion_burst_size: limits.ingestionBurstSize,
    ingestion_burst_factor: limits.ingestionBurstFactor,
    max_global_series_per_user: limits.seriesMax,
    max_global_series_per_metric: limits.seriesPerMetricMax,
    max_global_exemplars_per_user: limits.exemplarsMax,
    max_fetched_chunks_per_query: limits.fetchedChunksMax,
    max_fetched_series_per_query: limits.fetchedSeriesMax,
    max_fetched_chunk_bytes_per_query: limits.fetchedChunkBytesMax,
    ruler_max_rules_per_rule_group: 0,
    ruler_max_rule_groups_per_tenant: 0,
  };
}
