// GET /api/v1/user_stats: series and ingestion rate of the tenant that asks, in Mimir's shape.
import { type OwnerDirectory, readTenantStats } from '@weir/query';
import type { EndpointAnswer, EndpointContext } from './endpoint.ts';

export async function answerUserStats(
  { request, signal }: Pick<EndpointContext, 'request' | 'signal'>,
  owners: OwnerDirectory,
): Promise<EndpointAnswer> {
  const [found] = await readTenantStats(request.tenant, owners, signal);
  const { series = 0, activeSeries = 0, apiRate = 0, ruleRate = 0 } = found ?? {};
  return {
    kind: 'json',
    json: {
      ingestionRate: apiRate + ruleRate,
      numSeries: series,
      APIIngestionRate: apiRate,
      RuleIngestionRate: ruleRate,
      activeSeries,
    },
    warnings: [],
  };
}
