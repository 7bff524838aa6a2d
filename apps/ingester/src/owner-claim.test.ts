// What the cluster says of an owner stays what the owner said last, whatever arrives late.
import type { Cluster, OutbidEntries, OwnerEntry } from '@weir/cluster';
import { createMemoryCluster } from '@weir/cluster/memory';
import { WeirError } from '@weir/errors';
import { silentTelemetry } from '@weir/telemetry';
import { beforeEach, describe, expect, it } from 'vitest';
import { createOwnerClaim, type OwnerClaim } from './owner-claim.ts';
import { createManualClock } from './testing/world.ts';

const entry = (more: Partial<OwnerEntry>): OwnerEntry => ({
  ...{ kind: 'owner', partition: 3, zone: 'a', instance: 'one', serving: false, claim: 1 },
  ...more,
});

let cluster: Cluster;
let put: OwnerEntry[];
let refusing: boolean;
let reclaims: number;
let claim: OwnerClaim;
const clock = createManualClock(0);
const now = () => cluster.view.owners.get('3/a');
const settled = () => clock.yield();

beforeEach(() => {
  cluster = createMemoryCluster();
  put = [];
  refusing = false;
  reclaims = 0;
  claim = createOwnerClaim(
    { partition: 3, instanceId: 'one', zone: 'a' },
    {
      cluster: {
        ...cluster,
        put(given) {
          put.push(given as OwnerEntry);
          return refusing
            ? Promise.reject(new WeirError('unavailable', 'down'))
            : cluster.put(given);
        },
      },
      clock,
      logger: silentTelemetry().log,
      failed: () => undefined,
      reclaim: () => reclaims++,
    },
  );
});

async function serving(): Promise<void> {
  await claim.claimAbove(4);
  claim.serve();
  await settled();
  expect(now()).toMatchObject(entry({ serving: true, claim: 5 }));
  expect(claim).toMatchObject({ held: true, serving: true, announced: true });
}

describe('the claim of an owner', () => {
  it('is above the manifest and above every claim in the cluster', async () => {
    await cluster.put(entry({ instance: 'two', zone: 'b', claim: 9 }));
    await claim.claimAbove(4);
    expect(claim.epoch).toBe(10);
    await claim.claimAbove(30);
    expect(claim.epoch).toBe(31);
  });

  it('names who answers until it serves, whoever tried in between', async () => {
    await cluster.put(entry({ instance: 'two', serving: true }));
    await claim.claimAbove(0);
    expect(now()).toEqual(entry({ claim: 2, handedBy: 'two' }));
    await claim.claimAbove(2);
    expect(now()).toEqual(entry({ claim: 3, handedBy: 'two' }));
    claim.serve();
    await settled();
    expect(now()).toMatchObject({ serving: true, instance: 'one' });
    expect(now()?.handedBy).toBe(undefined);
    claim.unserve();
    await claim.tell();
    expect(now()?.handedBy).toBe(undefined);
  });

  it('passes on who answers from one that never served, and never names itself or nobody', async () => {
    const before = async (more: Partial<OwnerEntry>, claimed: number) => {
      await cluster.put(entry({ instance: 'two', claim: claimed, ...more }));
      claim.renew();
      await claim.claimAbove(claimed);
      return now()?.handedBy;
    };
    expect(await before({ handedBy: 'three' }, 10)).toBe('three');
    expect(await before({ handedBy: 'one' }, 20)).toBe(undefined);
    expect(await before({}, 30)).toBe(undefined);
  });

  it('is said again after an entry of a former life came late, with the same claim or a higher one', async () => {
    await serving();
    await cluster.put(entry({ claim: 5 }));
    await settled();
    expect(now()).toMatchObject(entry({ serving: true, claim: 5 }));
    await cluster.put(entry({ claim: 8 }));
    await settled();
    expect(now()).toMatchObject(entry({ serving: true, claim: 8 }));
    expect(claim).toMatchObject({ epoch: 8, held: true, announced: true });
  });

  it('is not announced before the correction is there, and the next upkeep tries again', async () => {
    await serving();
    refusing = true;
    await cluster.put(entry({ claim: 5 }));
    await settled();
    expect(claim.announced).toBe(false);
    expect(put).toHaveLength(3);
    refusing = false;
    claim.serve();
    await settled();
    expect(claim.announced).toBe(true);
    expect(now()?.serving).toBe(true);
  });

  it('is repeated after an outbid entry, which may be all that compaction leaves', async () => {
    await serving();
    const seen: OutbidEntries[] = [];
    cluster.subscribe((outbid) => seen.push(outbid));
    await cluster.put(entry({ instance: 'two', claim: 4 }));
    await cluster.put(entry({ instance: 'two', partition: 4, claim: 4 }));
    await settled();
    expect(seen.flat()).toHaveLength(1);
    expect(put.slice(2)).toMatchObject([entry({ serving: true, claim: 5 })]);
  });

  it('says nothing more about a partition that is another owner’s', async () => {
    await serving();
    await cluster.put(entry({ instance: 'two', claim: 6 }));
    await cluster.put(entry({ instance: 'one', claim: 5 }));
    await settled();
    expect(put).toHaveLength(2);
    expect(claim.held).toBe(false);
    clock.advance(30_000);
    expect(reclaims).toBe(1);
  });

  it('is restored when the group gives the partition back, unless another has claimed it', async () => {
    await serving();
    claim.revoke();
    expect(claim.held).toBe(false);
    expect(claim.restore()).toBe(true);
    expect(claim).toMatchObject({ held: true, announced: true });
    claim.revoke();
    await cluster.put(entry({ instance: 'two', claim: 6 }));
    expect(claim.restore()).toBe(false);
    expect(claim.held).toBe(false);
    expect(put).toHaveLength(2);
  });

  it('is restored for good: the time until a claim is made again begins with the next outbidding', async () => {
    await serving();
    claim.revoke();
    claim.restore();
    clock.advance(20_000);
    await cluster.put(entry({ instance: 'two', claim: 6 }));
    clock.advance(29_999);
    expect(reclaims).toBe(0);
    clock.advance(1);
    expect(reclaims).toBe(1);
  });

  it('is not restored once closed', async () => {
    await serving();
    claim.revoke();
    claim.close();
    expect(claim.restore()).toBe(false);
  });

  it('is not made after the group took the partition away, nor after the end', async () => {
    claim.revoke();
    await expect(claim.claimAbove(0)).rejects.toMatchObject({ kind: 'fenced' });
    claim.renew();
    await expect(claim.claimAbove(0)).rejects.toMatchObject({ kind: 'fenced' });
    clock.advance(30_000);
    expect([put, reclaims]).toEqual([[], 0]);
  });

  it('is silent once closed', async () => {
    await serving();
    claim.close();
    await cluster.put(entry({ claim: 5 }));
    await settled();
    await expect(claim.claimAbove(0)).rejects.toMatchObject({ kind: 'fenced' });
    expect(put).toHaveLength(2);
  });
});
