// Selections of blocks asked again: the same answer without a read, for any time range, and bounded.
import { createMatcher, labelsOf, labelValue } from '@weir/model';
import { describe, expect, it } from 'vitest';
import { createKeptEntries } from './kept-entries.ts';
import { chunkOf, collect, writeMemoryBlock } from './memory-block.ts';
import { openBlock } from './open-block.ts';

const RANGE = { minTime: 0, maxTime: 7_200_000 };

/** Series 0 to 99; of the even ones the chunk lies in the first half of the time. */
const SERIES = Array.from({ length: 100 }, (_, at) => ({
  labels: labelsOf({ job: at < 50 ? 'a' : 'b', n: String(at).padStart(2, '0') }),
  chunks: [chunkOf([[at % 2 === 0 ? 1_000 : 5_000_000, at]])],
}));

async function open(maxBytes: number) {
  const { files, meta } = await writeMemoryBlock(SERIES, RANGE);
  const kept = createKeptEntries(maxBytes);
  const block = await openBlock(files, meta, kept);
  const ask = async (job: string, maxT = RANGE.maxTime) => {
    const matchers = [createMatcher({ name: 'job', op: '=~', value: job })];
    const found = await collect(block.select({ matchers, minT: 0, maxT, labelsOnly: true }));
    return found.map(({ labels }) => labelValue(labels, 'n'));
  };
  return { files, kept, block, ask };
}

describe('kept entries', () => {
  it('answer the same question without a read, whatever its time', async () => {
    const { files, kept, block, ask } = await open(1 << 20);
    const all = await ask('a');
    const { reads } = files;
    expect(await ask('a')).toEqual(all);
    expect(all).toHaveLength(50);
    expect(await ask('a', 1_000)).toEqual(all.filter((n) => Number(n) % 2 === 0));
    const matchers = [createMatcher({ name: 'job', op: '=~', value: 'a' })];
    expect(await block.labelValues('n', { matchers, ...{ minT: 0, maxT: 1e9 } })).toEqual(all);
    expect(files.reads).toBe(reads);
    expect(await ask('b')).toHaveLength(50);
    expect(files.reads).toBeGreaterThan(reads);
    expect(kept.sizeBytes).toBeGreaterThan(0);
  });

  it('are those asked for last, as far as there is room', async () => {
    const { files, kept, ask } = await open(300_000);
    for (const job of ['a', 'b', 'a|b', '[ab]']) await ask(job);
    await ask('a');
    for (const job of ['a.*', '.*b']) await ask(job);
    expect(kept.sizeBytes).toBeLessThanOrEqual(300_000);
    const { reads } = files;
    await ask('a');
    expect(files.reads).toBe(reads);
    await ask('b');
    expect(files.reads).toBeGreaterThan(reads);
  });

  it('are not those of a selection that takes too much, or that was left', async () => {
    const { files, kept, block, ask } = await open(100_000);
    await ask('a');
    expect(kept.sizeBytes).toBe(0);
    const roomy = await open(1 << 20);
    for await (const _ of roomy.block.select({
      matchers: [],
      minT: 0,
      maxT: 1e9,
      labelsOnly: true,
    })) {
      break;
    }
    expect(roomy.kept.sizeBytes).toBe(0);
    await collect(block.select({ matchers: [], minT: 0, maxT: 1e9 }));
    expect([kept.sizeBytes, files.reads > 0]).toEqual([0, true]);
  });
});
