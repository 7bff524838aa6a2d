// Who goes on: by zone, health, target, and who drains since when.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceEntry } from './cluster.ts';
import { viewOf } from './fold.ts';
import { hasSuccessor, othersStay } from './succession.ts';

const ingester = (id: string, more: Partial<InstanceEntry> = {}): InstanceEntry => ({
  ...{ kind: 'instance', id, address: `${id}:80`, zone: 'z', targets: ['ingester'] },
  ...{ heartbeatMs: 0, ...more },
});
const own = { instanceId: 'b', zone: 'z', heartbeatTimeoutMs: 60_000 };

describe('succession', () => {
  it('is by healthy ingesters of the zone that stay, or stay longer', () => {
    const has = (other: InstanceEntry, nowMs = 0) =>
      hasSuccessor(viewOf([ingester('b'), other]), own, 1000, nowMs);
    expect(has(ingester('a'))).toBe(true);
    expect(has(ingester('a'), 59_999)).toBe(true);
    expect(has(ingester('a'), 60_000)).toBe(false);
    expect(has(ingester('a', { zone: 'y' }))).toBe(false);
    expect(has(ingester('a', { leavingSinceMs: 0 }))).toBe(false);
    expect(has(ingester('a', { targets: ['distributor'] }))).toBe(false);
    expect(has(ingester('a', { drainingSinceMs: 999 }))).toBe(false);
    expect(has(ingester('a', { drainingSinceMs: 1000 }))).toBe(false);
    expect(has(ingester('c', { drainingSinceMs: 1000 }))).toBe(true);
    expect(has(ingester('a', { drainingSinceMs: 1001 }))).toBe(true);
    expect(hasSuccessor(viewOf([ingester('b')]), own, 1000, 0)).toBe(false);
  });

  it('of those that drain leaves exactly one in each zone, where none stays', () => {
    const times = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(times, (since) => {
        const all = since.map((drainingSinceMs, at) => ingester(`i${at}`, { drainingSinceMs }));
        const view = viewOf(all);
        const last = all.filter(
          ({ id, drainingSinceMs }) =>
            !hasSuccessor(view, { ...own, instanceId: id }, drainingSinceMs!, 0),
        );
        expect(last.length).toBe(1);
      }),
    );
  });

  it('needs nobody to flush where somebody stays, in whatever zone', () => {
    const stay = (...others: InstanceEntry[]) =>
      othersStay(viewOf([ingester('b'), ...others]), own, 0);
    expect(stay()).toBe(false);
    expect(stay(ingester('a'))).toBe(true);
    expect(stay(ingester('a', { zone: 'y' }))).toBe(true);
    expect(stay(ingester('a', { leavingSinceMs: 0 }))).toBe(false);
    expect(stay(ingester('a', { targets: ['querier'] }))).toBe(false);
    expect(stay(ingester('a', { heartbeatMs: -60_000 }))).toBe(false);
    expect(stay(ingester('a', { drainingSinceMs: 0 }))).toBe(false);
    expect(stay(ingester('a', { shutdownPreparedMs: 0 }))).toBe(false);
    expect(stay(ingester('a', { shutdownPreparedMs: 0 }), ingester('c'))).toBe(true);
  });
});
