// The tenant of a request: from X-Scope-OrgID, or one for all when multi-tenancy is off.
import { WeirError } from '@weir/errors';
import { parseTenantId } from '@weir/model';
import type { FastifyRequest } from 'fastify';
import type { TenantSettings } from './http-settings.ts';

/** Throws the 401 that Mimir answers; several tenants in one header are not supported (422). */
export function tenantOf(
  request: Pick<FastifyRequest, 'headers'>,
  settings: TenantSettings,
): string {
  if (!settings.multitenancy) return settings.noAuthTenant;
  const header = request.headers['x-scope-orgid'];
  const value = Array.isArray(header) ? header[0] : header;
  if (value?.includes('|')) {
    const tenants = new Set(value.split('|').map(parseTenantId));
    if (tenants.size > 1) {
      throw new WeirError(
        'invalid',
        `too many tenant IDs present. max: 1 actual: ${tenants.size}`,
        { status: 422 },
      );
    }
    return [...tenants][0]!;
  }
  return parseTenantId(value);
}
