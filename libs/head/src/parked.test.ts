// A parked tenant: its records are passed over and stay in the log, others go on, what it has can be read.
import { describe, expect, it } from 'vitest';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, series, writeRequest } from './records/record-fixture.ts';

const T = 1000 * 3_600_000;

function up(offset: number, tenant: string) {
  return record(offset, writeRequest(series({ __name__: 'up' }, [T + offset, offset])), tenant);
}

describe('a parked tenant', () => {
  it('keeps what it has, and its records from the offset on in the log', async () => {
    const store = createMemoryHeadStore();
    let head = await openPartitionHead({ partition: 0 }, { store });
    head.apply([up(0, 'one'), up(1, 'two')], 2);
    head.park('one', 4);
    head.park('one', 4);
    head.apply([up(2, 'one'), up(3, 'two'), up(4, 'one'), up(5, 'two'), up(6, 'one')], 7);
    expect(head.parked()).toEqual([{ tenant: 'one', fromOffset: 4, records: 2 }]);
    await head.checkpoint();
    const digest = head.digest();
    head = await openPartitionHead({ partition: 0 }, { store });
    expect(head.digest()).toBe(digest);
    head.apply([up(7, 'one')], 8);
    expect(head.parked()).toEqual([{ tenant: 'one', fromOffset: 4, records: 3 }]);
    const newest = Object.fromEntries(head.tenants().map((t) => [t.tenant, t.eventTimeMs - T]));
    expect(newest).toEqual({ one: 2, two: 5 });
    for (const window of head.cutDue(true)) head.drop(window);
    expect(head.position).toBe(8);
    expect(head.safeOffset()).toBe(4);
  });
});
