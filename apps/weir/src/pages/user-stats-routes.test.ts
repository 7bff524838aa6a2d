// The page of tenants' statistics, as JSON and HTML: sums over owners, order, and what follows where one is missing.
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createHttpServer, httpFlags } from '@weir/http';
import type { OwnerDirectory, ReadTenantStats } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { userStatsRoutes } from './user-stats-routes.ts';

const stats = (tenant: string, partition: number, series: number): ReadTenantStats => ({
  ...{ tenant, partition, series, activeSeries: series - 1, apiRate: series / 2, ruleRate: 0.125 },
});

function answering(...found: ReadTenantStats[]): OwnerDirectory {
  const owners = [0, 1].map((partition) => ({
    partitions: [partition],
    port: {
      async *read() {
        yield Buffer.from(JSON.stringify(found.filter((one) => one.partition === partition)));
      },
    },
  }));
  return { owners: async () => owners };
}

async function get(owners: OwnerDirectory, accept: string) {
  const clock = systemClock;
  const server = createHttpServer(defaultsOf(httpFlags), { telemetry: silentTelemetry(), clock });
  userStatsRoutes(server, owners);
  const answer = await server.inject({
    url: '/distributor/all_user_stats',
    headers: { accept },
  });
  await server.close();
  return answer;
}

const ALL = answering(stats('c', 0, 5), stats('<b>', 0, 2), stats('<b>', 1, 3), stats('a', 1, 5));

describe('/distributor/all_user_stats', () => {
  it.each(['application/json', 'text/x-json'])('sums by tenant, as %s', async (accept) => {
    const found = (await get(ALL, accept)).json();
    expect(found.map(({ userID }: { userID: string }) => userID)).toEqual(['<b>', 'a', 'c']);
    expect(found[0]).toEqual({
      ...{ userID: '<b>', ingestionRate: 2.75, numSeries: 5 },
      ...{ APIIngestionRate: 2.5, RuleIngestionRate: 0.25, activeSeries: 3 },
    });
  });

  it('is a page for people', async () => {
    const shown = await get(ALL, 'text/html');
    expect(shown.headers['content-type']).toContain('text/html');
    expect(shown.body).toContain('3 users');
    expect(shown.body).toContain('&lt;b&gt;');
    expect(shown.body).toContain('2.75');
    expect((await get(answering(), '*/*')).body).toContain('0 users');
  });

  it('answers 500 where a partition has no owner', async () => {
    const missing = new WeirError('unavailable', 'partition 1 has no healthy owner');
    const answer = await get({ owners: () => Promise.reject(missing) }, 'application/json');
    expect([answer.statusCode, answer.body]).toEqual([500, 'partition 1 has no healthy owner\n']);
  });
});
