// Everything an SRE does to a running Weir, and what happens to it, under load: ingesters scaled, rolled, killed,
// drained, robbed of their disks, in two zones, over three brokers of which one is killed. All the while strong
// reads are compared with what was acknowledged: nothing lost, nothing doubled, no query failed, and pushes
// fail only while the log can't acknowledge. WEIR_CHAOS_MINUTES=20 asks for all of it; the default is a short form.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafkaCluster } from '../providers/kafka-cluster.mjs';
import { type LogWitness, watchLog } from '../support/log-witness.ts';
import { PacedLoad, type PushAnswer } from '../support/paced-load.ts';
import { RolloutOperator } from '../support/rollout-operator.ts';
import { CountWatch, metricOf, steady } from '../support/steady-watch.ts';
import { StrongChecker } from '../support/strong-checker.ts';
import { type Pod, startZonedCluster, type ZonedCluster } from '../support/zoned-cluster.ts';

const MINUTES = Number(process.env.WEIR_CHAOS_MINUTES ?? 0);
const LONG = MINUTES > 0;
const PARTITIONS = LONG ? 24 : 6;
const RATE = LONG ? 20_000 : 4_000;
const INSTANCES = LONG ? 100 : 20;
const PODS_FIRST = LONG ? 2 : 1;
const PODS_MOST = LONG ? 4 : 2;
/** Between two events. */
const CALM_MS = LONG ? 10_000 : 2_000;
const STEADY_WITHIN_MS = LONG ? 240_000 : 120_000;
const BROKER_DOWN_MS = LONG ? 40_000 : 3_000;
const ZONES = ['zone-a', 'zone-b'];
/** Event time goes as many times faster: blocks are cut and shipped meanwhile. */
const STEP_MS = 10_000;
const TENANT = 'chaos';
const HOUR_MS = 3_600_000;

let kafka: KafkaCluster | undefined;
let weir: ZonedCluster | undefined;
let log: LogWitness | undefined;

afterEach(async () => {
  await weir?.stop();
  await log?.stop();
  await kafka?.stop();
});

async function startAll(): Promise<{ weir: ZonedCluster; kafka: KafkaCluster; log: LogWitness }> {
  kafka = await startKafkaCluster({
    racks: process.env.WEIR_CHAOS_RACKS ? [...ZONES, 'zone-c'] : [],
    // Brokers are missed sooner in the short form, to save its time.
    properties: LONG
      ? {}
      : { 'broker.session.timeout.ms': '4000', 'broker.heartbeat.interval.ms': '500' },
  });
  const topic = 'weir-chaos';
  weir = await startZonedCluster({
    ...{ brokers: kafka.brokers, topic, partitions: PARTITIONS, zones: ZONES },
    ...{ pods: PODS_MOST, podsAtFirst: PODS_FIRST },
    flags: [
      '-log.level=info',
      '-blocks-storage.tsdb.ship-interval=5s',
      '-blocks-storage.tsdb.head-compaction-interval=5s',
      '-distributor.ingestion-rate-limit=1000000',
      '-distributor.ingestion-burst-size=10000000',
      // Short, so that the short form need not wait for it.
      ...(LONG ? [] : ['-ingest-storage.kafka.session-timeout=6s']),
    ],
  });
  log = await watchLog(kafka.brokers, topic, 2);
  return { weir, kafka, log };
}

/** What happened when, for people: each event with the time until all was steady and what was read again. */
class Timeline {
  readonly lines: string[] = [];
  readonly #replayed: CountWatch;
  readonly #steady: (running: readonly Pod[]) => Promise<number>;
  readonly #startMs = performance.now();

  constructor(replayed: CountWatch, isSteady: (running: readonly Pod[]) => Promise<number>) {
    this.#replayed = replayed;
    this.#steady = isSteady;
  }

  /** Does it, and waits until it is steady with these ingesters. */
  async event(what: string, running: readonly Pod[], work: () => Promise<void>): Promise<void> {
    await this.#replayed.since();
    const beganMs = performance.now();
    await work();
    const didSeconds = (performance.now() - beganMs) / 1000;
    const steadySeconds = await this.#steady(running);
    const replayed = await this.#replayed.since();
    this.note(
      `${what}: done after ${didSeconds.toFixed(1)} s, steady ${steadySeconds.toFixed(1)} s later, ${replayed} records replayed`,
    );
    await sleep(CALM_MS);
  }

  note(line: string): void {
    const at = ((performance.now() - this.#startMs) / 1000).toFixed(0).padStart(4);
    this.lines.push(`${at} s  ${line}`);
    if (LONG) console.log(this.lines.at(-1));
  }
}

/** WEIR_CHAOS_LOGS names a folder for what each process has printed since its last start. */
async function keepOutputs({ all }: ZonedCluster): Promise<void> {
  const folder = process.env.WEIR_CHAOS_LOGS;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  for (const [at, { output }] of all.entries()) await writeFile(`${folder}/${at}.log`, output);
}

const podsOf = (count: number) => [...weir!.zones.values()].flatMap((pods) => pods.slice(0, count));
const stopped = async (pod: Pod) => expect(await pod.process.stop(), pod.process.output).toBe(0);

async function ask(pod: Pod, method: string, path: string): Promise<void> {
  const answer = await fetch(`${pod.process.base}/ingester/${path}`, { method });
  expect(answer.status, await answer.text()).toBeLessThan(300);
}

describe('a cluster that is scaled, rolled and damaged under load', () => {
  it(
    'loses nothing, doubles nothing, and answers all the time',
    async () => {
      const { weir, kafka, log } = await startAll();
      const pushErrors: string[] = [];
      const answered = ({ status, text, sentMs }: PushAnswer) => {
        if (status === 200 || !log.wasAble(sentMs, performance.now())) return;
        pushErrors.push(`${(sentMs / 1000).toFixed(1)} s: ${status} ${text.slice(0, 300)}`);
      };
      const load = new PacedLoad({
        ...{ base: () => weir.distributors.base(), tenant: TENANT, instances: INSTANCES },
        startMs: Math.floor((Date.now() - 11 * HOUR_MS) / STEP_MS) * STEP_MS,
        ...{ stepMs: STEP_MS, distinctLabels: true, answered },
      });
      load.rate = RATE;
      const checker = new StrongChecker(load, () => weir.queriers.base());
      const everyone = podsOf(PODS_MOST);
      const isSteady = (running: readonly Pod[]) =>
        steady(() => weir.distributors.base(), PARTITIONS, running, STEADY_WITHIN_MS);
      const replayed = new CountWatch('weir_ingester_replayed_records_total', everyone);
      const timeline = new Timeline(replayed, isSteady);
      let checkedSteps = 0;
      const checkNew = async () => {
        const to = load.acknowledgedSteps;
        await checker.checkAll(checkedSteps, to);
        checkedSteps = to;
      };
      try {
        await timeline.event('start', podsOf(PODS_FIRST), async () => undefined);
        load.start();
        checker.start();
        await sleep(LONG ? 30_000 : 3_000);
        const most = podsOf(PODS_MOST);

        await timeline.event(`scale ${PODS_FIRST} to ${PODS_MOST} per zone`, most, () =>
          weir.startPods(most.filter((pod) => !podsOf(PODS_FIRST).includes(pod))),
        );
        await checkNew();

        for (const pod of LONG ? most : most.slice(-1)) {
          await timeline.event(`roll ${pod.id}`, most, async () => {
            await stopped(pod);
            await weir.startPods([pod]);
          });
        }
        if (LONG) {
          await timeline.event('roll distributors', most, () => weir.distributors.roll());
          await timeline.event('roll queriers', most, () => weir.queriers.roll());
        }
        await checkNew();

        const killed = most.at(-1)!;
        const others = most.filter((pod) => pod !== killed);
        if (LONG) {
          await timeline.event(`kill -9 ${killed.id}`, others, async () => {
            await killed.process.kill();
          });
          await timeline.event(`start ${killed.id}`, most, () => weir.startPods([killed]));
          await checkNew();
        }

        const broker = kafka.ids.at(-1)!;
        await timeline.event(`kill -9 broker ${broker}`, most, async () => {
          log.killed(broker);
          await kafka.kill(broker);
          const from = performance.now();
          await expect.poll(() => log.able, { timeout: 60_000, interval: 50 }).toBe(true);
          timeline.note(
            `log acknowledges again after ${((performance.now() - from) / 1000).toFixed(1)} s`,
          );
          await sleep(BROKER_DOWN_MS);
        });
        await timeline.event(`start broker ${broker}`, most, async () => {
          await kafka.startBroker(broker);
          log.started(broker);
          await expect.poll(() => log.whole, { timeout: 60_000, interval: 50 }).toBe(true);
        });
        await checkNew();

        const drained = most[0]!;
        const stay = most.filter((pod) => pod !== drained);
        if (LONG) {
          await timeline.event(`drain ${drained.id}`, stay, () =>
            ask(drained, 'POST', 'prepare-partition-downscale'),
          );
          await timeline.event(`take the drain of ${drained.id} back`, most, () =>
            ask(drained, 'DELETE', 'prepare-partition-downscale'),
          );
        }
        await timeline.event(`kill ${killed.id}, remove its folder, start it`, most, async () => {
          await killed.process.kill();
          await rm(killed.directory, { recursive: true });
          await weir.startPods([killed]);
        });
        await checkNew();

        const one = podsOf(1);
        await timeline.event(`scale ${PODS_MOST} to 1 per zone`, one, async () => {
          for (const [zone, pods] of weir.zones) {
            const operator = new RolloutOperator(
              pods.map(({ process }) => process),
              { delayMs: 3_000 },
            );
            await operator.scaleTo(1, 180_000);
            for (const line of operator.events) timeline.note(`  ${zone}: ${line}`);
          }
        });

        await load.stop();
        await checker.checkAll(0, load.acknowledgedSteps);
        await checker.checkSamples([0, INSTANCES >> 1, INSTANCES - 1]);
        await checker.stop();
        const missed = one.map((pod) =>
          metricOf(pod.process.base, 'cortex_ingest_storage_reader_missed_records_total'),
        );
        expect(await Promise.all(missed)).toEqual(one.map(() => 0));
      } finally {
        const seconds = (list: readonly number[], share: number) =>
          ([...list].sort((a, b) => a - b)[Math.floor(list.length * share)]! / 1000).toFixed(2);
        timeline.note(
          `${load.acknowledgedSamples} samples acknowledged, answers ${JSON.stringify([...load.statuses])}, ` +
            `pushes p99 ${seconds(load.latenciesMs, 0.99)} s`,
        );
        timeline.note(
          `${checker.asked} queries, p50 ${seconds(checker.latenciesMs, 0.5)} s, p99 ${seconds(checker.latenciesMs, 0.99)} s`,
        );
        for (const line of [...checker.failures, ...pushErrors].slice(0, 20)) timeline.note(line);
        console.log(timeline.lines.join('\n'));
        await keepOutputs(weir);
      }
      expect([checker.failures, pushErrors]).toEqual([[], []]);
      expect(load.acknowledgedSteps).toBeGreaterThan(50);
      const outputs = weir.all.map(({ output }) => output);
      expect(outputs.filter((text) => /unhandled|uncaught/i.test(text))).toEqual([]);
    },
    LONG ? MINUTES * 60_000 + 1_200_000 : 400_000,
  );
});
