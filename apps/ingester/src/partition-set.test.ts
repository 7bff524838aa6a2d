// What becomes of partitions that the group gives and takes: who keeps answering, for how long, and when they
// are closed.
import type { OwnerEntry } from '@weir/cluster';
import { createMemoryCluster } from '@weir/cluster/memory';
import type { GroupEvents } from '@weir/log';
import { silentTelemetry } from '@weir/telemetry';
import { beforeEach, describe, expect, it } from 'vitest';
import type { OwnedPartition } from './owned-partition.ts';
import { createPartitionSet, type PartitionSet } from './partition-set.ts';
import { createManualClock } from './testing/world.ts';

const MINUTE_MS = 60_000;

let cluster: ReturnType<typeof createMemoryCluster>;
let clock: ReturnType<typeof createManualClock>;
let events: string[];
let serving: boolean;
let restorable: boolean;
let set: PartitionSet;
let group: GroupEvents;

beforeEach(() => {
  cluster = createMemoryCluster();
  clock = createManualClock(0);
  events = [];
  serving = true;
  restorable = false;
  set = createPartitionSet(
    { instanceId: 'one', zone: 'z' },
    { cluster, clock, logger: silentTelemetry().log, open },
  );
  group = set.events();
});

function open(partition: number): OwnedPartition {
  events.push(`open ${partition}`);
  // Of a partition only what the set asks for.
  return {
    partition,
    get serving() {
      return serving;
    },
    disown: () => events.push(`disown ${partition}`),
    restore: () => restorable,
    stop: async () => void events.push(`stop ${partition}`),
  } as unknown as OwnedPartition;
}

const owner = (more: Partial<OwnerEntry>) =>
  cluster.put({
    ...{ kind: 'owner', partition: 3, zone: 'z', instance: 'two', serving: false, claim: 2 },
    ...more,
  });
const settled = async () => {
  for (let turn = 0; turn < 5; turn++) await clock.yield();
};
const advance = async (ms: number) => {
  clock.advance(ms);
  await settled();
};

async function owned(): Promise<void> {
  group.assigned([3]);
  await settled();
  await owner({ instance: 'one', serving: true, claim: 1 });
}

describe('partitions', () => {
  it('taken away in order are kept until a moment after the successor serves', async () => {
    await owned();
    group.revoked([3]);
    expect([events, set.owned.size, [...set.handingOver]]).toEqual([
      ['open 3', 'disown 3'],
      1,
      [3],
    ]);
    await owner({ handedBy: 'one' });
    await advance(9 * MINUTE_MS);
    await owner({ serving: true });
    await advance(1999);
    expect([set.owned.size, set.changing]).toEqual([1, false]);
    await advance(1);
    expect([set.owned.size, set.handingOver.size, events.at(-1)]).toEqual([0, 0, 'stop 3']);
  });

  it('are closed at once where nobody is sent here', async () => {
    await owned();
    serving = false;
    group.revoked([3]);
    expect([set.owned.size, events]).toEqual([0, ['open 3', 'disown 3', 'stop 3']]);
    serving = true;
    await owned();
    group.revoked([3]);
    await owner({ handedBy: 'three' });
    expect(set.owned.size).toBe(0);
  });

  it('are closed after ten minutes though nobody has caught up', async () => {
    await owned();
    group.revoked([3]);
    await owner({ handedBy: 'one' });
    await advance(10 * MINUTE_MS - 1);
    expect(set.owned.size).toBe(1);
    await advance(1);
    expect(set.owned.size).toBe(0);
  });

  it('lost answer on like those that are handed over, and go on when they come back', async () => {
    await owned();
    group.lost([3]);
    await settled();
    expect([set.owned.size, events]).toEqual([1, ['open 3', 'disown 3']]);
    restorable = true;
    group.assigned([3]);
    await settled();
    expect([set.handingOver.size, events]).toEqual([0, ['open 3', 'disown 3']]);
  });

  it('lost are closed at once where another has claimed them without knowing who answers', async () => {
    await owned();
    await owner({});
    group.lost([3]);
    await settled();
    expect([set.owned.size, events]).toEqual([0, ['open 3', 'disown 3', 'stop 3']]);
  });

  it('that come back before they were handed over go on, or are opened anew where another claimed', async () => {
    await owned();
    group.revoked([3]);
    restorable = true;
    group.assigned([3]);
    await settled();
    expect([events, set.handingOver.size]).toEqual([['open 3', 'disown 3'], 0]);
    await advance(10 * MINUTE_MS);
    expect(set.owned.size).toBe(1);
    group.revoked([3]);
    restorable = false;
    group.assigned([3]);
    await settled();
    expect(events).toEqual(['open 3', 'disown 3', 'disown 3', 'stop 3', 'open 3']);
    expect(set.handingOver.size).toBe(0);
  });

  it('of a membership that was given up are handed over, and its events say nothing', async () => {
    await owned();
    set.left();
    expect([...set.handingOver]).toEqual([3]);
    group.assigned([4]);
    group.revoked([3]);
    await settled();
    expect([...set.owned.keys()]).toEqual([3]);
    set.events().assigned([4]);
    await settled();
    expect([...set.owned.keys()]).toEqual([3, 4]);
  });

  it('wake who waits for them, and for the end of handing over', async () => {
    const waited = set.waitFor(3);
    await owned();
    expect((await waited).partition).toBe(3);
    await set.handedOver();
    group.revoked([3]);
    let over = false;
    const done = set.handedOver().then(() => {
      over = true;
    });
    await settled();
    expect(over).toBe(false);
    await owner({ serving: true });
    await advance(2000);
    await done;
    const stopping = set.waitFor(5);
    set.close();
    await expect(stopping).rejects.toThrow('the ingester is stopping');
    const late = set.events();
    late.assigned([6]);
    await settled();
    expect(set.owned.size).toBe(0);
    const aborted = AbortSignal.abort(new Error('gone'));
    await expect(set.waitFor(7, aborted)).rejects.toThrow('stopping');
  });

  it('are all closed at the end', async () => {
    group.assigned([3, 4]);
    await settled();
    await owner({ instance: 'one', serving: true, claim: 1 });
    group.revoked([3]);
    await set.releaseAll();
    expect([set.owned.size, set.handingOver.size]).toEqual([0, 0]);
  });
});
