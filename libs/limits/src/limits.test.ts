// Limits: defaults, overrides, and the rate bucket at, below and above its bounds.
import { defaultsOf } from '@weir/config';
import { describe, expect, it } from 'vitest';
import { createLimits } from './limits.ts';
import { limitsFlags } from './limits-flags.ts';
import { createRateLimiter } from './rate-limiter.ts';

const defaults = defaultsOf(limitsFlags);

describe('createLimits', () => {
  it('has the documented defaults', () => {
    expect(createLimits(defaults).forTenant('a')).toEqual({
      delayedNameRemoval: false,
      startTimestamps: false,
      typeAndUnitLabels: false,
      fetchedSeriesMax: 0,
      fetchedChunksMax: 2_000_000,
      fetchedChunkBytesMax: 0,
      queryMemoryMaxBytes: 0,
      queryExpressionMaxBytes: 0,
      queryLengthMaxMs: 0,
      queryLookbackMaxMs: 0,
      labelsLengthMaxMs: 0,
      seriesAnswerMax: 0,
      readLengthMaxMs: 0,
      experimentalFunctions: ['all'],
      extendedRangeSelectors: ['all'],
      blockedQueries: [],
      ingestionBurstFactor: 0,
      requestRate: 0,
      requestBurstSize: 0,
      labelValueStrategy: 'error',
      exemplarsPerSeriesMax: 0,
      haEnabled: false,
      haClusterLabel: 'cluster',
      haReplicaLabel: '__replica__',
      haClustersMax: 100,
      haUpdateTimeoutMs: 15_000,
      haUpdateJitterMaxMs: 5_000,
      haFailoverTimeoutMs: 30_000,
      haPerSample: false,
      haFailoverSampleTimeoutMs: 0,
      otelSuffixes: false,
      otelStrategy: '',
      otelCreatedTimes: false,
      otelPromotedAttributes: [],
      otelIdentifyingKept: false,
      otelCustomBuckets: false,
      otelScopeLabels: false,
      otelDeltas: false,
      otelKeyPrefixed: true,
      otelUnderscoresKept: true,
      ingestionRate: 0,
      ingestionBurstSize: 200_000,
      labelNameBytesMax: 1024,
      labelValueBytesMax: 2048,
      labelNamesMax: 30,
      labelNamesInfoMax: 80,
      metadataBytesMax: 1024,
      creationGraceMs: 600_000,
      pastGraceMs: 0,
      outOfOrderWindowMs: 1_800_000,
      seriesMax: 0,
      histogramsEnabled: true,
      histogramBucketsMax: 0,
      histogramsReduced: true,
      exemplarsMax: 100_000,
      seriesPerMetricMax: 0,
      metadataMax: 0,
      activeSeriesMax: 0,
      metadataPerMetricMax: 0,
      activeSeriesTrackers: {},
      cardinalityAnalysisEnabled: false,
      cardinalityResultsMax: 500,
      cardinalityLabelNamesMax: 100,
      cardinalitySizeMaxBytes: 419_430_400,
      activeSeriesSizeMaxBytes: 419_430_400,
      dropLabels: [],
      relabelRules: [],
      relabelEnabled: true,
      shardSize: 0,
      readConsistency: 'eventual',
      nameValidationScheme: 'utf8',
    });
  });

  it('puts overrides above the defaults, and asks again after a reload', () => {
    let rate = 5;
    const limits = createLimits(defaults, (tenant) =>
      tenant === 'a' ? { ingestionRate: rate } : undefined,
    );
    expect(limits.forTenant('a').ingestionRate).toBe(5);
    expect(limits.forTenant('a').labelNamesMax).toBe(30);
    expect(limits.forTenant('b').ingestionRate).toBe(0);
    rate = 6;
    expect(limits.forTenant('a').ingestionRate).toBe(5);
    limits.reload();
    expect(limits.forTenant('a').ingestionRate).toBe(6);
  });

  it('refuses values that make no sense', () => {
    expect(() => createLimits({ ...defaults, nameValidationScheme: 'x' })).toThrow(/neither utf8/);
    expect(() => createLimits({ ...defaults, relabelRules: [{ regex: '(' }] })).toThrow(
      /target_label/,
    );
    expect(() =>
      createLimits({ ...defaults, relabelRules: [{ action: 'drop', regex: '(' }] }),
    ).toThrow(/regexp/);
    expect(() => createLimits({ ...defaults, labelNamesMax: -1 })).toThrow(/labelNamesMax/);
  });
});

describe('createRateLimiter', () => {
  const setUp = () => {
    let now = 0;
    const limiter = createRateLimiter({ steadyMs: () => now });
    const rate = { rate: 10, burst: 20 };
    return {
      take: (items: number, tenant = 'a') => limiter.take(tenant, rate, items),
      limiter,
      advance: (ms: number) => {
        now += ms;
      },
    };
  };

  it('lets the burst pass at once, and no item more', () => {
    const { take } = setUp();
    expect(take(19)).toBe(true);
    expect(take(1)).toBe(true);
    expect(take(1)).toBe(false);
    expect(take(20, 'other')).toBe(true);
  });

  it('refuses more than the burst, however long one waits, and takes nothing for it', () => {
    const { take, advance } = setUp();
    advance(1e9);
    expect(take(21)).toBe(false);
    expect(take(20)).toBe(true);
  });

  it('refills at its rate up to the burst', () => {
    const { take, advance } = setUp();
    expect(take(20)).toBe(true);
    advance(999);
    expect(take(10)).toBe(false);
    advance(1);
    expect(take(10)).toBe(true);
    advance(1e6);
    expect(take(20)).toBe(true);
    expect(take(1)).toBe(false);
  });

  it('has no limit at rate 0', () => {
    const { limiter } = setUp();
    expect(limiter.take('a', { rate: 0, burst: 1 }, 1e9)).toBe(true);
  });

  it('keeps a bounded number of full buckets', () => {
    const { take, advance } = setUp();
    for (let tenant = 0; tenant < 10_000; tenant++) take(1, `t${tenant}`);
    take(20, 'busy');
    advance(500);
    take(1, 'new');
    expect(take(20, 'busy')).toBe(false);
  });
});
