// The embedded log keeps the contract, over restarts too, and truncates, caps and recovers as it says.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text, utf8 } from '@weir/bytes';
import { isKind } from '@weir/errors';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closingCase, contractCases } from '../contract.ts';
import type { PartitionLog } from '../partition-log.ts';
import { type EmbeddedLogSettings, openEmbeddedLog } from './embedded-log.ts';
import { diskFiles, type FileHandle, type Files } from './files.ts';

const BIG = 1 << 22;
let directory = '';

const newDirectory = () => mkdtemp(join(tmpdir(), 'weir-log-'));

const open = (settings: Partial<EmbeddedLogSettings> = {}, files: Files = diskFiles) =>
  openEmbeddedLog(
    { directory, partitions: 2, ...settings },
    { clock: systemClock, random: seededRandom(7), files },
  );

const noise = (size: number, seed: number) => seededRandom(seed).bytes(size);

const record = (partition: number, value: Uint8Array | string) => ({
  partition,
  key: utf8('t'),
  value: typeof value === 'string' ? utf8(value) : value,
  version: 1,
});

async function readAll(log: PartitionLog, partition: number): Promise<string[]> {
  const consumer = await log.consume(partition, await log.startOffset(partition));
  const seen: string[] = [];
  const end = await log.endOffset(partition);
  while (consumer.position < end) {
    for (const one of (await consumer.next(BIG)).records) seen.push(text(one.value));
  }
  await consumer.close();
  return seen;
}

describe('embedded log: contract', () => {
  let log: PartitionLog;
  let home = '';
  beforeAll(async () => {
    home = await newDirectory();
    directory = home;
    log = await open({ partitions: 4, segmentSizeBytes: 4096 });
  });
  afterAll(() => rm(home, { recursive: true }));
  for (const { name, run } of [...contractCases, closingCase]) it(name, () => run(log));
});

describe('embedded log', () => {
  beforeEach(async () => {
    directory = await newDirectory();
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('keeps records, offsets, commits and identity over restarts', async () => {
    let log = await open();
    const { topicId } = log;
    await log.produce([record(0, 'a'), record(1, 'b'), record(0, 'c'.repeat(9000))]);
    const member = await log.join('g', 'm', { assigned() {}, revoked() {}, lost() {} });
    await member.commit(0, 1, 'note');
    await log.close();
    for (let round = 0; round < 3; round++) {
      log = await open();
      expect(log.topicId).toBe(topicId);
      expect(await log.endOffset(0)).toBe(2 + round);
      expect((await readAll(log, 0))[1]).toBe('c'.repeat(9000));
      expect(await log.committed('g', 0)).toEqual({ nextOffset: 1, metadata: 'note' });
      await log.produce([record(0, `round ${round}`)]);
      await log.close();
    }
    expect((await readdir(directory)).filter((name) => name.endsWith('.segment')).length).toBe(4);
  });

  it('raises the number of partitions and never lowers it', async () => {
    await (await open({ partitions: 3 })).close();
    let log = await open({ partitions: 1 });
    expect(log.partitionCount).toBe(3);
    await log.produce([record(2, 'x')]);
    await log.close();
    log = await open({ partitions: 5 });
    await log.produce([record(4, 'y')]);
    expect(await readAll(log, 4)).toEqual(['y']);
    expect(await readAll(log, 2)).toEqual(['x']);
    await log.close();
  });

  it('unlinks segments below the lowest committed offset, and refuses what is gone', async () => {
    const log = await open({ segmentSizeBytes: 4096, sizeMaxBytes: 1 << 20 });
    for (let i = 0; i < 20; i++) await log.produce([record(i % 2, noise(1500, i))]);
    const segments = async () =>
      (await readdir(directory)).filter((name) => name.endsWith('.segment')).length;
    const before = await segments();
    const events = { assigned() {}, revoked() {}, lost() {} };
    const member = await log.join('g', 'm', events);
    await member.commit(0, 8, '');
    expect(await segments()).toBe(before);
    await member.commit(1, 8, '');
    await log.produce([record(0, 'next')]);
    // A segment holds two records here, one of each partition; they are unlinked one after the other.
    const start = 8;
    await expect.poll(() => log.startOffset(0)).toBe(start);
    await expect.poll(segments).toBeLessThan(before);
    const refused = await log.consume(0, start - 1).catch((error: unknown) => error);
    expect(isKind(refused, 'corrupt')).toBe(true);
    expect(String(refused)).toContain(`offset ${start - 1}`);
    await log.close();
    const again = await open();
    expect(await again.startOffset(0)).toBe(start);
    expect(await again.endOffset(0)).toBe(11);
    await again.close();
  });

  it('a consumer that is overtaken by truncation is told the offsets', async () => {
    const log = await open({ segmentSizeBytes: 4096, tailSizeBytes: 0 });
    const consumer = await log.consume(0, 0);
    for (let i = 0; i < 10; i++) await log.produce([record(0, noise(1500, i))]);
    const member = await log.join('g', 'm', { assigned() {}, revoked() {}, lost() {} });
    await member.commit(0, 8, '');
    await expect.poll(() => log.startOffset(0)).toBeGreaterThan(0);
    await expect(consumer.next(BIG)).rejects.toThrow(/offset 0 of partition 0 is outside/);
    await log.close();
  });

  it('refuses records at its size cap, and takes them again after truncation', async () => {
    const log = await open({ sizeMaxBytes: 64 * 1024 });
    let refused: unknown;
    let count = 0;
    for (; refused === undefined; count++) {
      refused = await log.produce([record(0, noise(3000, count))]).then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect(isKind(refused, 'unavailable')).toBe(true);
    expect(String(refused)).toContain('embedded log is full');
    const member = await log.join('g', 'm', { assigned() {}, revoked() {}, lost() {} });
    await member.commit(0, await log.endOffset(0), '');
    await expect.poll(() => log.startOffset(0)).toBeGreaterThan(0);
    await log.produce([record(0, 'fits again')]);
    await log.close();
  });

  it('serves consumers from disk when the tail is too small, the same as from memory', async () => {
    const expected = Array.from({ length: 50 }, (_, i) => `${i}`.repeat(40 * i));
    for (const tailSizeBytes of [0, 4000, 1 << 20]) {
      directory = await newDirectory();
      const log = await open({ tailSizeBytes, segmentSizeBytes: 16_384 });
      for (const value of expected) await log.produce([record(0, value), record(1, 'filler')]);
      expect(await readAll(log, 0)).toEqual(expected);
      expect(await readAll(log, 0)).toEqual(expected);
      await log.close();
    }
  });

  it('hands the produced buffer itself to a consumer that is close behind', async () => {
    const log = await open();
    const value = utf8('the very bytes');
    const consumer = await log.consume(0, 0);
    await log.produce([record(0, value)]);
    expect((await consumer.next(BIG)).records[0]!.value).toBe(value);
    await log.close();
  });
});

describe('embedded log: a failing disk', () => {
  beforeEach(async () => {
    directory = await newDirectory();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const failing = (call: 'writev' | 'datasync', code: string) => {
    const state = { broken: false };
    const fail = async () => {
      throw Object.assign(new Error(`${code}: broken on purpose`), { code });
    };
    const files: Files = {
      ...diskFiles,
      async open(path, flags) {
        const handle = await diskFiles.open(path, flags);
        return new Proxy(handle, {
          get(target, key) {
            if (state.broken && key === call && path.endsWith('.segment')) return fail;
            const member = Reflect.get(target, key);
            return typeof member === 'function' ? member.bind(target) : member;
          },
        }) as FileHandle;
      },
    };
    return { state, files };
  };

  for (const [call, code] of [
    ['writev', 'ENOSPC'],
    ['datasync', 'EIO'],
  ] as const) {
    it(`${code} in ${call} rejects, and the log recovers by itself`, async () => {
      const { state, files } = failing(call, code);
      const log = await open({}, files);
      const consumer = await log.consume(0, 0);
      await log.produce([record(0, 'before')]);
      state.broken = true;
      for (let i = 0; i < 3; i++) {
        const error = await log.produce([record(0, 'refused')]).catch((reason: unknown) => reason);
        expect(isKind(error, 'unavailable')).toBe(true);
        expect(String(error)).toContain(code);
      }
      expect(await log.endOffset(0)).toBe(1);
      state.broken = false;
      expect(await log.produce([record(0, 'after')])).toEqual([1]);
      const seen: string[] = [];
      while (seen.length < 2) {
        seen.push(...(await consumer.next(BIG)).records.map((one) => text(one.value)));
      }
      expect(seen).toEqual(['before', 'after']);
      await log.close();
      const telemetry = silentTelemetry();
      const again = await openEmbeddedLog(
        { directory, partitions: 2 },
        { clock: systemClock, random: seededRandom(7), telemetry },
      );
      expect(await readAll(again, 0)).toEqual(['before', 'after']);
      const damaged = await telemetry.metrics
        .getSingleMetric('weir_embedded_log_damaged_total')!
        .get();
      expect(damaged.values[0]!.value).toBe(0);
      await again.close();
    });
  }
});
