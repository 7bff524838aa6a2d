// Both sides of a tenant's limits: sent once, known by number, forgotten alike.
import { defaultsOf } from '@weir/config';
import { limitsFlags } from '@weir/limits';
import { expect, it } from 'vitest';
import { KnownLimits, type NumberedLimits, SentLimits } from './sent-limits.ts';

it('are sent again only when they are others, or were forgotten', () => {
  const told: NumberedLimits[] = [];
  const known = new KnownLimits();
  const sent = new SentLimits((limits) => {
    told.push(limits);
    known.take(limits);
  });
  const one = defaultsOf(limitsFlags);
  const number = sent.numberOf(one);
  expect(sent.numberOf(one)).toBe(number);
  expect([told.length, known.of(number)]).toEqual([1, one]);
  const others = Array.from({ length: 256 }, () => ({ ...one }));
  for (const other of others) expect(known.of(sent.numberOf(other))).toBe(other);
  expect(() => known.of(number)).toThrow('were not sent');
  expect(known.of(sent.numberOf(one))).toBe(one);
  expect(told).toHaveLength(258);
});
