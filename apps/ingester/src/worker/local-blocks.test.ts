// Blocks of one window are read in the order in which their records were taken into blocks.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@weir/bytes';
import type { CutSource } from '@weir/head';
import { labelsOf } from '@weir/model';
import { CHUNK_XOR, encodeXorChunk } from '@weir/tsdb/chunk';
import { afterEach, expect, it } from 'vitest';
import { openLocalBlocks } from './local-blocks.ts';

let dir = '';
afterEach(() => rm(dir, { recursive: true, force: true }));

const source: CutSource = {
  symbols: async () => ['', '__name__', 'up'].map(utf8),
  async *series() {
    const bytes = encodeXorChunk(Float64Array.of(1), Float64Array.of(1), 0, 1);
    const chunk = { encoding: CHUNK_XOR, minT: 1, maxT: 1, bytes };
    yield [{ labels: labelsOf({ __name__: 'up' }), chunks: [chunk] }];
  },
};

it('reads blocks in the order of the last of their records, then of the first', async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-local-blocks-'));
  let next = 0;
  const ulid = (at: number) => `01JZZZZZZZZZZZZZZZZZZZZZZ${at}`;
  const blocks = await openLocalBlocks(
    { dir, partition: 0, topicId: 'topic' },
    { nextUlid: () => ulid(next++), putAside: async () => undefined },
  );
  for (const [firstOffset, lastOffset] of [
    [2, 52],
    [5, 14],
    [2, 14],
    [0, 60],
  ] as const) {
    const window = { tenant: 't', minT: 0, maxT: 7_200_000, firstOffset, lastOffset };
    await blocks.write(window, source, () => undefined);
  }
  const held = await blocks.readers('t', 0, 10);
  expect(held.map((block) => block.ulid)).toEqual([2, 1, 0, 3].map(ulid));
  await blocks.close();
});
