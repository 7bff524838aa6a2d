// A partition log that is arrays: the simplest thing that passes the contract. For tests and simulation;
// it keeps everything and loses everything with the process.
import { WeirError } from '@weir/errors';
import type { Clock, Random } from '@weir/runtime';
import { createGroupRegistry } from '../in-process/group.ts';
import type {
  CommittedOffset,
  LogRecord,
  PartitionConsumer,
  PartitionLog,
} from '../partition-log.ts';

export interface MemoryLogSettings {
  readonly partitions: number;
  /** Default 16 MiB. */
  readonly recordSizeMaxBytes?: number;
}

export interface MemoryLogParts {
  readonly clock: Clock;
  readonly random: Random;
}

export function createMemoryLog(settings: MemoryLogSettings, parts: MemoryLogParts): PartitionLog {
  const { partitions, recordSizeMaxBytes = 16 * 1024 * 1024 } = settings;
  const logs = Array.from({ length: partitions }, (): LogRecord[] => []);
  const offsets = new Map<string, CommittedOffset>();
  const store = {
    committed: (group: string, partition: number) => offsets.get(`${partition}/${group}`),
    async commit(group: string, partition: number, offset: CommittedOffset) {
      offsets.set(`${partition}/${group}`, offset);
    },
  };
  const groups = createGroupRegistry(partitions, store, parts.clock);
  let waiting: (() => void)[] = [];
  let lastTimestampMs = 0;
  let closed = false;

  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  const of = (partition: number): LogRecord[] => {
    if (closed) throw new WeirError('closed', 'memory log is closed');
    const records = logs[partition];
    if (records !== undefined) return records;
    throw new WeirError('invalid', `partition ${partition} is not one of ${partitions}`);
  };

  const open = (partition: number, fromOffset: number): PartitionConsumer => {
    let position = fromOffset;
    let left = false;
    return {
      partition,
      get position() {
        return position;
      },
      async next(maxBytes) {
        for (;;) {
          if (left || closed) throw new WeirError('closed', `consumer of ${partition} is closed`);
          const records = sliceOf(logs[partition]!, position, maxBytes);
          position += records.length;
          if (records.length > 0) return { partition, records, nextOffset: position };
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
      },
      async close() {
        left = true;
        wake();
      },
    };
  };

  return {
    topicId: Buffer.from(parts.random.bytes(16)).toString('hex'),
    partitionCount: partitions,
    recordSizeMaxBytes,
    async produce(records) {
      for (const { partition, value } of records) {
        of(partition);
        if (value.length <= recordSizeMaxBytes) continue;
        throw new WeirError('invalid', `record of ${value.length} bytes is too large`);
      }
      lastTimestampMs = Math.max(lastTimestampMs, Math.floor(parts.clock.nowMs()));
      const written = records.map(({ partition, key, value, version, traceparent }) => {
        const log = of(partition);
        const offset = log.length;
        log.push({ offset, timestampMs: lastTimestampMs, key, value, version, traceparent });
        return offset;
      });
      wake();
      return written;
    },
    async consume(partition, fromOffset) {
      const end = of(partition).length;
      if (fromOffset >= 0 && fromOffset <= end) return open(partition, fromOffset);
      const message = `offset ${fromOffset} of partition ${partition} is outside of the log: [0, ${end})`;
      throw new WeirError('corrupt', message);
    },
    startOffset: async (partition) => of(partition)[0]?.offset ?? 0,
    endOffset: async (partition) => of(partition).length,
    endOffsets: async (partitions) => partitions.map((partition) => of(partition).length),
    offsetForTime: async (partition, timestampMs) =>
      of(partition).find((record) => record.timestampMs >= timestampMs)?.offset,
    async committed(group, partition) {
      of(partition);
      return store.committed(group, partition);
    },
    async join(group, memberId, events) {
      if (closed) throw new WeirError('closed', 'memory log is closed');
      return groups.join(group, memberId, events);
    },
    async close() {
      closed = true;
      wake();
    },
  };
}

/** Records from `from` on up to about `maxBytes` of values; in memory they may be handed out twice. */
function sliceOf(log: readonly LogRecord[], from: number, maxBytes: number): LogRecord[] {
  const taken: LogRecord[] = [];
  let size = 0;
  for (let at = from; at < log.length; at++) {
    const record = log[at]!;
    if (taken.length > 0 && size + record.value.length > maxBytes) break;
    size += record.value.length;
    taken.push(record);
  }
  return taken;
}
