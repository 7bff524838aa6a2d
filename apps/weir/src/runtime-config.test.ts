// The runtime configuration file: read at the start, again later, and what happens when it is broken.
import { defaultsOf } from '@weir/config';
import { instanceLimitsFlags } from '@weir/distributor';
import { limitsFlags } from '@weir/limits';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createRuntimeConfig } from './runtime-config.ts';

function setUp(content: string, file = 'runtime.yaml') {
  const state = { content, second: '', due: () => {} };
  const telemetry = silentTelemetry();
  const warnings: unknown[] = [];
  const warn = ({ unapplied }: { readonly unapplied?: unknown }) => warnings.push(unapplied);
  const log = Object.assign(Object.create(telemetry.log), { warn });
  const runtime = createRuntimeConfig(
    {
      ...{ file, reloadPeriodMs: 10, defaults: { ...defaultsOf(limitsFlags), labelNamesMax: 7 } },
      instanceDefaults: { ...defaultsOf(instanceLimitsFlags), inflightPushesMax: 9 },
    },
    {
      readFile: (path) => (path === 'second.yaml' ? state.second : state.content),
      check: ({ activeSeriesTrackers }) => {
        if (Object.hasOwn(activeSeriesTrackers, 'bad')) throw new Error('bad tracker');
      },
      clock: {
        after(_ms, callback) {
          state.due = callback;
          return { cancel: () => {} };
        },
      },
      telemetry: { ...telemetry, log },
    },
  );
  return { state, runtime, warnings, of: (tenant: string) => runtime.limits.forTenant(tenant) };
}

const FILE = 'overrides:\n  a:\n    ingestion_rate: 5\n    drop_labels: [x]\n';

describe('createRuntimeConfig', () => {
  it('overrides the limits of tenants, over what the process was given', () => {
    const { of, runtime } = setUp(FILE);
    expect(of('a')).toMatchObject({ ingestionRate: 5, dropLabels: ['x'], labelNamesMax: 7 });
    expect(of('b')).toMatchObject({ ingestionRate: 0, labelNamesMax: 7 });
    const own = 'ingestion_rate: 5\n    drop_labels:\n      - x\n';
    expect(runtime.text('diff')).toBe(`overrides:\n  a:\n    ${own}`);
    expect(runtime.text('full')).toContain('max_label_names_per_series: 7\n');
  });

  it('takes several files, of which the later wins', () => {
    const { of, state } = setUp(FILE, 'runtime.yaml, second.yaml');
    state.second = 'overrides: {a: {ingestion_rate: 6}, b: {ingestion_rate: 7}}';
    state.due();
    expect(of('a')).toMatchObject({ ingestionRate: 6, dropLabels: ['x'] });
    expect(of('b').ingestionRate).toBe(7);
  });

  it('takes what changes later', () => {
    const { of, state } = setUp(FILE);
    expect(of('b').ingestionRate).toBe(0);
    state.content = 'overrides: {b: {ingestion_rate: 6}}';
    state.due();
    expect([of('a').ingestionRate, of('b').ingestionRate]).toEqual([0, 6]);
    state.content = '';
    state.due();
    expect(of('b').ingestionRate).toBe(0);
  });

  it('sets limits of distributors, over what the process was given', () => {
    const { runtime, state } = setUp('distributor_limits: {max_ingestion_rate: 2.5}');
    const now = () => runtime.instanceLimits();
    expect(now()).toMatchObject({ ingestionRateMax: 2.5, inflightPushesMax: 9 });
    expect(runtime.text('diff')).toContain('distributor_limits:\n  max_ingestion_rate: 2.5\n');
    expect(runtime.text('full')).toContain('max_inflight_push_requests: 9\n');
    state.content = 'distributor_limits: {max_inflight_push_requests: 1}';
    state.due();
    expect(now()).toMatchObject({ ingestionRateMax: 0, inflightPushesMax: 1 });
    state.content = 'overrides: {}';
    state.due();
    expect(now().inflightPushesMax).toBe(9);
    expect(runtime.text('diff')).not.toContain('distributor_limits');
  });

  it('reads limits of ingesters, applies none, and says what to use instead', () => {
    const { of, state, warnings } = setUp(
      `${FILE}ingester_limits: {max_series: 1500000, max_tenants: 0, max_ingestion_rate: 1.5e4}`,
    );
    expect(of('a').ingestionRate).toBe(5);
    const said = [
      'max_ingestion_rate: set distributor_limits',
      'max_series: set max_global_series_per_user of tenants',
    ];
    expect(warnings).toEqual([said]);
    state.due();
    expect(warnings).toEqual([said]);
    state.content =
      'ingester_limits: {max_tenants: 1, max_inflight_push_requests: 2, max_inflight_push_requests_bytes: 3}';
    state.due();
    expect(warnings[1]).toHaveLength(3);
    state.content = 'ingester_limits: {}';
    state.due();
    expect(warnings).toHaveLength(2);
  });

  const BROKEN = [
    ['{', /not YAML/],
    ['limits: {}', /unknown key "limits"/],
    ['overrides: []', /"overrides" must be a mapping/],
    ['overrides: {a: {ingestion_rat: 1}}', /overrides of a: .*ingestion_rate/],
    ['overrides: {a: {ingestion_rate: x}}', /overrides of a: /],
    ['overrides: {a: {ingestion_rate: -1}}', /below 0/],
    ['distributor_limits: {max_ingestion_rat: 1}', /distributor_limits: .*max_ingestion_rate/],
    ['distributor_limits: {max_ingestion_rate: -1}', /distributor_limits: .*below 0/],
    ['ingester_limits: {max_serie: 1}', /ingester_limits: .*max_serie/],
    ['ingester_limits: {max_series: many}', /ingester_limits: .*many/],
    ['ingester_limits: 7', /"ingester_limits" must be a mapping/],
    ['distributor_limits: []', /"distributor_limits" must be a mapping/],
    ['overrides: {a: {active_series_custom_trackers: {bad: x}}}', /bad tracker/],
  ] as const;

  it.each(BROKEN)('does not start with %s', (content, message) => {
    expect(() => setUp(content)).toThrow(message);
  });

  it.each(BROKEN)('stays with what it has for %s', (content) => {
    const { of, state } = setUp(FILE);
    state.content = content;
    state.due();
    expect(of('a').ingestionRate).toBe(5);
    state.content = 'overrides: {a: {ingestion_rate: 8}}';
    state.due();
    expect(of('a').ingestionRate).toBe(8);
  });

  it('is nothing without a file', () => {
    expect(setUp(FILE, '').of('a').ingestionRate).toBe(0);
  });
});
