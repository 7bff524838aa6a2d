// What the index page leads to, by the components that run here.
import type { LinkGroup } from '../admin.ts';
import type { Component } from '../configuration.ts';

const CLUSTER: LinkGroup = {
  title: 'Cluster',
  links: [
    { path: '/ingester/partition-ring', text: 'Partitions: states, owners, lag' },
    { path: '/ingester/ring', text: 'Ingesters' },
  ],
};

const GROUPS: Readonly<Partial<Record<Component, LinkGroup>>> = {
  distributor: {
    title: 'Distributor',
    links: [
      { path: '/distributor/ring', text: 'Distributors' },
      { path: '/distributor/ha_tracker', text: 'Elected replicas' },
      { path: '/distributor/all_user_stats', text: 'Series and ingestion rates of tenants' },
    ],
  },
  ingester: {
    title: 'Ingester',
    links: [
      { path: '/ingester/tenants', text: 'Tenants: heads and local blocks' },
      { path: '/ingester/prepare-partition-downscale', text: 'Draining since (JSON)' },
      { path: '/ingester/prepare-shutdown', text: 'Prepared for shutdown' },
    ],
  },
};

const LIMITS: LinkGroup = {
  title: 'Limits',
  links: [
    { path: '/runtime_config', text: 'Limits of tenants that have their own' },
    { path: '/runtime_config?mode=diff', text: 'Where these differ from the others' },
  ],
};

export function linkGroups(
  components: readonly Component[],
  { hasRuntimeConfig }: { readonly hasRuntimeConfig: boolean },
): LinkGroup[] {
  const own = components.flatMap((component) => GROUPS[component] ?? []);
  return [CLUSTER, ...(hasRuntimeConfig ? [LIMITS] : []), ...own];
}
