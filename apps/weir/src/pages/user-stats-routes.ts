// /distributor/all_user_stats: series and ingestion rates of all tenants, in Mimir's form, asked of the owners of all
// partitions. Each partition counts once, so there is no replication to divide by.
import { toWeirError, WeirError } from '@weir/errors';
import {
  clientSignal,
  type HtmlValue,
  type HttpServer,
  html,
  page,
  sendJson,
  sendPlainError,
  table,
} from '@weir/http';
import { type OwnerDirectory, readTenantStats, type TenantTotals } from '@weir/query';

/** `owners` must answer for all partitions. */
export function userStatsRoutes(server: HttpServer, owners: OwnerDirectory): void {
  server.get('/distributor/all_user_stats', async (request, reply) => {
    let found: TenantTotals[];
    try {
      found = await readTenantStats('', owners, clientSignal(reply));
    } catch (error) {
      return sendPlainError(reply, notAll(error));
    }
    found.sort((a, b) => b.series - a.series || (a.tenant < b.tenant ? -1 : 1));
    // Not as the other pages: Mimir takes any Accept that speaks of JSON.
    if (request.headers.accept?.includes('json')) return sendJson(reply, found.map(jsonOf));
    return reply.type('text/html; charset=utf-8').send(userStatsPage(found));
  });
}

/** Mimir answers 500 where not all can be asked. */
function notAll(error: unknown): WeirError {
  const cause = toWeirError(error);
  return cause.kind === 'canceled'
    ? cause
    : new WeirError('internal', cause.message, { status: 500, cause });
}

function jsonOf({ tenant, series, activeSeries, apiRate, ruleRate }: TenantTotals): object {
  return {
    userID: tenant,
    ingestionRate: apiRate + ruleRate,
    numSeries: series,
    APIIngestionRate: apiRate,
    RuleIngestionRate: ruleRate,
    activeSeries,
  };
}

function userStatsPage(found: readonly TenantTotals[]): string {
  const columns = [
    { title: 'User' },
    { title: '# Series', numeric: true },
    { title: '# Active series', numeric: true },
    { title: 'Total ingest rate', numeric: true },
    { title: 'API ingest rate', numeric: true },
    { title: 'Rule ingest rate', numeric: true },
  ];
  const rows = found.map(({ tenant, series, activeSeries, apiRate, ruleRate }): HtmlValue[] => [
    ...[tenant, series, activeSeries, (apiRate + ruleRate).toFixed(2)],
    ...[apiRate.toFixed(2), ruleRate.toFixed(2)],
  ]);
  const count = rows.length === 1 ? '1 user' : `${rows.length} users`;
  const intro = html`<p>${count} with recent series. Rates are samples per second; each partition is counted once (replication factor 1).</p>`;
  return page('User stats', intro, table(columns, rows));
}
