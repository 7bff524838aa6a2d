// The refusal of a query that the operator has forbidden, and how it is known again where refusals are counted.
import { WeirError } from '@weir/errors';
import { withId } from '@weir/wire';

const BLOCKED = 'the request has been blocked by the cluster administrator';

export function blockedQuery(reason: string): WeirError {
  const because = reason === '' ? '' : ` ${reason}`;
  return new WeirError('invalid', withId(BLOCKED + because, 'query-blocked'));
}

export function isBlockedQuery(error: unknown): boolean {
  return error instanceof WeirError && error.message.startsWith(BLOCKED);
}
