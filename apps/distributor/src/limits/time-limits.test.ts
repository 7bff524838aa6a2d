// Times of samples and native histograms: under, at and over what lies too far ahead or behind, in each protocol.
import type { TenantLimits } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { NOW } from '../push-fixture.ts';
import {
  ALL,
  PART,
  type Probe,
  type Protocol,
  REMOTE_WRITE,
  send,
  WHOLE,
} from './limit-fixture.ts';

const contact = (flag: string) =>
  `. To adjust the related per-tenant limit, configure -validation.${flag}, or contact your service administrator.`;
const ahead = (ms: number) =>
  `received a sample whose timestamp is too far in the future, timestamp: ${NOW + ms} series: 'm' (err-mimir-too-far-in-future)${contact('create-grace-period')}`;
const behind = (ms: number) =>
  `received a sample whose timestamp is too far in the past, timestamp: ${NOW - ms} series: 'm' (err-mimir-too-far-in-past)${contact('past-grace-period')}`;

const MINUTE = 60_000;
const past = { pastGraceMs: 5 * MINUTE, outOfOrderWindowMs: MINUTE };

type Case = readonly [string, Partial<TenantLimits>, number, string?];

const CASES: readonly Case[] = [
  ['ahead, under the limit', { creationGraceMs: 1000 }, 999],
  ['ahead, at the limit', { creationGraceMs: 1000 }, 1000],
  ['ahead, over the limit', { creationGraceMs: 1000 }, 1001, ahead(1001)],
  ['now, with no grace', { creationGraceMs: 0 }, 0],
  ['ahead, with no grace', { creationGraceMs: 0 }, 1, ahead(1)],
  ['ahead, at the default limit', {}, 10 * MINUTE],
  ['ahead, over the default limit', {}, 10 * MINUTE + 1, ahead(10 * MINUTE + 1)],
  ['behind, under the limit', past, -6 * MINUTE + 1],
  ['behind, at the limit', past, -6 * MINUTE],
  ['behind, over the limit', past, -6 * MINUTE - 1, behind(6 * MINUTE + 1)],
  ['behind, no window', { ...past, outOfOrderWindowMs: 0 }, -5 * MINUTE],
  [
    'behind, no window, over',
    { ...past, outOfOrderWindowMs: 0 },
    -5 * MINUTE - 1,
    behind(5 * MINUTE + 1),
  ],
  ['behind, the default limit is none', {}, -1_000_000_000],
  ['at the beginning of time', {}, -NOW],
];

const outcomeOf = (protocol: Protocol, refusal: string | undefined) => ({
  status: (refusal === undefined ? WHOLE : PART)[protocol],
  refusal: refusal ?? '',
  stored: refusal === undefined ? 1 : 0,
  rejected: refusal !== undefined && protocol === 'OTLP' ? 1 : 0,
});
const cases = (protocols: readonly Protocol[]) =>
  CASES.flatMap(([title, limits, ms, refusal]) =>
    protocols.map((protocol) => [protocol, title, { limits, ms, refusal }] as const),
  );

describe('times of samples', () => {
  it.each(cases(ALL))('%s: %s', async (protocol, _title, { limits, ms, refusal }) => {
    const probe: Probe = { metric: 'm', samples: [{ value: 1, timestamp: NOW + ms }] };
    // No time at all is now for OTLP, as for Mimir.
    const unset = protocol === 'OTLP' && NOW + ms === 0;
    const outcome = await send(protocol, probe, { limits });
    expect(outcome).toEqual(unset ? outcome : outcomeOf(protocol, refusal));
  });

  it.each(ALL)('%s: of a series the good ones are stored', async (protocol) => {
    const times = [-6 * MINUTE - 1, 0, 10 * MINUTE + 1, 1];
    const samples = times.map((ms) => ({ value: 1, timestamp: NOW + ms }));
    const outcome = await send(protocol, { metric: 'm', samples }, { limits: past });
    expect(outcome).toEqual({
      status: PART[protocol],
      refusal: behind(6 * MINUTE + 1),
      stored: 2,
      rejected: protocol === 'OTLP' ? 2 : 0,
    });
  });
});

describe('times of native histograms', () => {
  it.each(cases(REMOTE_WRITE))('%s: %s', async (protocol, _title, { limits, ms, refusal }) => {
    const histogram = { countInt: 0, zeroCountInt: 0, schema: 0, timestamp: NOW + ms };
    const probe: Probe = { metric: 'm', histograms: [histogram] };
    expect(await send(protocol, probe, { limits })).toEqual(outcomeOf(protocol, refusal));
  });
});

const sameTime = (protocol: Protocol) =>
  `received two samples of one series with the same timestamp and different values in one request; the first was kept, timestamp: ${NOW} series: '${protocol === 'line protocol' ? 'm{__mimir_source__="influx"}' : 'm'}' (err-mimir-sample-duplicate-timestamp)`;

describe('two samples of one time', () => {
  it.each(REMOTE_WRITE)('%s: of two values the first is stored', async (protocol) => {
    const samples = [1, 2].map((value) => ({ value, timestamp: NOW }));
    const outcome = await send(protocol, { metric: 'm', samples });
    expect(outcome).toEqual({ status: 400, refusal: sameTime(protocol), stored: 1, rejected: 0 });
  });

  it.each(REMOTE_WRITE)('%s: of one value one is stored', async (protocol) => {
    const samples = [1, 1].map((value) => ({ value, timestamp: NOW }));
    const outcome = await send(protocol, { metric: 'm', samples });
    expect(outcome).toEqual({ status: WHOLE[protocol], refusal: '', stored: 1, rejected: 0 });
  });
});
