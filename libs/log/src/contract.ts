// What every adapter of the partition log must do, as cases that throw: the adapters' tests run them all.
// Cases share one log, so each starts from the ends it finds; only `closes` ends the log's life. The log
// needs at least two partitions.
import assert from 'node:assert/strict';
import { text, utf8 } from '@weir/bytes';
import { isKind } from '@weir/errors';
import { systemClock } from '@weir/runtime';
import type {
  GroupEvents,
  LogRecord,
  PartitionConsumer,
  PartitionLog,
  ProduceRecord,
} from './partition-log.ts';

export interface ContractCase {
  readonly name: string;
  run(log: PartitionLog): Promise<void>;
}

const BIG = 1 << 20;
let groupCount = 0;
const newGroup = () => `contract-${systemClock.nowMs()}-${groupCount++}`;

const record = (partition: number, value: string, version = 1, key = 'tenant'): ProduceRecord => ({
  partition,
  key: utf8(key),
  value: utf8(value),
  version,
});

const values = (records: readonly LogRecord[]) => records.map((one) => text(one.value));

async function readRecords(consumer: PartitionConsumer, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  while (records.length < count) records.push(...(await consumer.next(BIG)).records);
  return records;
}

async function readFrom(log: PartitionLog, partition: number, offset: number, count: number) {
  const consumer = await log.consume(partition, offset);
  try {
    return await readRecords(consumer, count);
  } finally {
    await consumer.close();
  }
}

const rejectsWith = (kind: Parameters<typeof isKind>[1], promise: Promise<unknown>) =>
  assert.rejects(promise, (error) => {
    assert.ok(isKind(error, kind), `expected ${kind}, got ${String(error)}`);
    return true;
  });

async function until(what: string, condition: () => boolean) {
  const deadlineMs = systemClock.steadyMs() + 30_000;
  while (!condition()) {
    assert.ok(systemClock.steadyMs() < deadlineMs, `timed out: ${what}`);
    await systemClock.sleep(5);
  }
}

/** A member's partitions, as its events tell. */
function ownership() {
  const owned = new Set<number>();
  const drop = (partitions: readonly number[]) => {
    for (const partition of partitions) owned.delete(partition);
  };
  const events: GroupEvents = {
    assigned: (partitions) => {
      for (const partition of partitions) owned.add(partition);
    },
    revoked: drop,
    lost: drop,
  };
  return { owned, events };
}

export const contractCases: readonly ContractCase[] = [
  {
    name: 'gives offsets in order and reads back what was produced',
    async run(log) {
      const from = await log.endOffset(0);
      const first = await log.produce([record(0, 'a'), record(0, 'b')]);
      const second = await log.produce([record(0, 'c')]);
      assert.ok(first[0]! >= from && first[1]! > first[0]! && second[0]! > first[1]!);
      assert.ok((await log.endOffset(0)) > second[0]!);
      const records = await readFrom(log, 0, from, 3);
      assert.deepEqual(values(records), ['a', 'b', 'c']);
      assert.deepEqual(
        records.map((one) => one.offset),
        [...first, ...second],
      );
    },
  },
  {
    name: 'gives the trace context to who reads along',
    async run(log) {
      const from = await log.endOffset(0);
      const consumer = await log.consume(0, from);
      try {
        const reading = readRecords(consumer, 2);
        const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
        await log.produce([{ ...record(0, 'traced'), traceparent }, record(0, 'plain')]);
        const found = (await reading).map((one) => one.traceparent);
        assert.deepEqual(found, [traceparent, undefined]);
      } finally {
        await consumer.close();
      }
    },
  },
  {
    name: 'appends one request to several partitions',
    async run(log) {
      const ends = [await log.endOffset(0), await log.endOffset(1)];
      const offsets = await log.produce([record(1, 'x'), record(0, 'y'), record(1, 'z')]);
      assert.equal(offsets.length, 3);
      const after = [Math.max(offsets[0]!, offsets[2]!) + 1, offsets[1]! + 1];
      assert.deepEqual(await log.endOffsets([1, 0]), after);
      assert.deepEqual(await log.endOffsets([]), []);
      assert.deepEqual(values(await readFrom(log, 1, ends[1]!, 2)), ['x', 'z']);
      assert.deepEqual(values(await readFrom(log, 0, ends[0]!, 1)), ['y']);
    },
  },
  {
    name: 'takes nothing for an empty request',
    run: async (log) => assert.deepEqual(await log.produce([]), []),
  },
  {
    name: 'keeps key, version, and values of every size',
    async run(log) {
      const from = await log.endOffset(0);
      const sizes = [0, 1, 1023, 5000, 300_000];
      const versions = [0, 1, 2, 0xffffffff, 7];
      const sent = sizes.map((size, index) => ({
        partition: 0,
        key: utf8(`tenant-é-${index}`),
        value: Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 5)) & 255),
        version: versions[index]!,
      }));
      const copies = sent.map((one) => ({ ...one, value: one.value.slice() }));
      await log.produce(sent);
      const records = await readFrom(log, 0, from, sent.length);
      records.forEach((one, index) => {
        assert.equal(text(one.key), `tenant-é-${index}`);
        assert.equal(Buffer.compare(one.value, copies[index]!.value), 0);
        assert.equal(one.version, versions[index]);
      });
    },
  },
  {
    name: 'wakes a waiting consumer',
    async run(log) {
      const consumer = await log.consume(0, await log.endOffset(0));
      const batch = readRecords(consumer, 1);
      await log.produce([record(1, 'other partition'), record(0, 'awaited')]);
      assert.deepEqual(values(await batch), ['awaited']);
      await consumer.close();
    },
  },
  {
    name: 'bounds a batch by bytes but returns at least one record',
    async run(log) {
      const from = await log.endOffset(0);
      await log.produce(
        Array.from({ length: 6 }, (_, index) => record(0, `${index}`.repeat(1000))),
      );
      const consumer = await log.consume(0, from);
      const seen: string[] = [];
      while (seen.length < 6) {
        const { records, nextOffset } = await consumer.next(2000);
        assert.ok(records.length <= 2, `${records.length} records in 2000 bytes`);
        assert.equal(nextOffset, consumer.position);
        seen.push(...values(records));
      }
      assert.deepEqual(
        seen.map((value) => value[0]),
        ['0', '1', '2', '3', '4', '5'],
      );
      await log.produce([record(0, 'large'.repeat(1000))]);
      assert.equal((await readRecords(consumer, 1)).length, 1);
      await consumer.close();
    },
  },
  {
    name: 'serves several consumers, each at its own pace',
    async run(log) {
      const from = await log.endOffset(0);
      const [slow, fast] = [await log.consume(0, from), await log.consume(0, from)];
      const other = await log.consume(1, await log.endOffset(1));
      await log.produce([record(0, 'one'), record(0, 'two'), record(1, 'three')]);
      assert.deepEqual(values(await readRecords(fast, 2)), ['one', 'two']);
      assert.deepEqual(values(await readRecords(other, 1)), ['three']);
      assert.deepEqual(values(await readRecords(slow, 2)), ['one', 'two']);
      for (const consumer of [slow, fast, other]) await consumer.close();
    },
  },
  {
    name: 'starts in the middle',
    async run(log) {
      const offsets = await log.produce(['p', 'q', 'r'].map((value) => record(1, value)));
      assert.deepEqual(values(await readFrom(log, 1, offsets[1]!, 2)), ['q', 'r']);
    },
  },
  {
    name: 'refuses to consume outside of the log',
    async run(log) {
      const end = await log.endOffset(0);
      await rejectsWith('corrupt', log.consume(0, end + 1));
      const start = await log.startOffset(0);
      await rejectsWith('corrupt', log.consume(0, start - 1));
    },
  },
  {
    name: 'ends a waiting consumer at close',
    async run(log) {
      const consumer = await log.consume(0, await log.endOffset(0));
      const waiting = rejectsWith('closed', consumer.next(BIG));
      await systemClock.sleep(5);
      await consumer.close();
      await waiting;
      await rejectsWith('closed', consumer.next(BIG));
    },
  },
  {
    name: 'refuses a record that is too large, and none of its request is lost silently',
    async run(log) {
      const value = new Uint8Array(log.recordSizeMaxBytes + 1);
      await rejectsWith(
        'invalid',
        log.produce([{ partition: 0, key: utf8('t'), value, version: 1 }]),
      );
      await log.produce([record(0, 'still works')]);
    },
  },
  {
    name: 'refuses a partition that does not exist',
    run: (log) => rejectsWith('invalid', log.produce([record(log.partitionCount, 'nowhere')])),
  },
  {
    name: 'stamps records with log time and finds them by it',
    async run(log) {
      // An earlier case's record must not be of the same millisecond.
      await systemClock.sleep(5);
      const beforeMs = systemClock.nowMs();
      const [first] = await log.produce([record(0, 'early')]);
      await systemClock.sleep(20);
      const betweenMs = systemClock.nowMs() - 5;
      const [second] = await log.produce([record(0, 'late')]);
      const [early, late] = await readFrom(log, 0, first!, 2);
      assert.ok(early!.timestampMs >= beforeMs - 1 && early!.timestampMs < betweenMs);
      assert.ok(late!.timestampMs >= betweenMs);
      assert.equal(await log.offsetForTime(0, betweenMs), second);
      assert.equal(await log.offsetForTime(0, early!.timestampMs), first);
      assert.equal(await log.offsetForTime(0, systemClock.nowMs() + 60_000), undefined);
    },
  },
  {
    name: 'assigns every partition to the only member, and stores what it commits',
    async run(log) {
      const group = newGroup();
      assert.equal(await log.committed(group, 0), undefined);
      const { owned, events } = ownership();
      const member = await log.join(group, 'first', events);
      await until('assignment', () => owned.size === log.partitionCount);
      const [offset] = await log.produce([record(0, 'to be committed')]);
      await member.commit(0, offset! + 1, 'meta é');
      const stored = { nextOffset: offset! + 1, metadata: 'meta é' };
      assert.deepEqual(await log.committed(group, 0), stored);
      assert.equal(await log.committed(group, 1), undefined);
      await member.close();
      await rejectsWith('closed', member.commit(0, offset! + 2, ''));
      assert.deepEqual(await log.committed(group, 0), stored);
    },
  },
  {
    name: 'shares partitions among members and hands them over when one leaves',
    async run(log) {
      const group = newGroup();
      const [a, b] = [ownership(), ownership()];
      const first = await log.join(group, 'a', a.events);
      await until('first has all', () => a.owned.size === log.partitionCount);
      const second = await log.join(group, 'b', b.events);
      await until('both have a part', () => {
        const disjoint = [...a.owned].every((partition) => !b.owned.has(partition));
        return disjoint && b.owned.size > 0 && a.owned.size + b.owned.size === log.partitionCount;
      });
      await first.close();
      await until('second has all', () => b.owned.size === log.partitionCount);
      await second.close();
    },
  },
];

/** Run last: it closes the log. */
export const closingCase: ContractCase = {
  name: 'refuses everything once closed, and ends waiting consumers',
  async run(log) {
    const consumer = await log.consume(0, await log.endOffset(0));
    const waiting = rejectsWith('closed', consumer.next(BIG));
    await log.close();
    await waiting;
    await rejectsWith('closed', log.produce([record(0, 'too late')]));
    await rejectsWith('closed', log.endOffset(0));
    await rejectsWith('closed', log.endOffsets([0]));
    await log.close();
  },
};
