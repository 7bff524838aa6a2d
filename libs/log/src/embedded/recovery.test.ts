// What a crash or a bad disk leaves behind: a log cut or damaged at any byte opens, and keeps every
// record that the damage didn't touch.
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text, utf8 } from '@weir/bytes';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PartitionLog } from '../partition-log.ts';
import { openEmbeddedLog } from './embedded-log.ts';

const PARTITIONS = 2;
const RECORDS = 8;
let home = '';
let original = '';
let segmentName = '';
let copies = 0;

async function openAt(directory: string) {
  const telemetry = silentTelemetry();
  const log = await openEmbeddedLog(
    { directory, partitions: PARTITIONS },
    { clock: systemClock, random: seededRandom(3), telemetry },
  );
  return { log, telemetry };
}

const valueAt = (index: number) => `${index}:${'abcdefghij'.repeat((index % 5) * 60)}`;

/** A directory like the original after kill -9: no index file. */
async function copyOf(): Promise<{ directory: string; segment: string }> {
  const directory = join(home, `copy-${copies++}`);
  await mkdir(directory);
  for (const name of ['meta.json', segmentName]) {
    await copyFile(join(original, name), join(directory, name));
  }
  return { directory, segment: join(directory, segmentName) };
}

async function produceAfter(log: PartitionLog, expected: number) {
  const value = utf8('after the crash');
  expect(await log.produce([{ partition: 1, key: utf8('t'), value, version: 1 }])).toEqual([
    expected,
  ]);
}

async function readBack(directory: string) {
  const { log, telemetry } = await openAt(directory);
  const seen: string[][] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const consumer = await log.consume(partition, await log.startOffset(partition));
    const end = await log.endOffset(partition);
    const records: string[] = [];
    while (consumer.position < end) {
      for (const one of (await consumer.next(1 << 20)).records) records.push(text(one.value));
    }
    seen.push(records);
  }
  const counter = telemetry.metrics.getSingleMetric('weir_embedded_log_damaged_total')!;
  const damaged = (await counter.get()).values[0]!.value;
  return { log, seen, damaged };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'weir-recovery-'));
  original = join(home, 'original');
  const { log } = await openAt(original);
  for (let index = 0; index < RECORDS; index++) {
    const value = utf8(valueAt(index));
    await log.produce([{ partition: index % PARTITIONS, key: utf8('t'), value, version: 1 }]);
  }
  await log.close();
  segmentName = (await readdir(original)).find((name) => name.endsWith('.segment'))!;
});

afterAll(() => rm(home, { recursive: true }));

describe('embedded log after a crash', () => {
  it('cut at every byte: keeps the whole records before the cut, silently, and goes on', async () => {
    const size = (await readFile(join(original, segmentName))).length;
    let before = -1;
    for (let cut = 0; cut <= size; cut++) {
      const { directory, segment } = await copyOf();
      await truncate(segment, cut);
      const { log, seen, damaged } = await readBack(directory);
      expect(damaged, `cut at ${cut}`).toBe(0);
      const count = seen[0]!.length + seen[1]!.length;
      expect(count).toBeGreaterThanOrEqual(before);
      before = count;
      seen.forEach((records, partition) => {
        records.forEach((value, at) => {
          expect(value).toBe(valueAt(at * PARTITIONS + partition));
        });
      });
      // Producing costs syncs: a sample of the cuts is enough for that.
      if (cut % 37 === 0) await produceAfter(log, seen[1]!.length);
      await log.close();
      await rm(directory, { recursive: true });
    }
    expect(before).toBe(RECORDS);
  });

  it('garbage behind the end is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (garbage) => {
        const { directory, segment } = await copyOf();
        await writeFile(segment, garbage, { flag: 'a' });
        const { log, seen, damaged } = await readBack(directory);
        expect(seen[0]!.length + seen[1]!.length).toBe(RECORDS);
        expect(damaged).toBe(0);
        await log.close();
        await rm(directory, { recursive: true });
      }),
      { numRuns: 60 },
    );
  });

  it('flipped bytes anywhere: opens, never returns a wrong record, counts damage in the middle', async () => {
    const bytes = await readFile(join(original, segmentName));
    const known = new Set(Array.from({ length: RECORDS }, (_, index) => valueAt(index)));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const { directory, segment } = await copyOf();
          const changed = Uint8Array.from(bytes);
          changed[at] = changed[at]! ^ flip;
          await writeFile(segment, changed);
          const { log, seen, damaged } = await readBack(directory);
          const records = seen.flat();
          for (const value of records) expect(known.has(value)).toBe(true);
          const inHeader = at < 40 + 8 * PARTITIONS;
          expect(records.length).toBe(inHeader ? 0 : RECORDS - 1);
          const lastFrame = bytes.lastIndexOf('WREC');
          expect(damaged > 0).toBe(inHeader || at < lastFrame);
          await log.close();
          await rm(directory, { recursive: true });
        },
      ),
      { numRuns: 120 },
    );
  });

  it.each([
    ['damaged', (path: string) => writeFile(path, '{"topicId": "x')],
    ['lost', (path: string) => rm(path)],
  ])('a %s meta.json is made anew from the segments, and that is counted', async (_name, spoil) => {
    const { directory } = await copyOf();
    const meta = join(directory, 'meta.json');
    const wanted = await readFile(meta, 'utf8');
    await spoil(meta);
    const { log, seen, damaged } = await readBack(directory);
    expect(seen.flat().length).toBe(RECORDS);
    expect(damaged).toBe(1);
    expect(await readFile(meta, 'utf8')).toBe(wanted);
    await produceAfter(log, seen[1]!.length);
    await log.close();
    await rm(directory, { recursive: true });
  });

  it('a damaged meta.json without any segment is an error, not a new log', async () => {
    const { directory, segment } = await copyOf();
    await writeFile(join(directory, 'meta.json'), '{');
    await rm(segment);
    await expect(openAt(directory)).rejects.toMatchObject({ kind: 'corrupt' });
    await rm(directory, { recursive: true });
  });
});
