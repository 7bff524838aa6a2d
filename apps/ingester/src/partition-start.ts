// How a partition comes up: with the head on its disk, else from the newest sound snapshot in the bucket
// (where snapshots are on), else from the group's offset; then what a former run left is shipped, and the head is told what the
// bucket has. What had to be put aside is said, in the log and in words for the readiness page.
import { join } from 'node:path';
import type { PartitionLog } from '@weir/log';
import type { Semaphore } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { IngesterMetrics } from './metrics.ts';
import type { ShippingRole } from './ship/role.ts';
import type { Shipper } from './ship/shipper.ts';
import type { Snapshots } from './ship/snapshots.ts';
import { committedOffset, findStart } from './start-position.ts';
import { createOpeningMark } from './worker/opening-mark.ts';
import type {
  Aside,
  OpenedPartition,
  PartitionHost,
  ReplayedJournal,
} from './workers/partition-host.ts';

/** Clocks of uploaders may be this far off. */
export const ORPHAN_SLACK_MS = 3_600_000;

export interface PartitionStartSettings {
  readonly partition: number;
  readonly dir: string;
  readonly consumerGroup: string;
  /** 0: what snapshots there are is not used. */
  readonly snapshotIntervalMs: number;
}

export interface PartitionStartParts {
  readonly log: PartitionLog;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
  readonly host: PartitionHost;
  readonly shipper: Shipper;
  readonly snapshots: Snapshots;
  readonly role: ShippingRole;
  /** Of one: heads whose last opening did not end are opened one after the other. */
  readonly suspects: Semaphore;
  missed(records: number): void;
}

export interface StartedPartition {
  /** Where records are read from. */
  readonly from: number;
  /** What the local head had in its journal. */
  readonly journal: ReplayedJournal | undefined;
  /** What was put aside and how the head came back; undefined when the disk was sound. */
  readonly rebuilt: string | undefined;
}

export async function startPartition(
  settings: PartitionStartSettings,
  parts: PartitionStartParts,
): Promise<StartedPartition> {
  const { partition, dir, consumerGroup } = settings;
  const { log, logger, metrics, host, shipper, snapshots, role } = parts;
  const { topicId } = log;
  let aside: string | undefined;

  function putAside({ where, why }: Aside): void {
    aside = where;
    logger.error({ partition, aside, why }, 'local head put aside');
    metrics.quarantined.inc({ what: 'head' });
  }

  async function openHere(): Promise<OpenedPartition> {
    return host.open({ partition, dir, topicId, endOffset: await log.endOffset(partition) });
  }

  /** One whose last opening did not end may end the process: then it must not be for others, too. */
  async function openAlone(): Promise<OpenedPartition> {
    const open = openHere;
    const unfinished = await createOpeningMark(join(dir, String(partition))).unfinished();
    if (unfinished === 0) return open();
    const release = await parts.suspects.acquire();
    try {
      logger.warn({ partition, unfinished }, 'the last opening of the local head did not end');
      return await open();
    } finally {
      release();
    }
  }

  async function openSound(): Promise<OpenedPartition> {
    const opened = await openAlone();
    if (opened.aside !== undefined) putAside(opened.aside);
    const { foreign } = await findStart(partition, consumerGroup, opened.position, parts);
    if (!foreign) return opened;
    const where = await host.quarantine({ partition, blocks: true });
    putAside({ where, why: 'it is ahead of the log' });
    return openHere();
  }

  /** Only records that will be replayed can be in a block that the manifest misses. */
  async function adoptOrphans(from: number): Promise<void> {
    const end = await log.endOffset(partition);
    const committed = await committedOffset(partition, consumerGroup, end, parts);
    const start = await log.startOffset(partition);
    const first = Math.max(start, Math.min(from, committed ?? start));
    if (first >= end) return;
    const consumer = await log.consume(partition, first);
    try {
      const record = (await consumer.next(1)).records[0];
      await shipper.adopt((record?.timestampMs ?? 0) - ORPHAN_SLACK_MS);
    } finally {
      await consumer.close();
    }
  }

  /** Before records are replayed, so that samples of a finished block need not enter the head again. */
  async function shipLeftovers(): Promise<void> {
    try {
      if (await role.decide()) await shipper.ship(0);
    } catch (error) {
      logger.warn({ err: error, partition }, 'blocks of a former run could not be shipped yet');
    }
  }

  const opened = await openSound();
  const isEmpty = opened.position === undefined;
  const end = await log.endOffset(partition);
  const restores = isEmpty && settings.snapshotIntervalMs > 0;
  const snapshot = restores ? await snapshots.restore(end) : undefined;
  const stored = snapshot?.offset ?? opened.position;
  const { from } = await findStart(partition, consumerGroup, stored, parts);
  shipper.remember(opened.blocks);
  if (isEmpty && role.ships) await adoptOrphans(from);
  await shipLeftovers();
  await host.start({ partition, position: from, shipped: shipper.shipped() });
  await host.drop({ partition, windows: shipper.covered() });
  const { tenants } = await host.stats({ partition });
  await host.drop({ partition, windows: await shipper.settled(tenants) });
  const { journal } = opened;
  if (aside === undefined) return { from, journal, rebuilt: undefined };
  const source = snapshot === undefined ? 'the log' : `the snapshot at offset ${snapshot.offset}`;
  return { from, journal, rebuilt: `local head put aside (${aside}), rebuilt from ${source}` };
}
