// The first read in label order of many series sorts them in turns with what is pushed.
import { createMatcher, labelValue } from '@weir/model';
import { describe, expect, it } from 'vitest';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';

const SERIES = 5000;
/** In no order of labels. */
const shuffled = (at: number) => String((at * 7919) % SERIES).padStart(5, '0');

describe('the first read in label order', () => {
  it('lets others run while it sorts, and reads all series there are then, in order', async () => {
    let pauses = 0;
    const head = await openPartitionHead(
      { partition: 0 },
      {
        store: createMemoryHeadStore(),
        pause: async () => {
          pauses++;
        },
      },
    );
    head.configure('one', { outOfOrderWindowMs: 0, seriesMax: 0 });
    const push = (offset: number, i: string) => {
      const pushed = writeRequest(series({ __name__: 'm', i }, [1000, 1]));
      head.apply([record(offset, pushed)], offset + 1);
    };
    for (let at = 0; at < SERIES; at++) push(at, shuffled(at));
    const matchers = [createMatcher({ name: '__name__', op: '=', value: 'm' })];
    const request = { tenant: 'one', matchers, minT: 0, maxT: 2000 };
    const preparing = head.prepareOrder(request);
    while (pauses === 0) await null;
    push(SERIES, 'zz');
    const sinceApplied = pauses;
    await preparing;
    expect(pauses).toBeGreaterThan(sinceApplied + 3);
    const before = pauses;
    const found: string[] = [];
    for await (const batch of head.select(request)) {
      for (const { labels } of batch) found.push(labelValue(labels, 'i')!);
    }
    expect(found).toHaveLength(SERIES + 1);
    expect(found).toEqual([...found].sort());
    // The one that came meanwhile is merged in: nothing is sorted again.
    expect(pauses - before).toBeLessThan(sinceApplied + 20);
    await head.close();
  });
});
