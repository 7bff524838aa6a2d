// Reads partitions at offsets it is told, several through one client. Each has a queue with a byte
// budget: a full one is paused, so that one slow consumer stalls none. What the client hides or gets
// wrong is watched from here: an offset outside of the log ends that partition with an error naming the
// offsets, where the client would fall silent. It never commits.
import { assert, WeirError } from '@weir/errors';
import { type Clock, createSemaphore, type Timer } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { LogRecord, PartitionConsumer, RecordBatch } from '../partition-log.ts';
import { ATTEMPT_MS, askAgain } from './ask-again.ts';
import { readerConfig } from './client-config.ts';
import {
  CODE,
  call,
  type Driver,
  disconnect,
  type KafkaConsumer,
  type KafkaMessage,
  kafkaError,
} from './driver.ts';
import type { KafkaSettings } from './flags.ts';
import type { Trouble } from './trouble.ts';

const MESSAGES_MAX = 500;
/** What one call may bring, by the size of the messages before. */
const BATCH_BYTES = 4 * 1024 * 1024;
const CONSUME_WAIT_MS = 100;
const WATCH_EVERY_MS = 3000;
/** Looks in a row at which a partition had more and the client brought nothing: then it is replaced. */
const SILENT_LOOKS_MAX = 5;

export interface Offsets {
  /** Start and end of a partition, asked of the broker. */
  watermarks(partition: number): Promise<{ readonly start: number; readonly end: number }>;
}

export interface Reader {
  reads(partition: number): boolean;
  /** Begins at an offset that is known to be inside of the log. */
  consume(partition: number, fromOffset: number): Promise<PartitionConsumer>;
  close(): Promise<void>;
}

export interface ReaderParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly offsets: Offsets;
  readonly trouble: Trouble;
}

interface Queue {
  readonly partition: number;
  records: LogRecord[];
  bytes: number;
  paused: boolean;
  /** The next offset that the client is expected to bring. */
  expected: number;
  /** The next offset to be given to the consumer. */
  position: number;
  failure: WeirError | undefined;
  wake: (() => void) | undefined;
  /** Looks in a row at which there was more than the client brought. */
  silentLooks: number;
}

export async function openReader(
  driver: Driver,
  settings: KafkaSettings,
  { clock, log, offsets, trouble }: ReaderParts,
): Promise<Reader> {
  const { topic } = settings;
  const queues = new Map<number, Queue>();
  let closed = false;
  let running: Promise<void> | undefined;
  let underWay: Promise<void> | undefined;
  /** Partitions that were closed during a call of the client, which may still bring messages of them. */
  const leftOver = new Map<number, Promise<void>>();
  let watch: Timer | undefined;

  /** What one partition may read ahead, so that all together stay within theirs. */
  const bufferBytes = () => shareOf(settings, queues.size);

  const at = (queue: Queue) => [{ topic, partition: queue.partition }];

  const fail = (queue: Queue, error: WeirError) => {
    queue.failure ??= error;
    queue.wake?.();
  };

  const take = (message: KafkaMessage) => {
    const queue = queues.get(message.partition);
    if (queue === undefined || message.offset < queue.expected) return;
    const record = toRecord(message);
    queue.records.push(record);
    queue.bytes += record.value.length;
    queue.expected = message.offset + 1;
    if (!queue.paused && queue.bytes > bufferBytes()) {
      client.pause(at(queue));
      queue.paused = true;
    }
    queue.wake?.();
  };

  const openClient = async (): Promise<KafkaConsumer> => {
    const opened = new driver.KafkaConsumer(
      readerConfig(settings, clock) as object,
    ) as KafkaConsumer;
    trouble.watch(opened);
    // Otherwise a batch waits for its last message, up to a second.
    opened.setDefaultIsTimeoutOnlyForFirstMessage(true);
    opened.setDefaultConsumeTimeout(CONSUME_WAIT_MS);
    // Not in the callback of consume(): that comes after the ends of partitions which were met on the way.
    opened.on('data', (message) => {
      if (opened === client) take(message);
    });
    opened.on('partition.eof', (end) => {
      if (opened === client) moveOn(end);
    });
    await trouble.connect(opened, settings.dialTimeoutMs + settings.writeTimeoutMs);
    return opened;
  };

  let messagesMax = 8;
  const adaptMax = (messages: readonly KafkaMessage[]) => {
    if (messages.length === 0) return;
    const bytes = messages.reduce((sum, message) => sum + message.size, 1);
    const fitting = Math.floor((BATCH_BYTES * messages.length) / bytes);
    // Grows step by step: large messages may come again.
    messagesMax = Math.max(1, Math.min(MESSAGES_MAX, messagesMax * 2, fitting));
  };
  const consumeOnce = () =>
    new Promise<void>((resolve) => {
      client.consume(messagesMax, (error, messages) => {
        if (error) onConsumeError(error);
        else adaptMax(messages);
        resolve();
      });
    });

  const onConsumeError = (error: { code: number }) => {
    log.warn({ err: error }, 'kafka reader');
    const outside = error.code === CODE.autoOffsetReset || error.code === CODE.offsetOutOfRange;
    if (outside) void checkRanges();
    if (error.code === CODE.topicForbidden) {
      const refused = kafkaError(`reading topic ${topic} as (${trouble.security})`, error);
      for (const queue of queues.values()) fail(queue, refused);
    }
  };

  const run = async () => {
    while (!closed && queues.size > 0) {
      underWay = consumeOnce();
      await underWay;
      underWay = undefined;
    }
    running = undefined;
  };

  /**
   * A client may bring nothing of a partition for ever, though it is connected and asked (seen after a
   * process was killed and restarted; why is not known, and assigning it once more did not help). Another takes over.
   */
  const replaceClient = async () => {
    log.warn({ topic }, 'kafka reader: the client brings nothing of what is there; replaced');
    const fresh = await openClient();
    if (closed) {
      await disconnect(fresh);
      return;
    }
    const silent = client;
    client = fresh;
    for (const queue of queues.values()) {
      queue.silentLooks = 0;
      queue.paused = false;
      // Not assigned yet: consume() is about to.
      if (queue.expected === Number.POSITIVE_INFINITY) continue;
      client.incrementalAssign([{ topic, partition: queue.partition, offset: queue.expected }]);
    }
    await disconnect(silent);
  };

  const lookForSilence = async () => {
    if ([...queues.values()].every(({ silentLooks }) => silentLooks < SILENT_LOOKS_MAX)) return;
    try {
      await replaceClient();
    } catch (error) {
      log.warn({ err: error, topic }, 'kafka reader: the client could not be replaced yet');
    }
  };

  /** Finds consumers whose position has left the log, or stays behind its end: the client may not tell. */
  const checkRanges = async () => {
    for (const queue of [...queues.values()]) {
      if (queue.records.length > 0 || queue.failure !== undefined) {
        queue.silentLooks = 0;
        continue;
      }
      const position = queue.position;
      try {
        const { start, end } = await offsets.watermarks(queue.partition);
        const still = queues.get(queue.partition) === queue && queue.position === position;
        if (!still || (position >= start && position <= end)) {
          queue.silentLooks = still && position < end ? queue.silentLooks + 1 : 0;
          continue;
        }
        fail(queue, outOfRange(queue.partition, position, start, end));
      } catch (error) {
        log.warn({ err: error, partition: queue.partition }, 'kafka reader: no watermarks');
      }
    }
  };
  const watchOn = () => {
    watch = clock.after(WATCH_EVERY_MS, () => {
      void checkRanges()
        .then(lookForSilence)
        .then(() => {
          if (!closed) watchOn();
        });
    });
  };

  /** The position moves over offsets that hold no record (compacted, or markers of transactions). */
  const moveOn = ({ partition, offset }: { partition: number; offset: number }) => {
    const queue = queues.get(partition);
    if (queue === undefined || offset <= queue.expected) return;
    queue.expected = offset;
    queue.wake?.();
  };

  const takeBatch = (queue: Queue, maxBytes: number): RecordBatch | undefined => {
    let count = 0;
    let bytes = 0;
    for (const { value } of queue.records) {
      if (count > 0 && bytes + value.length > maxBytes) break;
      bytes += value.length;
      count++;
    }
    if (count === 0 && queue.expected === queue.position) return undefined;
    const records = queue.records.splice(0, count);
    queue.bytes -= bytes;
    queue.position = queue.records.length > 0 ? records.at(-1)!.offset + 1 : queue.expected;
    if (queue.paused && queue.bytes <= bufferBytes() / 2) {
      client.resume(at(queue));
      queue.paused = false;
    }
    return { partition: queue.partition, records, nextOffset: queue.position };
  };

  const consumerOf = (queue: Queue): PartitionConsumer => {
    const { partition } = queue;
    return {
      partition,
      get position() {
        return queue.position;
      },
      async next(maxBytes) {
        for (;;) {
          if (queue.failure !== undefined) throw queue.failure;
          const batch = takeBatch(queue, maxBytes);
          if (batch !== undefined) return batch;
          assert(queue.wake === undefined, 'one call of next() at a time');
          await new Promise<void>((resolve) => {
            queue.wake = resolve;
          });
          queue.wake = undefined;
        }
      },
      async close() {
        if (queues.get(partition) !== queue) return;
        queues.delete(partition);
        if (underWay !== undefined) leftOver.set(partition, underWay);
        client.incrementalUnassign(at(queue));
        fail(queue, new WeirError('closed', `consumer of partition ${partition} is closed`));
      },
    };
  };

  let client = await openClient();
  watchOn();
  return {
    reads: (partition) => queues.has(partition),
    async consume(partition, fromOffset) {
      const queue: Queue = {
        partition,
        records: [],
        bytes: 0,
        paused: false,
        // Until it is assigned, any message is a former consumer's.
        expected: Number.POSITIVE_INFINITY,
        position: fromOffset,
        failure: undefined,
        wake: undefined,
        silentLooks: 0,
      };
      queues.set(partition, queue);
      await leftOver.get(partition);
      leftOver.delete(partition);
      if (closed) throw new WeirError('closed', 'kafka log is closed');
      queue.expected = fromOffset;
      client.incrementalAssign([{ topic, partition, offset: fromOffset }]);
      running ??= run();
      return consumerOf(queue);
    },
    async close() {
      closed = true;
      watch?.cancel();
      const error = new WeirError('closed', 'kafka log is closed');
      for (const queue of queues.values()) fail(queue, error);
      queues.clear();
      await running;
      await disconnect(client);
    },
  };
}

/** Each question holds a thread of the process while it waits, and files need threads, too. */
const QUESTIONS_AT_ONCE = 2;

/** Start and end of a partition by asking its leader, never from the client's memory. */
export function askWatermarks(client: KafkaConsumer, topic: string, clock: Clock): Offsets {
  const places = createSemaphore(QUESTIONS_AT_ONCE);
  const ask = async (partition: number) => {
    const release = await places.acquire();
    try {
      return await call<{ lowOffset: number; highOffset: number }>(
        `offsets of partition ${partition}`,
        (done) => client.queryWatermarkOffsets(topic, partition, ATTEMPT_MS, done),
      );
    } finally {
      release();
    }
  };
  return {
    async watermarks(partition) {
      const { lowOffset, highOffset } = await askAgain(clock, () => ask(partition));
      return { start: lowOffset, end: highOffset };
    },
  };
}

/** Less would have a partition paused at every record. */
const SHARE_MIN_BYTES = 64 * 1024;

/** The bytes that each of so many partitions may read ahead. */
export function shareOf(
  {
    partitionBufferBytes,
    bufferBytesMax,
  }: Pick<KafkaSettings, 'partitionBufferBytes' | 'bufferBytesMax'>,
  partitions: number,
): number {
  if (bufferBytesMax <= 0) return partitionBufferBytes;
  const share = Math.floor(bufferBytesMax / Math.max(1, partitions));
  return Math.min(partitionBufferBytes, Math.max(SHARE_MIN_BYTES, share));
}

export function outOfRange(partition: number, position: number, start: number, end: number) {
  const message = `offset ${position} of partition ${partition} is outside of the log: [${start}, ${end})`;
  return new WeirError('corrupt', message);
}

function toRecord(message: KafkaMessage): LogRecord {
  return {
    offset: message.offset,
    timestampMs: message.timestamp ?? 0,
    key: bytesOf(message.key),
    value: message.value ?? new Uint8Array(0),
    version: versionOf(message),
    ...traceOf(message),
  };
}

function bytesOf(key: Buffer | string | null | undefined): Uint8Array {
  if (typeof key === 'string') return Buffer.from(key);
  return key ?? new Uint8Array(0);
}

/** Header `traceparent`, as it is. */
function traceOf(message: KafkaMessage): Pick<LogRecord, 'traceparent'> | undefined {
  for (const header of message.headers ?? []) {
    const value = header.traceparent;
    if (value !== undefined) return { traceparent: String(value) };
  }
  return undefined;
}

/** Header `Version`, four bytes big endian; absent is version 0. */
function versionOf(message: KafkaMessage): number {
  for (const header of message.headers ?? []) {
    const value = header.Version;
    if (Buffer.isBuffer(value) && value.length === 4) return value.readUInt32BE();
  }
  return 0;
}
