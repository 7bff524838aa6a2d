// Durations: Go's examples, Prometheus's units, and round trips.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, printDuration } from './duration.ts';

describe('parseDuration', () => {
  const check = (text: string, ms: number | undefined) =>
    it(`reads ${JSON.stringify(text)} as ${ms}`, () => expect(parseDuration(text)).toBe(ms));
  check('0', 0);
  check('0s', 0);
  check('500ms', 500);
  check('90s', 90_000);
  check('1h30m', 5_400_000);
  check('1.5s', 1_500);
  check('250us', 0.25);
  check('1d', 86_400_000);
  check('1w', 604_800_000);
  check('1y', 31_536_000_000);
  check('-1m', -60_000);
  check('+1m', 60_000);
  check('', undefined);
  check('-', undefined);
  check('5', undefined);
  check('5 s', undefined);
  check('s', undefined);
  check('1h30', undefined);
  check('1e3s', undefined);
  check('.s', undefined);
  check('999999999999y', undefined);

  it('never throws and never yields NaN', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || Number.isFinite(ms)).toBe(true);
      }),
    );
  });
});

describe('printDuration', () => {
  it('prints as Go does', () => {
    expect([0, 250, 1_500, 60_000, 5_400_000, 86_400_000, -1_000].map(printDuration)).toEqual([
      '0s',
      '250ms',
      '1.5s',
      '1m0s',
      '1h30m0s',
      '24h0m0s',
      '-1s',
    ]);
  });

  it('is read back as the same milliseconds', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (ms) => {
        // Above some thousand years the sum of parts is no longer exact.
        const bounded = ms % 100_000_000_000_000;
        expect(parseDuration(printDuration(bounded))).toBe(bounded === 0 ? 0 : bounded);
      }),
    );
  });
});
