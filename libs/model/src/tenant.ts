// Tenant ids: the rules of `X-Scope-OrgID` (Mimir: "About tenant IDs").
import { WeirError } from '@weir/errors';

export const TENANT_ID_LENGTH_MAX = 150;
const UNSUPPORTED = /[^a-zA-Z0-9!\-_.*'()]/;

/** Returns the id, or throws the 401 that Mimir answers, naming the offending character. */
export function parseTenantId(header: string | undefined): string {
  if (header === undefined || header === '') throw unauthenticated('no org id');
  if (header.length > TENANT_ID_LENGTH_MAX) {
    throw unauthenticated(`tenant ID is too long: max ${TENANT_ID_LENGTH_MAX} characters`);
  }
  const unsupported = UNSUPPORTED.exec(header);
  if (unsupported) {
    throw unauthenticated(
      `tenant ID '${header}' contains unsupported character '${unsupported[0]}'`,
    );
  }
  if (header === '.' || header === '..') throw unauthenticated("tenant ID is '.' or '..'");
  if (header === '__mimir_cluster' || header === '__weir') {
    throw unauthenticated(`tenant ID '${header}' is reserved`);
  }
  return header;
}

function unauthenticated(message: string): WeirError {
  return new WeirError('unauthenticated', message);
}
