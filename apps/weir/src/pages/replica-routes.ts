// /distributor/ha_tracker: which replica of each sender is listened to, in Mimir's form and what Weir knows beyond.
// Every process sees the same, whoever elected it.
import type { Cluster, ReplicaEntry } from '@weir/cluster';
import {
  type HtmlValue,
  type HttpServer,
  html,
  page,
  sendPage,
  table,
  timeAndAge,
} from '@weir/http';
import type { Limits } from '@weir/limits';
import { type Clock, isoTime } from '@weir/runtime';

const NS_PER_MS = 1_000_000;

export interface ReplicaRoutesParts {
  readonly enabled: boolean;
  readonly cluster: Pick<Cluster, 'view'>;
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'nowMs'>;
}

interface Elected extends ReplicaEntry {
  /** Until others are told that it sends, where it does; until another may be elected. Below 0 once that is over. */
  readonly untilUpdateMs: number;
  readonly untilFailoverMs: number;
}

export function replicaRoutes(server: HttpServer, parts: ReplicaRoutesParts): void {
  server.get('/distributor/ha_tracker', (request, reply) => {
    const nowMs = parts.clock.nowMs();
    const elected = electedOf(parts, nowMs);
    const shown = { elected: elected.map(jsonOf), now: isoTime(nowMs) };
    return sendPage(request, reply, shown, () => replicaPage(elected, parts.enabled, nowMs));
  });
}

function electedOf({ cluster, limits }: ReplicaRoutesParts, nowMs: number): Elected[] {
  return [...cluster.view.replicas.values()]
    .map((entry) => {
      const { haUpdateTimeoutMs, haFailoverTimeoutMs } = limits.forTenant(entry.tenant);
      const silentMs = nowMs - entry.heardMs;
      return {
        ...entry,
        untilUpdateMs: haUpdateTimeoutMs - silentMs,
        untilFailoverMs: haFailoverTimeoutMs - silentMs,
      };
    })
    .sort((a, b) => compare(a.tenant, b.tenant) || compare(a.cluster, b.cluster));
}

/** Durations in nanoseconds, as Go prints them. */
function jsonOf(entry: Elected): object {
  return {
    userID: entry.tenant,
    cluster: entry.cluster,
    replica: entry.replica,
    electedAt: isoTime(entry.electedMs),
    lastSeenAt: isoTime(entry.heardMs),
    electionChanges: entry.changes,
    updateDuration: entry.untilUpdateMs * NS_PER_MS,
    failoverDuration: entry.untilFailoverMs * NS_PER_MS,
  };
}

function replicaPage(elected: readonly Elected[], enabled: boolean, nowMs: number): string {
  const columns = [
    ...[{ title: 'User ID' }, { title: 'Cluster' }, { title: 'Replica' }],
    { title: 'Elected', numeric: true },
    { title: 'Last told of', numeric: true },
    { title: 'Until told again', numeric: true },
    { title: 'Until failover', numeric: true },
    { title: 'Changes', numeric: true },
  ];
  const rows = elected.map((entry): HtmlValue[] => [
    ...[entry.tenant, entry.cluster, entry.replica],
    timeAndAge(entry.electedMs, nowMs),
    timeAndAge(entry.heardMs, nowMs),
    seconds(entry.untilUpdateMs),
    seconds(entry.untilFailoverMs),
    String(entry.changes),
  ]);
  const off = html`<p>Replicas are not told apart here: <code>-distributor.ha-tracker.enable</code> is off.</p>`;
  const count = rows.length === 1 ? '1 sender' : `${rows.length} senders`;
  const intro = html`<p>${count} with replicas. Of each, one replica is listened to; what the others send is dropped.</p>`;
  return page('Elected replicas', enabled ? intro : off, table(columns, rows));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
