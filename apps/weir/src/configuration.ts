// Every module's flags in one place, and how the command line becomes settings.
import { bucketFlags } from '@weir/bucket';
import { catalogFlags } from '@weir/catalog';
import { clusterFlags } from '@weir/cluster/kafka';
import { type ParsedConfig, parseConfig, type SettingsOfAll } from '@weir/config';
import { distributorFlags } from '@weir/distributor';
import { WeirError } from '@weir/errors';
import { httpFlags, tenantFlags } from '@weir/http';
import { ingesterFlags } from '@weir/ingester';
import { limitsFlags } from '@weir/limits';
import { kafkaFlags } from '@weir/log/kafka';
import { querierFlags } from '@weir/querier';
import { TARGETS, weirFlags } from './flags.ts';

export const modules = {
  weir: weirFlags,
  server: httpFlags,
  tenants: tenantFlags,
  distributor: distributorFlags,
  limits: limitsFlags,
  ingester: ingesterFlags,
  querier: querierFlags,
  bucket: bucketFlags,
  catalog: catalogFlags,
  kafka: kafkaFlags,
  cluster: clusterFlags,
};

export type Configuration = SettingsOfAll<typeof modules>;

export type Component = 'distributor' | 'ingester' | 'querier';

const COMPONENTS: readonly Component[] = ['distributor', 'ingester', 'querier'];

export function parseCommandLine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): ParsedConfig<typeof modules> {
  return parseConfig(modules, { argv, env, readFile });
}

/** The components that `-target` names; throws `invalid` for one that doesn't exist. */
export function componentsOf(targets: readonly string[]): readonly Component[] {
  const unknown = targets.find((target) => !TARGETS.some((known) => known === target));
  if (unknown !== undefined || targets.length === 0) {
    throw new WeirError(
      'invalid',
      `-target=${unknown ?? ''} is not known; it is one of ${TARGETS.join(', ')}`,
    );
  }
  if (targets.includes('all')) return COMPONENTS;
  return COMPONENTS.filter((component) => targets.includes(component));
}
