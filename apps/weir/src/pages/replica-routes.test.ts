// The page of elected replicas, as JSON and HTML, over a cluster in memory.
import { createMemoryCluster } from '@weir/cluster/memory';
import { defaultsOf } from '@weir/config';
import { createHttpServer, httpFlags } from '@weir/http';
import { createLimits, limitsFlags } from '@weir/limits';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { expect, it } from 'vitest';
import { replicaRoutes } from './replica-routes.ts';

const NOW_MS = 1_700_000_100_000;
const PATH = '/distributor/ha_tracker';

async function get(accept: string, enabled = true) {
  const cluster = createMemoryCluster();
  const put = (tenant: string, name: string, heardMs: number) =>
    cluster.put({
      ...{ kind: 'replica', tenant, cluster: name, replica: '<a>', electedMs: NOW_MS - 60_000 },
      ...{ heardMs, changes: 3, version: 1 },
    });
  await put('u', 'a', NOW_MS - 31_000);
  await put('t', 'd', NOW_MS);
  await put('t', 'c', NOW_MS - 1_000);
  const clock = { ...systemClock, nowMs: () => NOW_MS };
  const server = createHttpServer(defaultsOf(httpFlags), { telemetry: silentTelemetry(), clock });
  const limits = createLimits(defaultsOf(limitsFlags), (tenant) =>
    tenant === 'u' ? { haFailoverTimeoutMs: 60_000 } : undefined,
  );
  replicaRoutes(server, { enabled, cluster, limits, clock });
  const answer = await server.inject({ url: PATH, headers: { accept } });
  await server.close();
  return answer;
}

it('lists them by tenant and cluster, as JSON', async () => {
  const { elected, now } = (await get('application/json')).json();
  expect(now).toBe('2023-11-14T22:15:00.000Z');
  expect(
    elected.map((one: { userID: string; cluster: string }) => one.userID + one.cluster),
  ).toEqual(['tc', 'td', 'ua']);
  expect(elected[0]).toEqual({
    ...{ userID: 't', cluster: 'c', replica: '<a>', electionChanges: 3 },
    electedAt: '2023-11-14T22:14:00.000Z',
    lastSeenAt: '2023-11-14T22:14:59.000Z',
    updateDuration: 14_000_000_000,
    failoverDuration: 29_000_000_000,
  });
  expect(elected[2]).toMatchObject({
    updateDuration: -16_000_000_000,
    failoverDuration: 29_000_000_000,
  });
});

it('shows a page, and says where the tracker is off', async () => {
  const shown = await get('text/html');
  expect(shown.headers['content-type']).toContain('text/html');
  expect(shown.body).toContain('3 senders');
  expect(shown.body).toContain('&lt;a&gt;');
  expect(shown.body).not.toContain('-distributor.ha-tracker.enable');
  expect((await get('text/html', false)).body).toContain('-distributor.ha-tracker.enable');
});
