// Times, durations and limits as Prometheus reads them, and its error texts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Parameters, parseDuration, parseTime } from './parameters.ts';

describe('times', () => {
  it.each([
    ['0', 0],
    ['1435781451.781', 1435781451781],
    ['-1.5', -1500],
    ['1e3', 1000000],
    ['.5', 500],
    ['2015-07-01T20:10:51.781Z', 1435781451781],
    ['2015-07-01T22:10:51.781999+02:00', 1435781451781],
    ['2015-07-01T15:40:51-04:30', 1435781451000],
    ['1969-12-31T23:59:59Z', -1000],
    ['2000-02-29T00:00:00Z', 951782400000],
    ['0001-01-01T00:00:00Z', -62135596800000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseTime(text)).toBe(ms);
  });

  it.each(['', 'now', 'NaN', 'Inf', '1_000', '2015-02-30T00:00:00Z', '2015-07-01', '0x10', ' 1'])(
    'refuses %j',
    (text) => {
      expect(parseTime(text)).toBeUndefined();
    },
  );

  it('agree with the runtime for every date', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
        (date) => {
          expect(parseTime(date.toISOString())).toBe(date.getTime());
        },
      ),
    );
  });
});

describe('durations', () => {
  it.each([
    ['15', 15_000],
    ['0.25', 250],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1y2w3d4h5m6s7ms', 31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_706_007],
    ['-5', -5000],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it('are refused with the texts of Prometheus', () => {
    expect(() => parseDuration('')).toThrow('cannot parse "" to a valid duration');
    expect(() => parseDuration('30m1h')).toThrow('cannot parse "30m1h" to a valid duration');
    expect(() => parseDuration('1e10')).toThrow(
      'cannot parse "1e10" to a valid duration. It overflows int64',
    );
  });
});

describe('parameters', () => {
  const of = (text: string) => new Parameters([...new URLSearchParams(text)]);

  it('name themselves in errors', () => {
    expect(() => of('time=foo').time('time', 0)).toThrow(
      `invalid parameter "time": invalid time value for 'time': cannot parse "foo" to a valid timestamp`,
    );
    expect(() => of('start=foo').time('start')).toThrow(
      'invalid parameter "start": cannot parse "foo" to a valid timestamp',
    );
    expect(() => of('').time('start')).toThrow(
      'invalid parameter "start": cannot parse "" to a valid timestamp',
    );
    expect(() => of('step=x').duration('step')).toThrow(
      'invalid parameter "step": cannot parse "x" to a valid duration',
    );
    expect(() => of('limit=1.5').limit()).toThrow(
      'invalid parameter "limit": strconv.Atoi: parsing "1.5": invalid syntax',
    );
    expect(() => of('limit=-1').limit()).toThrow(
      'invalid parameter "limit": limit must be non-negative',
    );
    expect(() => of('limit=x').number('limit')).toThrow('limit must be a number');
  });

  it('take the first of several values, and all where several are meant', () => {
    expect(of('query=a&query=b').get('query')).toBe('a');
    expect(of('match[]=a&match[]=b').all('match[]')).toEqual(['a', 'b']);
    expect(of('').limit()).toBe(0);
  });
});
