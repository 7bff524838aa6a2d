// Where a partition goes on: behind its local head while the log reaches back that far, else at the
// group's committed offset, else at the start of the log. Nothing is passed silently: records that the log has lost are counted and told, and a
// head that belongs to another log is put aside.
import type { PartitionLog } from '@weir/log';
import type { Logger } from '@weir/telemetry';

export interface StartPositionParts {
  readonly log: PartitionLog;
  readonly logger: Logger;
  missed(records: number): void;
}

export interface StartPosition {
  /** Where records are read from. */
  readonly from: number;
  /** The local head is ahead of the log: it belongs to another one. */
  readonly foreign: boolean;
}

/** What the group commit carries beside the offset. */
export function commitMetadata(topicId: string): string {
  return JSON.stringify({ topicId });
}

export async function findStart(
  partition: number,
  group: string,
  stored: number | undefined,
  parts: StartPositionParts,
): Promise<StartPosition> {
  const { log, logger } = parts;
  const end = await log.endOffset(partition);
  if (stored !== undefined && stored > end) {
    logger.error(
      { partition, position: stored, end },
      'the local head is ahead of the log: the log was replaced or has lost records; starting over',
    );
    return { from: 0, foreign: true };
  }
  const start = await log.startOffset(partition);
  if (stored !== undefined && stored >= start) return { from: stored, foreign: false };
  // Behind the log's start the local head is another owner's past: what was committed since is shipped.
  const committed = await committedOffset(partition, group, end, parts);
  const wanted = Math.max(stored ?? committed ?? start, committed ?? 0);
  if (wanted >= start) return { from: wanted, foreign: false };
  parts.missed(start - wanted);
  logger.error(
    { partition, position: wanted, start, missed: start - wanted },
    'records were truncated before they were applied; going on at the start of the log',
  );
  return { from: start, foreign: false };
}

export async function committedOffset(
  partition: number,
  group: string,
  end: number,
  { log, logger }: StartPositionParts,
): Promise<number | undefined> {
  const committed = await log.committed(group, partition);
  if (committed === undefined) return undefined;
  const { nextOffset, metadata } = committed;
  if (nextOffset <= end && !isOfOtherLog(metadata, log.topicId)) return nextOffset;
  logger.error(
    { partition, committed: nextOffset, end, metadata },
    'the committed offset belongs to another log; starting at the start of this one',
  );
  return undefined;
}

/** Metadata that isn't ours says nothing. */
function isOfOtherLog(metadata: string, topicId: string): boolean {
  try {
    const parsed: unknown = JSON.parse(metadata);
    const other = (parsed as { topicId?: unknown } | null)?.topicId;
    return typeof other === 'string' && other !== topicId;
  } catch {
    return false;
  }
}
