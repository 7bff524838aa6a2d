// Many consumers that are behind at once: each gets all of its own in order, and the segments are read a few
// times together, not once for each of them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@weir/bytes';
import { seededRandom, systemClock } from '@weir/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCatchingUp } from './catching-up.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import { diskFiles, type Files } from './files.ts';

const PARTITIONS = 60;
const ROUNDS = 20;
const VALUE_BYTES = 1000;
const BATCH_BYTES = 4000;

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-catching-up-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('consumers that are behind', () => {
  it('share what is read of the segments', async () => {
    let bytesRead = 0;
    const files: Files = {
      ...diskFiles,
      async open(path, flags) {
        const handle = await diskFiles.open(path, flags);
        const read: typeof handle.read = async (...args: Parameters<typeof handle.read>) => {
          const answer = await handle.read(...args);
          bytesRead += answer.bytesRead;
          return answer;
        };
        return new Proxy(handle, {
          get: (target, name) => {
            if (name === 'read') return read;
            const value = target[name as keyof typeof target];
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      },
    };
    const settings = { directory, partitions: PARTITIONS, segmentSizeBytes: 400_000 };
    const random = seededRandom(5);
    const open = () => openEmbeddedLog(settings, { clock: systemClock, random, files });
    const written = await open();
    for (let round = 0; round < ROUNDS; round++) {
      const records = Array.from({ length: PARTITIONS }, (_, partition) => ({
        partition,
        key: utf8('t'),
        value: Buffer.concat([utf8(`${partition}/${round}`), random.bytes(VALUE_BYTES)]),
        version: 1,
      }));
      await written.produce(records);
    }
    await written.close();
    const log = await open();
    bytesRead = 0;
    const readAll = async (partition: number) => {
      const consumer = await log.consume(partition, 0);
      const seen: string[] = [];
      while (consumer.position < ROUNDS) {
        const { records, nextOffset } = await consumer.next(BATCH_BYTES);
        expect(nextOffset).toBe(records.at(-1)!.offset + 1);
        for (const { value, offset } of records) {
          seen.push(Buffer.from(value).subarray(0, -VALUE_BYTES).toString());
          expect(offset).toBe(seen.length - 1);
        }
      }
      await consumer.close();
      return seen;
    };
    const all = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => readAll(partition)),
    );
    for (const [partition, seen] of all.entries()) {
      expect(seen).toEqual(Array.from({ length: ROUNDS }, (_, round) => `${partition}/${round}`));
    }
    const sizeBytes = PARTITIONS * ROUNDS * VALUE_BYTES;
    expect(bytesRead).toBeLessThan(5 * sizeBytes);
    await log.close();
  });

  it('that close while they wait for their turn end at once', async () => {
    const parts = { clock: systemClock, random: seededRandom(5) };
    const log = await openEmbeddedLog({ directory, partitions: 2, tailSizeBytes: 1 }, parts);
    const record = (partition: number) => ({
      ...{ partition, key: utf8('t'), version: 1 },
      value: utf8('v'),
    });
    await log.produce([record(0), record(1)]);
    const [one, other] = [await log.consume(0, 0), await log.consume(1, 0)];
    const [first, second] = [one.next(1), other.next(1)];
    const refused = expect(second).rejects.toMatchObject({ kind: 'closed' });
    await other.close();
    await refused;
    expect((await first).nextOffset).toBe(1);
    await log.close();
  });
});

describe('what is kept for others', () => {
  const record = (offset: number, size: number) => ({
    ...{ offset, timestampMs: 0, version: 1 },
    key: new Uint8Array(0),
    value: new Uint8Array(size),
  });

  it('is what they need next, in order, up to a bound', () => {
    const catchingUp = createCatchingUp();
    const ahead = catchingUp.join(3, 5);
    expect(catchingUp.wants(2, 5)).toBe(false);
    expect(catchingUp.wants(3, 6)).toBe(false);
    let offset = 5;
    while (catchingUp.wants(3, offset)) catchingUp.hand(3, record(offset++, 1 << 20));
    expect(offset - 5).toBe(8);
    expect(ahead.take(1).map((one) => one.offset)).toEqual([5]);
    expect(catchingUp.wants(3, offset)).toBe(true);
    expect(ahead.take(3 << 20).map((one) => one.offset)).toEqual([6, 7, 8]);
    ahead.expect(20);
    expect(ahead.isEmpty).toBe(true);
    expect([catchingUp.wants(3, offset), catchingUp.wants(3, 20)]).toEqual([false, true]);
    ahead.leave();
    expect(catchingUp.wants(3, 20)).toBe(false);
  });

  it('is divided among all', () => {
    const catchingUp = createCatchingUp();
    for (let partition = 0; partition < 1024; partition++) catchingUp.join(partition, 0);
    let offset = 0;
    while (catchingUp.wants(0, offset)) catchingUp.hand(0, record(offset++, 16 * 1024 - 128));
    expect(offset).toBe(4);
  });

  it('is not handed to one who has left, but to who came after him', () => {
    const catchingUp = createCatchingUp();
    const gone = catchingUp.join(0, 0);
    const here = catchingUp.join(0, 0);
    gone.leave();
    catchingUp.hand(0, record(0, 1));
    expect([gone.isEmpty, here.isEmpty]).toEqual([true, false]);
  });
});
