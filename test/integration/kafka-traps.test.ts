// The traps of the native Kafka client, each on a real broker: first that the trap is there (when it is
// gone one day, the work-around can go too), then that the log doesn't fall into it.
import { execFileSync } from 'node:child_process';
import { text, utf8 } from '@weir/bytes';
import { defaultsOf } from '@weir/config';
import type { GroupEvents, PartitionLog } from '@weir/log';
import { kafkaFlags, openKafkaLog } from '@weir/log/kafka';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';
import { call, type Message, openRaw, type RawConsumer } from '../support/kafka-raw.ts';

const BIG = 1 << 20;
const patience = { timeout: 30_000, interval: 20 };
let kafka: KafkaProvider;
let topics = 0;

beforeAll(async () => {
  kafka = await startKafka({ own: true });
});
afterAll(() => kafka?.stop());

const newTopic = () => `traps-${systemClock.nowMs()}-${topics++}`;
const settingsFor = (topic: string, more: object = {}) => ({
  ...defaultsOf(kafkaFlags),
  address: [kafka.brokers],
  topic,
  autoCreateTopicDefaultPartitions: 2,
  writeTimeoutMs: 3000,
  ...more,
});
const openLog = (topic: string, more: object = {}) =>
  openKafkaLog(settingsFor(topic, more), { clock: systemClock });
const record = (value: string | Uint8Array, partition = 0) => ({
  partition,
  key: utf8('t'),
  value: typeof value === 'string' ? utf8(value) : value,
  version: 1,
});
const raw = async () => openRaw(kafka.brokers);
const manual = (group: string) => ({
  'bootstrap.servers': kafka.brokers,
  'group.id': group,
  'enable.auto.commit': false,
});
const pass = (client: RawConsumer, waitMs: number) => {
  client.setDefaultConsumeTimeout(waitMs);
  return call<Message[]>((done) => client.consume(10, done));
};
const owning = () => {
  const owned = new Set<number>();
  const drop = (partitions: readonly number[]) => {
    for (const partition of partitions) owned.delete(partition);
  };
  const take = (partitions: readonly number[]) => {
    for (const partition of partitions) owned.add(partition);
  };
  const events: GroupEvents = { assigned: take, revoked: drop, lost: drop };
  return { owned, events };
};

/** A log whose partition 0 starts at offset 3. */
async function truncatedTopic(): Promise<{ topic: string; log: PartitionLog }> {
  const topic = newTopic();
  const log = await openLog(topic);
  await log.produce(['a', 'b', 'c', 'd', 'e'].map((value) => record(value)));
  const { admin } = await raw();
  await call((done) => admin.deleteRecords([{ topic, partition: 0, offset: 3 }], {}, done));
  admin.disconnect();
  return { topic, log };
}

describe('trap 1: a rejected commit that reports success', () => {
  it('the commit callback says fine to a commit that the broker refuses', async () => {
    const topic = newTopic();
    const log = await openLog(topic);
    const group = `g-${topic}`;
    const { owned, events } = owning();
    const member = await log.join(group, 'm', events);
    await expect.poll(() => owned.size, patience).toBe(2);
    const { consumer } = await raw();
    const outsider = await consumer(manual(group));
    const offset = { topic, partition: 0, offset: 1 };
    const answer = await call((done) => outsider.commitCb([offset], done)).then(
      () => 'fine',
      String,
    );
    expect(answer).toBe('fine');
    expect(await log.committed(group, 0)).toBeUndefined();
    expect(() => outsider.commitSync([offset])).toThrow(/member/i);
    await call((done) => outsider.disconnect(done));
    await member.close();
    await log.close();
  });

  it("the log's member rejects it, and a commit that gets no answer", async () => {
    const topic = newTopic();
    const log = await openLog(topic);
    const group = `g-${topic}`;
    const { owned, events } = owning();
    const member = await log.join(group, 'm', events);
    await expect.poll(() => owned.size, patience).toBe(2);
    await member.commit(0, 0, 'accepted');
    // Not in the group yet, and the group is alive: the broker refuses.
    const early = await log.join(group, 'early', owning().events);
    await expect(early.commit(0, 5, 'refused')).rejects.toMatchObject({ kind: 'fenced' });
    expect(await log.committed(group, 0)).toEqual({ nextOffset: 0, metadata: 'accepted' });
    await early.close();
    await kafka.stopBroker();
    await expect(member.commit(0, 1, 'away')).rejects.toMatchObject({ kind: 'unavailable' });
    await kafka.startBroker();
    await expect
      .poll(() => member.commit(0, 2, 'back').then(() => 'ok', String), patience)
      .toBe('ok');
    expect(await log.committed(group, 0)).toEqual({ nextOffset: 2, metadata: 'back' });
    await log.close();
  });
});

describe('trap 2: auto.offset.reset beside a second argument', () => {
  it('is ignored there: the client jumps to the end without a word', async () => {
    const { topic, log } = await truncatedTopic();
    const { consumer } = await raw();
    const conf = { ...manual('trap-2'), 'auto.offset.reset': 'error' };
    const ignoring = await consumer(conf, {});
    ignoring.assign([{ topic, partition: 0, offset: 0 }]);
    const seen: Message[] = [];
    await expect
      .poll(async () => {
        seen.push(...(await pass(ignoring, 300)));
        return ignoring.position()[0]?.offset;
      }, patience)
      .not.toBe(0);
    expect(seen).toEqual([]);
    await call((done) => ignoring.disconnect(done));

    const heeding = await consumer(conf);
    heeding.assign([{ topic, partition: 0, offset: 0 }]);
    const failure = async () => {
      for (let round = 0; round < 50; round++) {
        const error = await pass(heeding, 200).then(
          () => undefined,
          (reason) => reason,
        );
        if (error !== undefined) return error.code;
      }
    };
    expect(await failure()).toBe(-140);
    await call((done) => heeding.disconnect(done));
    await log.close();
  });
});

describe('trap 3: an offset outside of the log', () => {
  it('is refused at consume, and the error names the offsets', async () => {
    const { log } = await truncatedTopic();
    await expect(log.consume(0, 1)).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(log.consume(0, 1)).rejects.toThrow('offset 1 of partition 0');
    await expect(log.consume(0, 1)).rejects.toThrow('[3, 5)');
    await expect(log.consume(0, 6)).rejects.toMatchObject({ kind: 'corrupt' });
    await log.close();
  });

  it('reached while reading ends that consumer, though others have messages in the same batch', async () => {
    const topic = newTopic();
    const log = await openLog(topic, { partitionBufferBytes: 1000 });
    const value = new Uint8Array(10_000);
    await log.produce(Array.from({ length: 300 }, () => record(value)));
    const slow = await log.consume(0, 0);
    const busy = await log.consume(1, 0);
    await expect(slow.next(1)).resolves.toMatchObject({ nextOffset: 1 });
    const { admin } = await raw();
    await call((done) => admin.deleteRecords([{ topic, partition: 0, offset: 300 }], {}, done));
    admin.disconnect();
    let stop = false;
    const traffic = (async () => {
      for (let i = 0; !stop; i++) {
        await log.produce([record(`${i}`, 1)]);
        await busy.next(BIG);
      }
    })();
    const drain = async () => {
      for (;;) await slow.next(BIG);
    };
    await expect(drain()).rejects.toMatchObject({ kind: 'corrupt' });
    stop = true;
    await traffic;
    await log.close();
  });
});

describe('trap 4: the rebalance protocol reads NONE while closing', () => {
  for (const groupProtocol of ['classic', 'classic-eager', 'consumer']) {
    it(`a member of the ${groupProtocol} protocol is told and closes at once`, async () => {
      const log = await openLog(newTopic(), { groupProtocol });
      const { owned, events } = owning();
      const member = await log.join(`g-${newTopic()}`, 'm', events);
      await expect.poll(() => owned.size, patience).toBe(2);
      const fromMs = systemClock.steadyMs();
      await member.close();
      expect(systemClock.steadyMs() - fromMs).toBeLessThan(8000);
      expect([...owned]).toEqual([]);
      await log.close();
    });
  }
});

describe('trap 5: the addon in a worker thread', () => {
  it('does not survive; so nothing of it may be loaded in one', () => {
    const script = `
      const { Worker, isMainThread } = require('node:worker_threads');
      if (isMainThread) {
        require('@confluentinc/kafka-javascript');
        new Worker(__filename).on('error', (e) => { console.log(e.message); process.exit(3); });
      } else require('@confluentinc/kafka-javascript');`;
    let status = 0;
    try {
      const inline = `const fs=require('fs');const f=require('path').join(process.cwd(),'.worker-'+process.pid+'.cjs');
        fs.writeFileSync(f,${JSON.stringify(script)});process.on('exit',()=>fs.rmSync(f));require(f);`;
      execFileSync(process.execPath, ['-e', inline], { cwd: import.meta.dirname, stdio: 'pipe' });
    } catch (error) {
      status = (error as { status: number }).status;
    }
    expect(status).not.toBe(0);
  });
});

describe('trap 10: HighLevelProducer with a callback in its configuration', () => {
  it('throws at connect; events are used instead', async () => {
    const { driver } = await raw();
    const conf = { 'bootstrap.servers': kafka.brokers, error_cb: () => {} };
    const client = new driver.HighLevelProducer(conf as object);
    expect(() => client.connect({ timeout: 1000 })).toThrow('Invalid callback type');
  });
});

describe('trap of consume(): a batch that waits for its last message', () => {
  it('delays a message by the time-out unless told otherwise', async () => {
    const topic = newTopic();
    const log = await openLog(topic);
    const { consumer } = await raw();
    const client = await consumer({ ...manual('trap-consume'), 'auto.offset.reset': 'error' });
    const timed = async (onlyFirst: boolean) => {
      client.setDefaultIsTimeoutOnlyForFirstMessage(onlyFirst);
      const [offset] = await log.produce([record('x')]);
      client.assign([{ topic, partition: 0, offset: offset! }]);
      const fromMs = systemClock.steadyMs();
      expect((await pass(client, 1500)).length).toBe(1);
      return systemClock.steadyMs() - fromMs;
    };
    expect(await timed(false)).toBeGreaterThan(1400);
    expect(await timed(true)).toBeLessThan(1200);
    await call((done) => client.disconnect(done));
    await log.close();
  });

  it('the log hands a record on within milliseconds of its acknowledgement', async () => {
    const log = await openLog(newTopic(), { lingerMs: 0 });
    const consumer = await log.consume(0, 0);
    const delays: number[] = [];
    for (let i = 0; i < 30; i++) {
      const batch = consumer.next(BIG);
      const fromMs = systemClock.steadyMs();
      await log.produce([record(`${i}`)]);
      await batch;
      delays.push(systemClock.steadyMs() - fromMs);
    }
    delays.sort((a, b) => a - b);
    expect(delays[15]).toBeLessThan(100);
    await log.close();
  });
});

describe('a broker that goes away', () => {
  it('fails pushes within the write time-out, and takes them when it is back; nothing is lost', async () => {
    const log = await openLog(newTopic());
    const consumer = await log.consume(0, 0);
    await log.produce([record('before')]);
    await kafka.kill();
    const fromMs = systemClock.steadyMs();
    await expect(log.produce([record('during')])).rejects.toMatchObject({ kind: 'unavailable' });
    expect(systemClock.steadyMs() - fromMs).toBeLessThan(6000);
    await kafka.startBroker();
    await expect
      .poll(() => log.produce([record('after')]).then(() => 'ok', String), patience)
      .toBe('ok');
    const seen: string[] = [];
    while (!seen.includes('after')) {
      seen.push(...(await consumer.next(BIG)).records.map((one) => text(one.value)));
    }
    expect(seen[0]).toBe('before');
    await log.close();
  });

  it('one partition that nobody reads does not stall another', async () => {
    const log = await openLog(newTopic(), { partitionBufferBytes: 100_000 });
    const value = new Uint8Array(50_000);
    const still = await log.consume(0, 0);
    const busy = await log.consume(1, 0);
    for (let i = 0; i < 40; i++) await log.produce([record(value, 0), record(value, 1)]);
    let count = 0;
    while (count < 40) count += (await busy.next(BIG)).records.length;
    count = 0;
    while (count < 40) count += (await still.next(BIG)).records.length;
    await log.close();
  });

  it('answers a record above the size of the topic with invalid', async () => {
    const topic = newTopic();
    const { admin } = await raw();
    const config = { 'max.message.bytes': '100000' };
    const definition = { topic, num_partitions: 1, replication_factor: 1, config };
    await call((done) => admin.createTopic(definition, 10_000, done));
    admin.disconnect();
    const log = await openLog(topic, { compression: 'none' });
    const value = new Uint8Array(200_000);
    await expect(log.produce([record(value)])).rejects.toMatchObject({ kind: 'invalid' });
    await log.produce([record('small')]);
    await log.close();
  });
});

describe('trap: the end of a partition is told before the messages that were met on the way', () => {
  it('every record arrives, though partitions reach their ends in the middle of batches', async () => {
    const topic = newTopic();
    const log = await openLog(topic, { autoCreateTopicDefaultPartitions: 8, lingerMs: 0 });
    const rounds = 150;
    const read = async (partition: number) => {
      const consumer = await log.consume(partition, 0);
      const offsets: number[] = [];
      while (offsets.length < rounds) {
        const { records } = await consumer.next(BIG);
        for (const { offset } of records) offsets.push(offset);
        if (consumer.position >= rounds) break;
      }
      await consumer.close();
      return offsets;
    };
    const reading = Promise.all(Array.from({ length: 8 }, (_, partition) => read(partition)));
    for (let round = 0; round < rounds; round++) {
      const records = Array.from({ length: 8 }, (_, partition) => record(`${round}`, partition));
      await log.produce(records);
      if (round % 10 === 0) await systemClock.sleep(round % 120);
    }
    const complete = Array.from({ length: rounds }, (_, offset) => offset);
    expect(await reading).toEqual(Array.from({ length: 8 }, () => complete));
    await log.close();
  });
});

describe('trap: a static member cannot leave its group, and comes back to what it left with', () => {
  for (const groupProtocol of ['classic', 'consumer']) {
    it(`partitions move at once and back, well within the session time-out (${groupProtocol})`, async () => {
      const parkingTopic = newTopic();
      await (await openLog(parkingTopic)).close();
      const topic = newTopic();
      const group = `g-${topic}`;
      const settings = settingsFor(topic, { groupProtocol, sessionTimeoutMs: 40_000 });
      const process = async (id: string) => {
        const log = await openKafkaLog(settings, { clock: systemClock }, { parkingTopic });
        const { owned, events } = owning();
        const member = await log.join(group, id, events);
        return { log, owned, member };
      };
      const within = { timeout: 20_000, interval: 20 };
      const one = await process('one');
      await expect.poll(() => one.owned.size, within).toBe(2);
      let two = await process('two');
      await expect.poll(() => [one.owned.size, two.owned.size], within).toEqual([1, 1]);
      for (let round = 0; round < 2; round++) {
        await two.member.close();
        await expect.poll(() => one.owned.size, within).toBe(2);
        await two.log.close();
        two = await process('two');
        await expect.poll(() => [one.owned.size, two.owned.size], within).toEqual([1, 1]);
      }
      await two.log.close();
      await one.log.close();
    });
  }
});
