// What groups have committed, asked by a client of the group's name that never joins it: it follows the group's
// coordinator. The administration client must not be asked for this: when its time-out passes while a
// coordinator is being replaced, it ends the process (an assertion in librdkafka, `eonce->refcnt > 0`).
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { CommittedOffset } from '../partition-log.ts';
import { ATTEMPT_MS, askAgain } from './ask-again.ts';
import { readerConfig } from './client-config.ts';
import { call, type Driver, disconnect, type KafkaConsumer } from './driver.ts';
import type { KafkaSettings } from './flags.ts';
import type { Trouble } from './trouble.ts';

export interface GroupOffsets {
  /** Undefined when the group has committed nothing for the partition. */
  committed(group: string, partition: number): Promise<CommittedOffset | undefined>;
  close(): Promise<void>;
}

export interface GroupOffsetsParts {
  readonly clock: Clock;
  readonly trouble: Trouble;
}

interface Found {
  readonly offset?: number | null;
  readonly metadata?: string;
}

export function createGroupOffsets(
  driver: Driver,
  settings: KafkaSettings,
  { clock, trouble }: GroupOffsetsParts,
): GroupOffsets {
  const { topic } = settings;
  const clients = new Map<string, Promise<KafkaConsumer>>();
  let closed = false;

  async function open(group: string): Promise<KafkaConsumer> {
    const config = { ...readerConfig(settings, clock), 'group.id': group };
    const client = new driver.KafkaConsumer(config as object) as KafkaConsumer;
    trouble.watch(client);
    await trouble.connect(client, settings.dialTimeoutMs + settings.writeTimeoutMs);
    return client;
  }

  function clientOf(group: string): Promise<KafkaConsumer> {
    if (closed) throw new WeirError('closed', 'kafka log is closed');
    let client = clients.get(group);
    if (client === undefined) {
      client = open(group);
      clients.set(group, client);
      client.catch(() => clients.delete(group));
    }
    return client;
  }

  return {
    async committed(group, partition) {
      const client = await clientOf(group);
      const [found] = await askAgain(clock, () =>
        call<Found[]>(`offsets of group ${group}`, (done) =>
          client.committed([{ topic, partition }], ATTEMPT_MS, done as never),
        ).catch((error: unknown) => {
          throw trouble.explain(error);
        }),
      );
      const offset = found?.offset;
      if (typeof offset !== 'number' || offset < 0) return undefined;
      return { nextOffset: offset, metadata: found!.metadata ?? '' };
    },
    async close() {
      closed = true;
      const opened = await Promise.allSettled(clients.values());
      const connected = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      await Promise.all(connected.map(disconnect));
    },
  };
}
