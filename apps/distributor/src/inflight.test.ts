// The budget of pushes in flight: at its limit, and shared among tenants.
import { systemClock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { createInflight, type InflightShare } from './inflight.ts';

function setUp(inflightPushesMax: number, inflightBytesMax: number) {
  let nowMs = 0;
  const sheds: string[] = [];
  const inflight = createInflight(
    { inflightPushesMax, inflightBytesMax },
    { inflight: () => undefined, shed: (reason) => sheds.push(reason) },
    { ...systemClock, steadyMs: () => nowMs },
  );
  /** How many pushes of `sizeBytes` a tenant gets in, up to `most`. */
  const fill = (tenant: string, sizeBytes: number, most = 10_000): InflightShare[] => {
    const shares: InflightShare[] = [];
    try {
      while (shares.length < most) {
        const share = inflight.enter(tenant);
        try {
          share.add(sizeBytes);
        } catch (error) {
          share.release();
          throw error;
        }
        shares.push(share);
      }
    } catch {
      // Full: what got in counts.
    }
    return shares;
  };
  return {
    inflight,
    fill,
    sheds,
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('pushes in flight', () => {
  it('are refused above the limit, not at it', () => {
    const { fill, sheds } = setUp(10, 0);
    const shares = fill('a', 1);
    expect(shares).toHaveLength(10);
    expect(sheds).toEqual(['distributor_max_inflight_push_requests']);
    shares[0]!.release();
    shares[0]!.release();
    expect(fill('a', 1)).toHaveLength(1);
  });

  it('are bounded by bytes, too, and not at all by 0', () => {
    const { fill, sheds } = setUp(0, 1000);
    expect(fill('a', 100)).toHaveLength(10);
    expect(sheds).toEqual(['distributor_max_inflight_push_requests_bytes']);
    expect(setUp(0, 0).fill('a', 1e9)).toHaveLength(10_000);
  });

  it('of one tenant leave a fifth free when others push, and of two a ninth', () => {
    const { fill } = setUp(0, 1000);
    fill('quiet', 1, 1)[0]!.release();
    expect(fill('flood', 10)).toHaveLength(80);
    expect(fill('quiet', 10, 10)).toHaveLength(10);
    const two = setUp(0, 900);
    two.fill('quiet', 1, 1)[0]!.release();
    let more = true;
    let held = 0;
    while (more) {
      const both = [...two.fill('x', 1, 1), ...two.fill('y', 1, 1)];
      held += both.length;
      more = both.length > 0;
    }
    expect(held).toBe(800);
    expect(two.fill('quiet', 100, 1)).toHaveLength(1);
  });

  it('have the whole room again when nobody else has pushed for a minute', () => {
    const { fill, advance } = setUp(100, 0);
    fill('quiet', 1, 1)[0]!.release();
    const shares = fill('flood', 1);
    expect(shares).toHaveLength(80);
    advance(59_999);
    expect(fill('flood', 1)).toHaveLength(0);
    advance(60_001);
    expect(fill('flood', 1)).toHaveLength(20);
  });

  it('are refused for what they announce, which holds no room', () => {
    const { fill, inflight } = setUp(0, 1000);
    const share = inflight.enter('a');
    share.expect(1000);
    expect(() => share.expect(1001)).toThrow('total size in bytes');
    share.expect(1000);
    const others = fill('a', 600, 1);
    expect(() => share.expect(401)).toThrow('total size in bytes');
    share.expect(400);
    others[0]!.release();
    share.add(1000);
  });

  it('are shown with every byte', () => {
    const seen: number[][] = [];
    const metrics = { inflight: (...now: number[]) => seen.push(now), shed: () => undefined };
    const settings = { inflightPushesMax: 0, inflightBytesMax: 0 };
    const share = createInflight(settings, metrics, systemClock).enter('a');
    share.add(7);
    share.add(5);
    share.release();
    expect(seen).toEqual([
      [1, 0],
      [1, 7],
      [1, 12],
      [0, 0],
    ]);
  });

  it("are let in where they are their tenant's only one, however large", () => {
    const { fill, inflight } = setUp(0, 1000);
    fill('other', 1, 1)[0]!.release();
    const share = inflight.enter('a');
    share.add(600);
    share.add(400);
    expect(() => share.add(1)).toThrow('inflight push requests');
  });
});
