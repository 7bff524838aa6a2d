// Tells when the log could not acknowledge, from what brokers say of a topic and which of them the test has
// killed: a partition can't while its leader is dead, while a dead replica counts as in sync, or while too few are.
import { openRaw } from './kafka-raw.ts';

const POLL_MS = 200;
const ASK_WITHIN_MS = 2_000;
/** Clients learn of a new leader a moment after it is one. */
const LEARN_MS = 2_000;

interface TopicMetadata {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly leader: number;
      readonly isrs: readonly number[];
      readonly replicas: readonly number[];
    }[];
  }[];
}

export interface LogWitness {
  /** Told before a broker is killed. */
  killed(id: number): void;
  started(id: number): void;
  /** Every partition can acknowledge, as of the last answer. */
  readonly able: boolean;
  /** Every replica of every partition is in sync. */
  readonly whole: boolean;
  /** Whether the log could acknowledge all of the time between (performance.now()). */
  wasAble(fromMs: number, toMs: number): boolean;
  stop(): Promise<void>;
}

export async function watchLog(
  brokers: string,
  topic: string,
  replicasMin: number,
): Promise<LogWitness> {
  const { driver } = openRaw(brokers);
  const client = new driver.Producer({ 'bootstrap.servers': brokers });
  await new Promise<void>((resolve, reject) => {
    client.connect({ timeout: 10_000 }, (error) => (error ? reject(error) : resolve()));
  });
  const dead = new Set<number>();
  let kills = 0;
  const unable: { fromMs: number; toMs: number }[] = [];
  let able = true;
  let whole = true;
  let running = true;

  function note(isAble: boolean, atMs: number): void {
    if (able && !isAble) unable.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    if (!able && isAble) unable.at(-1)!.toMs = performance.now();
    able = isAble;
  }

  const ask = () =>
    new Promise<TopicMetadata | undefined>((resolve) => {
      client.getMetadata({ topic, timeout: ASK_WITHIN_MS }, (error, found) =>
        resolve(error ? undefined : (found as TopicMetadata)),
      );
    });

  async function look(): Promise<void> {
    const askedMs = performance.now();
    const killsThen = kills;
    const found = await ask();
    if (kills !== killsThen) return; // it may tell of the time before
    const partitions = found?.topics.find(({ name }) => name === topic)?.partitions;
    if (partitions === undefined) return note(false, askedMs);
    const alive = (id: number) => id >= 0 && !dead.has(id);
    const can = partitions.every(
      ({ leader, isrs }) => alive(leader) && isrs.every(alive) && isrs.length >= replicasMin,
    );
    whole = partitions.every(({ isrs, replicas }) => isrs.length === replicas.length);
    note(can, askedMs);
  }

  const watching = (async () => {
    while (running) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  })();

  return {
    killed(id) {
      dead.add(id);
      kills++;
      note(false, performance.now());
    },
    started: (id) => dead.delete(id),
    get able() {
      return able;
    },
    get whole() {
      return whole;
    },
    wasAble: (fromMs, toMs) =>
      !unable.some((one) => one.fromMs - POLL_MS <= toMs && one.toMs + LEARN_MS >= fromMs),
    async stop() {
      running = false;
      await watching;
      await new Promise<void>((resolve) => client.disconnect(() => resolve()));
    },
  };
}
