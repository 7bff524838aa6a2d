// The simulated log keeps what the checks count on: a consumer is back soon after an outage, whatever the dice
// say. A poll that now and then waits for minutes is no client of Kafka's, and breaks invariant 8 by itself.
import type { PartitionConsumer } from '@weir/log';
import { describe, expect, it } from 'vitest';
import { Topic } from './broker.ts';
import { Coverage } from './coverage.ts';
import { createDice } from './dice.ts';
import { Faults, ratesOf } from './faults.ts';
import { createLogClient } from './log-client.ts';
import { SimProcess } from './process.ts';
import { Scheduler } from './scheduler.ts';

const OUTAGE_MS = 60_000;
/** A client of Kafka's tries again at least as often (reconnect.backoff.max.ms), and then fetches. */
const BACK_MS = 11_000;

async function fetchedAfterMs(seed: number): Promise<number> {
  const dice = createDice(seed);
  const scheduler = new Scheduler(0, dice.fork('order'));
  const rates = Object.fromEntries(Object.keys(ratesOf(dice)).map((name) => [name, 0]));
  const faults = new Faults(rates as never, scheduler, dice, new Coverage());
  const topic = new Topic('topic-1', 1, scheduler);
  const process = new SimProcess('one', scheduler, dice.fork('one'), 0, () => undefined);
  const log = createLogClient({ topic, process, faults });
  let consumer: PartitionConsumer | undefined;
  void log.consume(0, 0).then((opened) => {
    consumer = opened;
  });
  await scheduler.runUntil(OUTAGE_MS, () => consumer !== undefined);
  const healedMs = scheduler.nowMs + OUTAGE_MS;
  faults.breakLog(OUTAGE_MS);
  topic.append({ partition: 0, key: new Uint8Array(), value: new Uint8Array(1), version: 1 });
  let fetched = false;
  void consumer!.next(1000).then(() => {
    fetched = true;
  });
  await scheduler.runUntil(healedMs + 10 * OUTAGE_MS, () => fetched);
  return scheduler.nowMs - healedMs;
}

describe('a consumer of the simulated log', () => {
  it('is back within seconds after an outage', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      expect(await fetchedAfterMs(seed), `seed ${seed}`).toBeLessThan(BACK_MS);
    }
  });
});
