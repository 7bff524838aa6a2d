// How long until the log would lose data that no block has yet: its retention is counted from records, the
// oldest that is still needed is the one at the group's offset. A log that refuses instead of dropping
// (embedded) has as long as its free room lasts at the rate it fills. Told as a metric, and in words when
// little is left; said once when it begins and once when it is over. Where the adapter knows no
// retention, that of a log which has dropped records is taken from its oldest one.
import type { PartitionLog } from '@weir/log';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { IngesterMetrics } from './metrics.ts';

/** Less than this part of the retention left is worth an alarm. */
const LOW = 0.25;

export interface RetentionGuardParts {
  readonly log: PartitionLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
}

export interface RetentionGuard {
  /** In words, when little is left. */
  readonly note: string | undefined;
  /** Looks anew, given the first offset that the log must still have. */
  check(neededOffset: number): Promise<void>;
}

interface Headroom {
  readonly leftMs: number;
  /** Of what there is at most. */
  readonly part: number;
}

const PLENTY: Headroom = { leftMs: Number.POSITIVE_INFINITY, part: 1 };

export function createRetentionGuard(
  partition: number,
  parts: RetentionGuardParts,
): RetentionGuard {
  const { log, clock, logger, metrics } = parts;
  /** Log times of the two records asked for last: they change rarely. */
  const times = new Map<'needed' | 'oldest', { offset: number; ms: number | undefined }>();
  let filled: { readonly bytes: number; readonly atMs: number } | undefined;
  let note: string | undefined;

  async function timeOf(what: 'needed' | 'oldest', offset: number): Promise<number | undefined> {
    const known = times.get(what);
    if (known?.offset === offset) return known.ms;
    const consumer = await log.consume(partition, offset);
    try {
      const ms = (await consumer.next(1)).records[0]?.timestampMs;
      times.set(what, { offset, ms });
      return ms;
    } finally {
      await consumer.close();
    }
  }

  async function byTime(neededOffset: number, knownMs: number | undefined): Promise<Headroom> {
    const start = await log.startOffset(partition);
    const needed = Math.max(neededOffset, start);
    if (needed >= (await log.endOffset(partition))) return PLENTY;
    let retentionMs = knownMs;
    if (retentionMs === undefined && start > 0) {
      const oldestMs = await timeOf('oldest', start);
      retentionMs = oldestMs === undefined ? undefined : clock.nowMs() - oldestMs;
    }
    const neededMs = await timeOf('needed', needed);
    if (retentionMs === undefined || neededMs === undefined) return PLENTY;
    const leftMs = Math.max(0, neededMs + retentionMs - clock.nowMs());
    return { leftMs, part: retentionMs === 0 ? 1 : leftMs / retentionMs };
  }

  function byRoom(bytes: number, bytesMax: number): Headroom {
    const atMs = clock.steadyMs();
    const before = filled;
    filled = { bytes, atMs };
    const left = Math.max(0, bytesMax - bytes);
    const grown = before === undefined ? 0 : bytes - before.bytes;
    const leftMs = grown > 0 ? (left / grown) * (atMs - before!.atMs) : Number.POSITIVE_INFINITY;
    return { leftMs, part: left / bytesMax };
  }

  async function measure(neededOffset: number): Promise<Headroom> {
    const known = await log.retention?.(partition);
    const rooms = known?.room === undefined ? [] : [byRoom(known.room.bytes, known.room.bytesMax)];
    // What is never dropped has no oldest record to be judged by.
    if (known?.room === undefined) rooms.push(await byTime(neededOffset, known?.timeMs));
    return rooms.reduce((least, one) => (one.part <= least.part ? one : least), PLENTY);
  }

  return {
    get note() {
      return note;
    },
    async check(neededOffset) {
      const { leftMs, part } = await measure(neededOffset);
      metrics.retentionHeadroom.set({ partition }, leftMs / 1000);
      const wasLow = note !== undefined;
      note = part < LOW ? describe(leftMs, part) : undefined;
      if (note !== undefined && !wasLow) logger.error({ partition, neededOffset }, note);
      if (note === undefined && wasLow) {
        logger.info({ partition }, 'the log keeps what is not shipped for long enough again');
      }
    },
  };
}

function describe(leftMs: number, part: number): string {
  const percent = `${Math.floor(part * 100)} %`;
  if (leftMs === Number.POSITIVE_INFINITY) return `the log has ${percent} of its room left`;
  const minutes = Math.floor(leftMs / 60_000);
  return `the log loses or refuses data in ${minutes} minutes (${percent} left) unless blocks are shipped`;
}
