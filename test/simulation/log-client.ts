// The partition log as one process sees it: the port over the simulated brokers, with everything that can
// happen on the way.
import { WeirError } from '@weir/errors';
import type { LogRecord, PartitionConsumer, PartitionLog, ProduceRecord } from '@weir/log';
import type { Coordinator, Topic } from './broker.ts';
import type { Faults } from './faults.ts';
import type { Mishap, SimProcess } from './process.ts';

const CALL_MS = 4;
const PRODUCE_MS = 8;
/** As Kafka's clients try again: at least so often (reconnect.backoff.max.ms). */
const RECONNECT_MAX_MS = 10_000;
const RECORD_SIZE_MAX_BYTES = 1 << 20;

export interface LogClientParts {
  readonly topic: Topic;
  readonly coordinator?: Coordinator;
  readonly process: SimProcess;
  readonly faults: Faults;
}

export function createLogClient({
  topic,
  coordinator,
  process,
  faults,
}: LogClientParts): PartitionLog {
  const name = topic.id.slice(0, 7);
  /** No groups: it is the cluster's topic, whose view may stand still while all else works. */
  const isClusters = coordinator === undefined;
  const ask = <T>(what: string, effect: () => T) =>
    process.call(`${name}.${what}`, CALL_MS, effect, faults.logMishap(process));

  const produceOne = (record: ProduceRecord): Promise<number> => {
    const mishap = faults.produceMishap(process);
    const label = `${name}.produce ${record.partition}`;
    return process.call(label, PRODUCE_MS, () => topic.produced(record), mishap);
  };

  function open(partition: number, fromOffset: number): PartitionConsumer {
    let position = fromOffset;
    let closed: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      closed = resolve;
    });
    let isClosed = false;
    const checkOpen = () => {
      if (isClosed) throw new WeirError('closed', `consumer of ${partition} is closed`);
    };
    return {
      partition,
      get position() {
        return position;
      },
      async next(maxBytes) {
        for (;;) {
          checkOpen();
          while (faults.logDown(process) || (isClusters && faults.isHeldBack(process))) {
            const waitMs = process.dice.int(100, RECONNECT_MAX_MS);
            await Promise.race([ended, process.clock.sleep(waitMs)]);
            checkOpen();
          }
          if (position < topic.starts[partition]!) {
            throw new WeirError('corrupt', `offset ${position} of ${partition} was truncated away`);
          }
          const records = take(topic, partition, position, maxBytes, process);
          if (records.length > 0) {
            position = records.at(-1)!.offset + 1;
            const slowMs = faults.slowFetchMs();
            if (slowMs > 0) await process.clock.sleep(slowMs);
            await process.local(`${name}.fetched ${partition}`, CALL_MS, () => undefined);
            checkOpen();
            return { partition, records, nextOffset: position };
          }
          const more = new Promise<void>((resolve) => topic.onAppend(partition, resolve));
          await Promise.race([more, ended]);
          if (!process.alive) await new Promise(() => {});
        }
      },
      async close() {
        isClosed = true;
        closed?.();
      },
    };
  }

  return {
    topicId: topic.id,
    partitionCount: topic.partitions.length,
    recordSizeMaxBytes: RECORD_SIZE_MAX_BYTES,
    async produce(records) {
      const done = await Promise.allSettled(records.map(produceOne));
      return done.map((one) => {
        if (one.status === 'rejected') throw one.reason;
        return one.value;
      });
    },
    consume: (partition, fromOffset) =>
      ask(`consume ${partition}`, () => {
        const start = topic.starts[partition]!;
        const end = topic.end(partition);
        if (fromOffset >= start && fromOffset <= end) return open(partition, fromOffset);
        const range = `[${start}, ${end})`;
        throw new WeirError('corrupt', `offset ${fromOffset} of ${partition} is not in ${range}`);
      }),
    startOffset: (partition) => ask(`start ${partition}`, () => topic.starts[partition]!),
    endOffset: (partition) => ask(`end ${partition}`, () => topic.end(partition)),
    endOffsets: (partitions) =>
      ask(`ends ${partitions.join()}`, () => partitions.map((partition) => topic.end(partition))),
    offsetForTime: (partition, timestampMs) =>
      ask(`offsetForTime ${partition}`, () => {
        const found = topic.partitions[partition]!.find((one) => one.timestampMs >= timestampMs);
        return found && Math.max(found.offset, topic.starts[partition]!);
      }),
    committed: (group, partition) =>
      ask(`committed ${partition}`, () => coordinator!.offsets.get(`${group}/${partition}`)),
    async join(group, memberId, events) {
      await process.local(`${name}.join`, 100, () => {
        coordinator!.join(group, memberId, process, events);
      });
      return {
        commit: (partition, nextOffset, metadata) =>
          ask(`commit ${partition} ${nextOffset}`, () =>
            coordinator!.commit(group, memberId, process, partition, { nextOffset, metadata }),
          ),
        close: ({ stay = false } = {}) =>
          process.local(`${name}.leave`, 10, () => {
            if (stay) coordinator!.silence(process, Number.POSITIVE_INFINITY);
            else coordinator!.leave(group, memberId, process);
          }),
      };
    },
    close: async () => undefined,
  };
}

/** A random part of what is there, copied: the caller owns it. */
function take(
  topic: Topic,
  partition: number,
  from: number,
  maxBytes: number,
  process: SimProcess,
): LogRecord[] {
  const records = topic.partitions[partition]!;
  const taken: LogRecord[] = [];
  const limit = process.dice.chance(0.2) ? process.dice.int(1, 3) : 500;
  let sizeBytes = 0;
  for (let at = from; at < records.length && taken.length < limit; at++) {
    const { offset, timestampMs, key, value, version } = records[at]!;
    if (taken.length > 0 && sizeBytes + value.length > maxBytes) break;
    sizeBytes += value.length;
    taken.push({
      offset,
      timestampMs,
      key: new Uint8Array(key),
      value: new Uint8Array(value),
      version,
    });
  }
  return taken;
}

export function unavailable(what: string): Mishap['error'] {
  return new WeirError('unavailable', `simulated: ${what}`);
}
