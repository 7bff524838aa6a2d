// The negotiation as a table, and with any header.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Coding, wantedCoding } from './accept-encoding.ts';

const GZIP_FIRST: readonly Coding[] = ['gzip', 'zstd'];

describe('the coding that a client wants', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZip', 'gzip'],
    ['zstd', 'zstd'],
    ['br, deflate', undefined],
    ['deflate, gzip, br, zstd', 'gzip'],
    ['zstd, gzip', 'gzip'],
    ['zstd, gzip;q=0.9', 'zstd'],
    ['gzip;q=0.5, zstd;q=0.501', 'zstd'],
    ['gzip;q=0, zstd', 'zstd'],
    ['gzip ; q=0.000 , zstd ; Q=0.1', 'zstd'],
    ['gzip;q=0', undefined],
    ['gzip;q=0, zstd;q=0, *', undefined],
    ['*', 'gzip'],
    ['*, gzip;q=0', 'zstd'],
    ['*;q=0.1, zstd;q=0.2', 'zstd'],
    ['*;q=0', undefined],
    ['zstd, *;q=0', 'zstd'],
    ['identity', undefined],
    ['identity;q=1, gzip;q=0.5', undefined],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity, gzip', 'gzip'],
    ['identity;q=0, zstd', 'zstd'],
    ['gzip;q=2', undefined],
    ['gzip;q=, zstd', 'zstd'],
    ['gzip;level=3', undefined],
    [['deflate', 'zstd'], 'zstd'],
  ])('of %j is %s', (header, coding) => {
    expect(wantedCoding(header, GZIP_FIRST).coding).toBe(coding);
  });

  it('is the first of equal ones', () => {
    for (const header of ['gzip, zstd', 'zstd;q=0.5, gzip;q=0.5', '*']) {
      expect(wantedCoding(header, ['zstd', 'gzip']).coding).toBe('zstd');
    }
  });

  it.each([
    ['gzip', false],
    ['gzip, identity;q=0', true],
    ['gzip, *;q=0', true],
    ['gzip, *;q=0, identity;q=0.1', false],
    ['identity;q=0', false],
    ['*;q=0', false],
  ])('of %j refuses plain answers: %s', (header, refuses) => {
    expect(wantedCoding(header, GZIP_FIRST).refusesPlain).toBe(refuses);
  });

  it('never is one that was refused', () => {
    const name = fc.constantFrom('gzip', 'zstd', 'identity', '*', 'br');
    const weight = fc.constantFrom('', ';q=0', ';q=0.3', ';q=0.7', ';q=1', ' ; q=0.0');
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, weight), { selector: ([key]) => key }), (all) => {
        const { coding } = wantedCoding(all.map((entry) => entry.join('')).join(', '), GZIP_FIRST);
        if (coding === undefined) return;
        const said = all.find(([key]) => key === coding) ?? all.find(([key]) => key === '*');
        expect(said).toBeDefined();
        expect(said![1]).not.toMatch(/q=0(\.0)?$/);
      }),
    );
    fc.assert(fc.property(fc.string(), (any) => wantedCoding(any, GZIP_FIRST) !== undefined));
  });
});
