// Which queries a rule forbids, and which rules are refused.
import { expect, it } from 'vitest';
import { blockedQueriesOf } from './blocked-queries.ts';

const blocks = (rule: object, query: string, range?: Parameters<typeof match>[1]) =>
  match(blockedQueriesOf([rule])[0]!, range, query);

function match(
  rule: ReturnType<typeof blockedQueriesOf>[number],
  range: { startMs: number; endMs: number; stepMs: number } | undefined,
  query: string,
): boolean {
  return rule.matches(query, range);
}

it('compares texts, or searches', () => {
  expect(blocks({ pattern: ' sum(up) ' }, 'sum(up)')).toBe(true);
  expect(blocks({ pattern: 'up' }, 'sum(up)')).toBe(false);
  expect(blocks({ pattern: 'u.', regex: true }, 'sum(up)')).toBe(true);
  expect(blocks({ pattern: '^u.|x', regex: true }, 'sum(up)')).toBe(false);
  expect(blocks({ pattern: '.*', regex: true }, 'a\nb')).toBe(true);
});

it('has all conditions hold, those of ranges for range queries only', () => {
  const all = { pattern: '.*', regex: true };
  const hour = { startMs: 0, endMs: 3_600_000, stepMs: 60_000 };
  expect(blocks({ ...all, time_range_longer_than: '1h' }, 'up', hour)).toBe(false);
  expect(blocks({ ...all, time_range_longer_than: '59m' }, 'up', hour)).toBe(true);
  expect(blocks({ ...all, time_range_longer_than: '59m' }, 'up')).toBe(false);
  expect(blocks({ ...all, step_size_shorter_than: '1m' }, 'up', hour)).toBe(false);
  expect(blocks({ ...all, step_size_shorter_than: '61s' }, 'up', hour)).toBe(true);
  expect(blocks({ ...all, unaligned_range_queries: true }, 'up', hour)).toBe(false);
  expect(blocks({ ...all, unaligned_range_queries: true }, 'up', { ...hour, endMs: 1 })).toBe(true);
  const both = { ...all, time_range_longer_than: '59m', step_size_shorter_than: '1m' };
  expect(blocks(both, 'up', hour)).toBe(false);
});

it.each([
  [{}, /needs a pattern/],
  [{ pattern: ' ' }, /needs a pattern/],
  [{ pattern: '(', regex: true }, /bad pattern/],
  [{ pattern: 'a', regexp: true }, /unknown field regexp/],
  [{ pattern: 'a', regex: 'yes' }, /neither true nor false/],
  [{ pattern: 'a', time_range_longer_than: 'x' }, /no duration/],
  ['a', /no mapping/],
])('refuses %j', (rule, error) => {
  expect(() => blockedQueriesOf([rule])).toThrow(error);
});
