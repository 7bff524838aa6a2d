// Tenant ids at, below and above their limits.
import { describe, expect, it } from 'vitest';
import { parseTenantId, TENANT_ID_LENGTH_MAX } from './tenant.ts';

describe('a tenant id', () => {
  it('may have every allowed character, up to the longest length', () => {
    expect(parseTenantId("aZ0!-_.*'()")).toBe("aZ0!-_.*'()");
    const longest = 'a'.repeat(TENANT_ID_LENGTH_MAX);
    expect(parseTenantId(longest)).toBe(longest);
  });

  it.each([
    [undefined, 'no org id'],
    ['', 'no org id'],
    ['a'.repeat(TENANT_ID_LENGTH_MAX + 1), 'tenant ID is too long: max 150 characters'],
    ['a/b', "tenant ID 'a/b' contains unsupported character '/'"],
    ['.', "tenant ID is '.' or '..'"],
    ['..', "tenant ID is '.' or '..'"],
  ])('%j is refused', (header, message) => {
    expect(() => parseTenantId(header)).toThrow(message);
  });
});
