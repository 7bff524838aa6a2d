// Moves a partition's records from the log to its host: two batches under way, so that the log is read
// while the head applies, and not more, so that memory is bounded however far behind it is.
import { isKind, toWeirError, type WeirError } from '@weir/errors';
import type { PartitionConsumer, PartitionLog, RecordBatch } from '@weir/log';
import type { RecordIntake } from './record-intake.ts';
import type { Applied, PartitionHost } from './workers/partition-host.ts';

const BATCHES_UNDER_WAY = 2;
/** Smaller batches cost more than they save. */
const BATCH_MIN_BYTES = 64 * 1024;

/** Bytes of records that each of so many partitions takes at once, so that all stay within theirs. */
export function batchBytesOf(
  limits: { readonly consumeBytesMax: number; readonly consumeBytesAllMax: number },
  partitions: number,
): number {
  const { consumeBytesMax, consumeBytesAllMax } = limits;
  if (consumeBytesAllMax <= 0) return consumeBytesMax;
  const share = Math.floor(consumeBytesAllMax / (BATCHES_UNDER_WAY * Math.max(1, partitions)));
  return Math.min(consumeBytesMax, Math.max(BATCH_MIN_BYTES, share));
}

export interface ConsumeLoopParts {
  readonly log: PartitionLog;
  readonly host: PartitionHost;
  readonly intake: RecordIntake;
  /** Bytes of records to be taken at once, now. */
  batchBytes(): number;
  received(batch: RecordBatch): void;
  /** `timestampMs` is the newest record's of the batch, which may be empty. */
  applied(applied: Applied, timestampMs: number | undefined): void;
  /** Called with what was applied. */
  traced?(records: RecordBatch['records']): void;
  /** Nobody reads these bytes any more: applied, in this process. */
  release(value: Uint8Array): void;
  /** Records in [from, to) were truncated away before they could be read. */
  missed(from: number, to: number): void;
}

export interface ConsumeLoopSettings {
  readonly partition: number;
  readonly fromOffset: number;
}

export interface ConsumeLoop {
  /** Settles when everything taken was applied: resolved after stop(), rejected with what went wrong. */
  readonly ended: Promise<void>;
  stop(): void;
  /** Ends with this error: what is applied to was found damaged elsewhere. */
  fail(error: WeirError): void;
}

export function startConsumeLoop(
  settings: ConsumeLoopSettings,
  parts: ConsumeLoopParts,
): ConsumeLoop {
  const { partition } = settings;
  const underWay: Promise<void>[] = [];
  let position = settings.fromOffset;
  let consumer: PartitionConsumer | undefined;
  let failure: WeirError | undefined;
  let stopped = false;

  /** Ends the wait for the next record, too. */
  function closeConsumer(): void {
    consumer?.close().catch((error) => {
      failure ??= toWeirError(error);
    });
  }

  function apply(batch: RecordBatch): void {
    const message = parts.intake.take(batch, position);
    position = batch.nextOffset;
    const done = parts.host.apply(message).then((applied) => {
      parts.applied(applied, batch.records.at(-1)?.timestampMs);
      parts.traced?.(batch.records);
      for (const { value } of batch.records) parts.release(value);
    });
    underWay.push(
      done.catch((error) => {
        failure ??= toWeirError(error);
        closeConsumer();
      }),
    );
  }

  async function open(): Promise<void> {
    const start = await parts.log.startOffset(partition);
    if (position < start) {
      parts.missed(position, start);
      apply({ partition, records: [], nextOffset: start });
    }
    consumer = await parts.log.consume(partition, position);
  }

  async function consume(): Promise<void> {
    await open();
    while (!stopped && failure === undefined) {
      const batch = await nextBatch();
      if (batch === undefined) continue;
      parts.received(batch);
      apply(batch);
      while (underWay.length >= BATCHES_UNDER_WAY) await underWay.shift();
    }
  }

  /** Undefined after the records at the position were truncated away: goes on at the log's start. */
  async function nextBatch(): Promise<RecordBatch | undefined> {
    try {
      return await consumer!.next(parts.batchBytes());
    } catch (error) {
      const truncated =
        isKind(error, 'corrupt') && position < (await parts.log.startOffset(partition));
      if (!truncated) throw error;
      await consumer!.close();
      await open();
      return undefined;
    }
  }

  async function run(): Promise<void> {
    let thrown: unknown;
    try {
      await consume();
    } catch (error) {
      thrown = error;
    }
    await Promise.all(underWay);
    await consumer?.close();
    if (failure !== undefined) throw failure;
    if (thrown !== undefined && !(stopped && isKind(thrown, 'closed'))) throw thrown;
  }

  return {
    ended: run(),
    stop() {
      stopped = true;
      closeConsumer();
    },
    fail(error) {
      failure ??= error;
      closeConsumer();
    },
  };
}
