// Decoded samples are those of the chunks that select() hands out, whatever lies in memory and in the store.
import { SampleColumns } from '@weir/model';
import { decodeXorChunk } from '@weir/tsdb/chunk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadSelect, PartitionHead } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';
import { NotPlain } from './sample-stream.ts';

const STEP_MS = 15_000;
const SERIES = 70;
const STEPS = 1000;

type Found = [labels: string, samples: [number, number][]][];

function told(columns: SampleColumns): [number, number][] {
  return Array.from({ length: columns.count }, (_, at) => [columns.t[at], columns.v[at]]);
}

async function selected(head: PartitionHead, select: HeadSelect): Promise<Found> {
  const found: Found = [];
  for await (const batch of head.select(select)) {
    for (const { labels, chunks } of batch) {
      const columns = new SampleColumns();
      for (const { bytes } of chunks) decodeXorChunk(bytes, columns, select.minT, select.maxT);
      if (columns.count > 0) found.push([Buffer.from(labels).toString('latin1'), told(columns)]);
    }
  }
  return found;
}

async function streamed(head: PartitionHead, select: HeadSelect, inOrder: boolean): Promise<Found> {
  const found: Found = [];
  const stream = head.samples(select, inOrder);
  while (await stream.next()) {
    const columns = new SampleColumns();
    stream.samples(columns);
    if (columns.count > 0)
      found.push([Buffer.from(stream.labels).toString('latin1'), told(columns)]);
  }
  return found;
}

/** Series that begin at different times, over two windows, with some checkpoints between. */
async function filled(outOfOrderWindowMs = 0): Promise<PartitionHead> {
  const head = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
  head.configure('one', { outOfOrderWindowMs, seriesMax: 0 });
  for (let step = 0; step < STEPS; step++) {
    const scraped = [];
    for (let at = 0; at < SERIES; at++) {
      if (step < at * 5) continue;
      const labels = { __name__: `m${at % 3}`, i: String(at) };
      scraped.push(series(labels, [step * STEP_MS, step * at]));
    }
    head.apply([record(step, writeRequest(...scraped))], step + 1);
    if (step % 170 === 169) await head.checkpoint();
  }
  return head;
}

describe('samples of a head', () => {
  it('are those of its chunks', async () => {
    const head = await filled();
    const end = STEPS * STEP_MS;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -STEP_MS, max: end }),
        fc.integer({ min: 0, max: end + STEP_MS }),
        fc.boolean(),
        async (minT, lengthMs, inOrder) => {
          const select = { tenant: 'one', matchers: [], minT, maxT: minT + lengthMs };
          const found = await streamed(head, select, inOrder);
          const wanted = await selected(head, select);
          if (inOrder) expect(found).toEqual(wanted);
          else expect(new Map(found)).toEqual(new Map(wanted));
        },
      ),
      { numRuns: 40 },
    );
    await head.close();
  }, 60_000);

  it('are the newest where that is all that is wanted', async () => {
    const head = await filled();
    const newest = (STEPS - 1) * STEP_MS;
    const select = { tenant: 'one', matchers: [], newestOnly: true };
    const now = await streamed(head, { ...select, minT: newest - 300_000, maxT: newest }, true);
    expect(now.map(([, samples]) => samples)).toEqual(
      now.map(([labels]) => [[newest, (STEPS - 1) * Number(/\d+$/.exec(labels)?.[0])]]),
    );
    expect(now).toHaveLength(SERIES);
    const before = newest - STEP_MS;
    const past = await streamed(head, { ...select, minT: before - 300_000, maxT: before }, true);
    expect(past.every(([, samples]) => samples.at(-1)?.[0] === before)).toBe(true);
    await head.close();
  });

  it('are refused where some came out of order', async () => {
    const head = await filled(7_200_000);
    const late = series({ __name__: 'm0', i: '0' }, [990 * STEP_MS + 1, 1]);
    head.apply([record(STEPS, writeRequest(late))], STEPS + 1);
    const now = STEPS * STEP_MS;
    const select = { tenant: 'one', matchers: [], minT: now - 300_000, maxT: now };
    await expect(streamed(head, select, false)).rejects.toThrow(NotPlain);
    await head.checkpoint();
    await expect(streamed(head, select, false)).rejects.toThrow(NotPlain);
    await head.close();
  });
});
