// Rates tick by tick, on a clock that stands still until it is moved.
import { describe, expect, it } from 'vitest';
import { createIngestionRates } from './ingestion-rates.ts';

function setUp() {
  const time = { ms: 1_000_000 };
  return { time, rates: createIngestionRates({ steadyMs: () => time.ms }) };
}

describe('createIngestionRates', () => {
  it('has none before the first tick, then what came in it', () => {
    const { time, rates } = setUp();
    rates.add([{ tenant: 'a', samples: 500, ruleSamples: 100 }]);
    time.ms += 4_999;
    expect(rates.of('a')).toEqual({ api: 0, rules: 0 });
    time.ms += 1;
    expect(rates.of('a')).toEqual({ api: 80, rules: 20 });
    expect(rates.of('b')).toEqual({ api: 0, rules: 0 });
  });

  it('goes over to another rate slowly, and forgets who sends nothing', () => {
    const { time, rates } = setUp();
    const push = (samples: number) => {
      rates.add([{ tenant: 'a', samples, ruleSamples: 0 }]);
      time.ms += 5_000;
    };
    push(500);
    push(1000);
    expect(rates.of('a').api).toBeCloseTo(107);
    for (let at = 0; at < 100; at++) push(1000);
    expect(rates.of('a').api).toBeCloseTo(200, 0);
    time.ms += 50_000;
    expect(rates.of('a').api).toBeCloseTo(200 * 0.93 ** 10, 0);
    time.ms += 1_000_000;
    expect(rates.of('a')).toEqual({ api: 0, rules: 0 });
  });

  it('keeps tenants apart, and counts those that come later from their first tick', () => {
    const { time, rates } = setUp();
    rates.add([{ tenant: 'a', samples: 5, ruleSamples: 0 }]);
    time.ms += 20_000;
    rates.add([{ tenant: 'b', samples: 50, ruleSamples: 50 }]);
    time.ms += 5_000;
    expect(rates.of('b')).toEqual({ api: 0, rules: 10 });
    expect(rates.of('a').api).toBeCloseTo(0.93 ** 4);
  });
});
