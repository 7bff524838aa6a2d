// Slots, shards and look-back: balance, movement, independence of history, and that reads find what was written.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionEntry } from './cluster.ts';
import { createView, putEntry } from './fold.ts';
import { nextPartition, type PartitionEvent } from './life-cycle.ts';
import { createRouter } from './router.ts';
import { lookBackShard, tenantSeed, tenantShard } from './shard.ts';
import { SlotTable } from './slot-table.ts';
import { activePartitions } from './view.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);
const partitionSets = fc.uniqueArray(fc.nat(40), { minLength: 1, maxLength: 20 });

/** A partition for each slot. */
function slotsOf(table: SlotTable, slotBits: number): number[] {
  return numbers(2 ** slotBits).map((slot) => table.partitionOf((slot << (32 - slotBits)) >>> 0));
}

function tableOf(partitions: readonly number[], slotBits = 10): SlotTable {
  const table = new SlotTable(slotBits);
  table.follow(partitions);
  return table;
}

describe('slot table', () => {
  it('depends on who takes part, not on the order or on what was before (I12)', () => {
    fc.assert(
      fc.property(fc.array(partitionSets, { minLength: 1, maxLength: 5 }), (sets) => {
        const table = new SlotTable(8);
        for (const set of sets) table.follow(set);
        const fresh = tableOf(
          [...sets.at(-1)!].sort((a, b) => b - a),
          8,
        );
        expect(slotsOf(table, 8)).toEqual(slotsOf(fresh, 8));
      }),
    );
  });

  it('moves only to the one that came, or from the one that went (I12)', () => {
    fc.assert(
      fc.property(partitionSets, fc.integer({ min: 41, max: 60 }), (set, other) => {
        const without = slotsOf(tableOf(set), 10);
        const withIt = slotsOf(tableOf([...set, other]), 10);
        for (const [slot, partition] of withIt.entries()) {
          if (partition !== other) expect(partition).toBe(without[slot]);
        }
        const moved = withIt.filter((partition) => partition === other).length;
        const mean = 1024 / (set.length + 1);
        expect(Math.abs(moved - mean)).toBeLessThan(6 * Math.sqrt(mean));
      }),
    );
  });

  it.each([1, 2, 3, 8, 24, 100, 1000])('gives each of %i partitions its share', (count) => {
    const shares = new Map<number, number>();
    for (const partition of slotsOf(tableOf(numbers(count), 16), 16)) {
      shares.set(partition, (shares.get(partition) ?? 0) + 1);
    }
    const mean = 65_536 / count;
    expect(shares.size).toBe(count);
    for (const share of shares.values()) {
      expect(Math.abs(share - mean)).toBeLessThan(5 * Math.sqrt(mean) + 1);
    }
  });

  it('is empty without partitions, and again', () => {
    const table = new SlotTable(10);
    expect(table.isEmpty).toBe(true);
    table.follow([3]);
    expect([table.isEmpty, table.partitionOf(0), table.partitionOf(2 ** 32 - 1)]).toEqual([
      false,
      3,
      3,
    ]);
    table.follow([]);
    expect(table.isEmpty).toBe(true);
    table.follow([4]);
    expect(table.partitionOf(7)).toBe(4);
  });

  it('takes partitions numbered below 65,535', () => {
    expect(tableOf([65_534]).partitionOf(1)).toBe(65_534);
    expect(() => tableOf([65_535])).toThrow('below 65,535');
  });
});

describe('tenant shard', () => {
  const tenants = fc.string({ maxLength: 12 }).map(tenantSeed);

  it('has its size or all, and changes by at most one (I13)', () => {
    fc.assert(
      fc.property(tenants, partitionSets, fc.integer({ min: 1, max: 8 }), (seed, set, size) => {
        const before = tenantShard(seed, set, size);
        expect(new Set(before).size).toBe(Math.min(size, set.length));
        expect(before.every((partition) => set.includes(partition))).toBe(true);
        const after = tenantShard(seed, [...set, 50], size);
        expect(after.filter((each) => !before.includes(each)).length).toBeLessThanOrEqual(1);
        const larger = tenantShard(seed, set, size + 1);
        expect(before.filter((partition) => !larger.includes(partition))).toEqual([]);
      }),
    );
  });

  it('spreads tenants over partitions', () => {
    const counts = numbers(12).map(() => 0);
    for (let tenant = 0; tenant < 4000; tenant++) {
      for (const each of tenantShard(tenantSeed(`tenant-${tenant}`), numbers(12), 3)) {
        counts[each]!++;
      }
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(160);
  });

  it('is all partitions for size 0 and beyond', () => {
    const all = [4, 2, 9];
    for (const size of [0, 3, 4]) expect(tenantShard(1, all, size)).toBe(all);
    expect(tenantShard(1, all, 2)).toHaveLength(2);
  });
});

describe('router', () => {
  it('routes a tenant to its shard, and all others to all partitions', () => {
    const router = createRouter();
    const active = numbers(10);
    const reached = (tenant: string, size: number) => {
      const table = router.tableFor(tenant, size, active);
      return new Set(numbers(4096).map((at) => table.partitionOf((at * 0x9e3779b1) >>> 0)));
    };
    expect(reached('a', 0).size).toBe(10);
    expect([...reached('a', 3)].sort()).toEqual(
      [...tenantShard(tenantSeed('a'), active, 3)].sort(),
    );
    expect(reached('a', 5).size).toBe(5);
    expect(reached('b', 20).size).toBe(10);
    expect(router.tableFor('a', 3, []).isEmpty).toBe(true);
  });

  it('makes the tables of many tenants again as they are needed', () => {
    const router = createRouter(20 * 2 ** 11);
    const active = numbers(10);
    const table = router.tableFor('tenant-0', 4, active);
    expect(table.sizeBytes).toBe(2 ** 11);
    const first = slotsOf(table, 10);
    for (let tenant = 1; tenant < 20; tenant++) router.tableFor(`tenant-${tenant}`, 4, active);
    expect(router.tableFor('tenant-0', 4, active)).toBe(table);
    router.tableFor('tenant-20', 4, active);
    expect(router.tableFor('tenant-0', 4, active)).not.toBe(table);
    expect(slotsOf(router.tableFor('tenant-0', 4, active), 10)).toEqual(first);
  });
});

describe('look-back shard', () => {
  const LOOK_BACK_MS = 50;
  const PARTITIONS = 8;
  const steps = fc.array(
    fc.record({
      afterMs: fc.nat(20),
      partition: fc.nat(PARTITIONS - 1),
      kind: fc.constantFrom<PartitionEvent['kind'][]>(
        ...(['found', 'owners-ready', 'activate', 'deactivate', 'lock', 'unlock'] as const),
        ...(['drain', 'undrain', 'taken-over', 'hidden'] as const),
      ),
    }),
    { maxLength: 80, size: '+1' },
  );

  it('has all that the tenant wrote within it, whatever the partitions went through (I14)', () => {
    let narrower = 0;
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 4 }), steps, (tenant, size, changes) => {
        const seed = tenantSeed(tenant);
        const view = createView();
        const writes: { partition: number; atMs: number }[] = [];
        let nowMs = 1000;
        for (const { afterMs, partition, kind } of changes) {
          // Written all the time: what a shard has between two changes, it has at both ends.
          const shard = () => tenantShard(seed, activePartitions(view), size);
          nowMs += afterMs;
          for (const each of shard()) writes.push({ partition: each, atMs: nowMs });
          const event = { kind, instance: 'one', zone: 'a' } as PartitionEvent;
          const present = view.partitions.get(partition);
          let next: PartitionEntry | undefined;
          try {
            next = nextPartition(partition, present, event, nowMs);
          } catch {
            continue;
          }
          if (next !== undefined) putEntry(view, next);
          for (const each of shard()) writes.push({ partition: each, atMs: nowMs });
          const sinceMs = nowMs - LOOK_BACK_MS;
          const read = lookBackShard(seed, view, size, sinceMs);
          if (read.length < view.partitions.size) narrower++;
          for (const write of writes) {
            if (write.atMs >= sinceMs) expect(read).toContain(write.partition);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(narrower).toBeGreaterThan(100);
  });

  it('asks no more than the shard once nothing has changed for so long, and what is INACTIVE', () => {
    const view = createView();
    const entry = { kind: 'partition', version: 1, sinceMs: 0 } as const;
    for (const partition of numbers(6)) putEntry(view, { ...entry, partition, state: 'ACTIVE' });
    putEntry(view, { ...entry, partition: 6, state: 'INACTIVE' });
    const seed = tenantSeed('a');
    const shard = [...tenantShard(seed, numbers(6), 2)].sort();
    expect(lookBackShard(seed, view, 2, 1)).toEqual([...shard, 6]);
    expect(lookBackShard(seed, view, 2, 0)).toEqual(numbers(7));
    expect(lookBackShard(seed, view, 0, 0)).toEqual(numbers(7));
  });
});
