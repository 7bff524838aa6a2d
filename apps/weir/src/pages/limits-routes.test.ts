// The pages of limits: what a tenant has, and the file as it is in use.
import { defaultsOf } from '@weir/config';
import { instanceLimitsFlags } from '@weir/distributor';
import { createLimits, limitsFlags } from '@weir/limits';
import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { limitsRoutes } from './limits-routes.ts';

const limits = createLimits(defaultsOf(limitsFlags), (tenant) =>
  tenant === 'a' ? { ingestionRate: 5, seriesMax: 3 } : undefined,
);

async function get(url: string, tenant = 'a') {
  const server = fastify();
  const runtime = {
    limits,
    instanceLimits: () => defaultsOf(instanceLimitsFlags),
    text: (mode: string) => `# ${mode}\n`,
    reload: () => {},
    close: () => {},
  };
  limitsRoutes(server, runtime, () => tenant);
  const answer = await server.inject({ url });
  await server.close();
  return answer;
}

describe('limitsRoutes', () => {
  it.each([
    ['', 'full'],
    ['?mode=diff', 'diff'],
    ['?mode=other', 'full'],
  ])('shows what tenants have%s', async (query, mode) => {
    const { headers, body } = await get(`/runtime_config${query}`);
    expect([headers['content-type'], body]).toEqual(['text/plain; charset=utf-8', `# ${mode}\n`]);
  });

  it("shows a tenant's limits, or the defaults", async () => {
    const own = { ingestion_rate: 5, ingestion_burst_size: 200_000, max_global_series_per_user: 3 };
    expect((await get('/api/v1/user_limits')).json()).toMatchObject(own);
    const defaults = { ingestion_rate: 0, max_global_series_per_user: 0 };
    expect((await get('/api/v1/user_limits', 'b')).json()).toMatchObject(defaults);
  });
});
