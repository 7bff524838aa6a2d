// Cluster state as the fold of a log with one partition: the log's order decides. On Kafka the topic is
// compacted, keyed by the entry's identity; an empty value removes. Every process folds the same
// records and so sees the same state, some milliseconds apart.
import { text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { LogRecord, PartitionLog } from '@weir/log';
import type { Logger } from '@weir/telemetry';
import type { Cluster, OutbidEntries, OwnerEntry } from './cluster.ts';
import {
  createView,
  isHeard,
  isOutbid,
  keyOf,
  type MutableView,
  parseEntry,
  putEntry,
  removeKey,
} from './fold.ts';

const PARTITION = 0;
const BATCH_BYTES = 1 << 20;

export interface LogClusterParts {
  readonly clusterLog: PartitionLog;
  readonly log: Logger;
}

interface Waiter {
  readonly offset: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Replays the log to the end it has now, then follows it. Closes the log when it is closed. */
export async function openLogCluster({ clusterLog, log }: LogClusterParts): Promise<Cluster> {
  const view = createView();
  const listeners = new Set<(outbid: OutbidEntries) => void>();
  let waiters: Waiter[] = [];
  let failure: WeirError | undefined;
  let closed = false;

  const start = await clusterLog.startOffset(PARTITION);
  const consumer = await clusterLog.consume(PARTITION, start);
  /** The view holds all records below; the consumer's position may be ahead of it. */
  let folded = start;
  const step = async () => {
    const { records, nextOffset } = await consumer.next(BATCH_BYTES);
    const outbid = records.flatMap((record) => applyRecord(view, record, log) ?? []);
    folded = nextOffset;
    const done = waiters.filter((waiter) => waiter.offset < nextOffset);
    waiters = waiters.filter((waiter) => waiter.offset >= nextOffset);
    if (records.some(({ key }) => isHeard(text(key)))) {
      for (const listener of listeners) listener(outbid);
    }
    for (const waiter of done) waiter.resolve();
  };

  const end = await clusterLog.endOffset(PARTITION);
  while (folded < end) await step();

  const follow = async () => {
    try {
      while (!closed) await step();
    } catch (error) {
      if (closed) return;
      failure = new WeirError('unavailable', 'cluster state no longer follows its log', {
        cause: error,
      });
      log.error({ err: error }, failure.message);
      for (const waiter of waiters) waiter.reject(failure);
      waiters = [];
    }
  };
  const following = follow();

  const checkFollowing = () => {
    if (closed) throw new WeirError('closed', 'cluster is closed');
    if (failure !== undefined) throw failure;
  };

  const foldedAt = async (offset: number) => {
    if (folded > offset) return;
    checkFollowing();
    await new Promise<void>((resolve, reject) => {
      waiters.push({ offset, resolve, reject });
    });
  };

  const append = async (key: string, value: string) => {
    checkFollowing();
    const record = { partition: PARTITION, key: utf8(key), value: utf8(value), version: 0 };
    const [offset] = await clusterLog.produce([record]);
    await foldedAt(offset!);
  };

  return {
    view,
    put: (entry) => append(keyOf(entry), JSON.stringify(entry)),
    async remove(entry) {
      // A newer owner's entry is not the old owner's to remove.
      if (entry.kind === 'owner' && isOutbid(view, entry)) return;
      await append(keyOf(entry), '');
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async sync() {
      checkFollowing();
      await foldedAt((await clusterLog.endOffset(PARTITION)) - 1);
    },
    async close() {
      if (closed) return;
      closed = true;
      await consumer.close();
      await following;
      const error = new WeirError('closed', 'cluster is closed');
      for (const waiter of waiters) waiter.reject(error);
      await clusterLog.close();
    },
  };
}

/** Returns the entry when it was outbid. */
function applyRecord(view: MutableView, record: LogRecord, log: Logger): OwnerEntry | undefined {
  const key = text(record.key);
  if (record.value.length === 0) {
    removeKey(view, key);
    return undefined;
  }
  const entry = parseEntry(text(record.value));
  if (entry === undefined || keyOf(entry) !== key) {
    log.warn({ key, offset: record.offset }, 'cluster entry is not understood; ignored');
    return undefined;
  }
  return putEntry(view, entry);
}
