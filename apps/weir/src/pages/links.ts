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

export function linkGroups(components: readonly Component[]): LinkGroup[] {
  return [CLUSTER, ...components.flatMap((component) => GROUPS[component] ?? [])];
}
