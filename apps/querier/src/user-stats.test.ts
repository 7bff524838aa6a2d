// A tenant's own statistics over two owners, and for a tenant of whom no head knows.
import type { ReadRequest, ReadTenantStats } from '@weir/query';
import { expect, it } from 'vitest';
import { answerUserStats } from './user-stats.ts';

const stats = (partition: number): ReadTenantStats => ({
  ...{ tenant: 't', partition, series: 10, activeSeries: 4, apiRate: 1.5, ruleRate: 0.5 },
});

async function ask(answers: readonly ReadTenantStats[][]) {
  const requests: ReadRequest[] = [];
  const owners = answers.map((found, partition) => ({
    partitions: [partition],
    port: {
      async *read(request: ReadRequest) {
        requests.push(request);
        yield Buffer.from(JSON.stringify(found));
      },
    },
  }));
  const request = { tenant: 't', endpoint: 'user_stats' as const, params: [] };
  const { signal } = new AbortController();
  const answer = await answerUserStats({ request, signal }, { owners: async () => owners });
  return { answer, requests };
}

it('sums what the owners of all partitions have', async () => {
  const { answer, requests } = await ask([[stats(0), stats(2)], [stats(1)]]);
  expect(answer).toMatchObject({
    kind: 'json',
    json: {
      ...{ ingestionRate: 6, numSeries: 30, APIIngestionRate: 4.5, RuleIngestionRate: 1.5 },
      activeSeries: 12,
    },
  });
  expect(requests.map(({ kind, tenant }) => [kind, tenant])).toEqual([
    ['tenantStats', 't'],
    ['tenantStats', 't'],
  ]);
});

it('is all 0 for a tenant without series', async () => {
  const { answer } = await ask([[], []]);
  expect(answer).toMatchObject({
    json: { ingestionRate: 0, numSeries: 0, APIIngestionRate: 0, RuleIngestionRate: 0 },
  });
});
