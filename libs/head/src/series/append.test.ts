// How many chunks a window's samples make: each chunk costs its own header and index entry in a block.
import { SampleColumns } from '@weir/model';
import { decodeXorChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';

const WINDOW_MS = 7_200_000;
const SERIES = 64;

async function chunksOfWindow(stepMs: number) {
  const store = createMemoryHeadStore();
  const head = await openPartitionHead({ partition: 0 }, { store });
  const columns = new SampleColumns();
  for (let t = 0; t < WINDOW_MS; t += stepMs) {
    const all = Array.from({ length: SERIES }, (_, i) =>
      series({ __name__: 'm', i: String(i) }, [t, t * i]),
    );
    head.apply([record(t / stepMs, writeRequest(...all), 'tenant')], t / stepMs + 1);
  }
  const counts: number[] = [];
  const select = { tenant: 'tenant', matchers: [], minT: 0, maxT: WINDOW_MS };
  for await (const batch of head.select(select)) {
    for (const { chunks } of batch) {
      counts.push(chunks.length);
      columns.clear();
      for (const { bytes } of chunks) decodeXorChunk(bytes, columns, -Infinity, Infinity);
      expect(columns.count).toBe(WINDOW_MS / stepMs);
    }
  }
  await head.close();
  expect(counts).toHaveLength(SERIES);
  return counts;
}

describe('chunks of a window', () => {
  it.each([
    [15_000, 4],
    [30_000, 2],
    [60_000, 1],
  ])('at a sample each %i ms are at most %i', async (stepMs, most) => {
    expect(Math.max(...(await chunksOfWindow(stepMs)))).toBeLessThanOrEqual(most);
  });

  it('end at different steps for different series', async () => {
    const store = createMemoryHeadStore();
    const head = await openPartitionHead({ partition: 0 }, { store });
    const sizes = new Set<number>();
    for (let step = 0; step < 200; step++) {
      const all = Array.from({ length: SERIES }, (_, i) =>
        series({ __name__: 'm', i: String(i) }, [step * 15_000, step]),
      );
      head.apply([record(step, writeRequest(...all), 'tenant')], step + 1);
    }
    const select = { tenant: 'tenant', matchers: [], minT: 0, maxT: WINDOW_MS };
    for await (const batch of head.select(select)) {
      for (const { chunks } of batch) sizes.add(chunks[0].maxT);
    }
    await head.close();
    expect(sizes.size).toBeGreaterThan(20);
  });
});
