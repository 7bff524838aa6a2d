// How far a partition's head is behind its log, from what the log was last asked for and from the times of
// the records that were applied. Pure: offsets and times come in.
//
// What is not applied yet was logged after the last applied record, and after the last moment at which
// nothing was missing; so it has waited since the later of the two at most.

export interface Lag {
  /** The next offset to be applied, and the one that the log gave next when it was asked last. */
  readonly applied: number;
  readonly end: number;
  /** How long what is not applied has waited at most, ms; undefined before anything tells. */
  readonly ms: number | undefined;
  /** Offsets a second over the last half minute or so, as the log grew and as they were applied. */
  readonly loggedPerSecond: number;
  readonly appliedPerSecond: number;
}

/** Of the weight of an older rate this much is left after as long, ms. */
const RATE_HALF_LIFE_MS = 10_000;

export interface PartitionLag {
  /** Everything below `position` is applied; of it the newest record has this log time. */
  applied(position: number, timestampMs: number | undefined): void;
  /** Begins again: a head was opened, which may be older than the one before. */
  restart(position: number): void;
  /** What the log answered to a question that was asked at `askedMs`. */
  ended(end: number, askedMs: number): void;
  at(nowMs: number): Lag;
  /**
   * No answer from now misses more than the last so many milliseconds; undefined when nothing tells yet.
   * Beyond `at()` it counts the time since the log was asked.
   */
  staleMs(nowMs: number): number | undefined;
}

export function createPartitionLag(): PartitionLag {
  let position = 0;
  let end = 0;
  let endAskedMs = Number.NEGATIVE_INFINITY;
  /** Nothing that was logged before is missing. */
  let wholeUntilMs = Number.NEGATIVE_INFINITY;
  let positionThen = 0;
  let loggedPerSecond = 0;
  let appliedPerSecond = 0;

  const rate = (before: number, offsets: number, elapsedMs: number) => {
    if (!(elapsedMs < Number.POSITIVE_INFINITY)) return 0;
    const kept = 0.5 ** (elapsedMs / RATE_HALF_LIFE_MS);
    return kept * before + (1 - kept) * ((Math.max(0, offsets) * 1000) / elapsedMs);
  };
  const behindMs = (nowMs: number) =>
    wholeUntilMs === Number.NEGATIVE_INFINITY ? undefined : Math.max(0, nowMs - wholeUntilMs);
  const settle = () => {
    if (position >= end) wholeUntilMs = Math.max(wholeUntilMs, endAskedMs);
  };

  return {
    applied(to, timestampMs) {
      position = to;
      // A clock of a producer that is ahead must not hide a lag: what it logs next may be older.
      if (timestampMs !== undefined && position < end) {
        wholeUntilMs = Math.max(wholeUntilMs, Math.min(timestampMs, endAskedMs));
      }
      settle();
    },
    restart(from) {
      position = from;
      positionThen = from;
      if (position < end) wholeUntilMs = Number.NEGATIVE_INFINITY;
    },
    ended(to, askedMs) {
      const elapsedMs = askedMs - endAskedMs;
      if (elapsedMs < 0) return;
      if (elapsedMs > 0) {
        loggedPerSecond = rate(loggedPerSecond, to - end, elapsedMs);
        appliedPerSecond = rate(appliedPerSecond, position - positionThen, elapsedMs);
        positionThen = position;
      }
      end = to;
      endAskedMs = askedMs;
      settle();
    },
    at(nowMs) {
      const ms = position >= end ? 0 : behindMs(nowMs);
      const rates = { loggedPerSecond, appliedPerSecond };
      return { applied: position, end: Math.max(end, position), ms, ...rates };
    },
    staleMs: behindMs,
  };
}

/** Behind by less is nothing that an operator needs to be told. */
const TOLD_FROM_MS = 15_000;

/** A line about partitions that are far behind, the furthest by name; empty when none is. */
export function lagNotes(
  lags: readonly (Pick<Lag, 'applied' | 'end' | 'ms'> & { readonly partition: number })[],
): string[] {
  const late = lags.filter(({ ms = 0 }) => ms >= TOLD_FROM_MS);
  const furthest = late.reduce<(typeof late)[number] | undefined>(
    (worst, one) => (worst === undefined || one.ms! > worst.ms! ? one : worst),
    undefined,
  );
  if (furthest === undefined) return [];
  const { partition, applied, end, ms } = furthest;
  const others = late.length === 1 ? '' : `, and ${late.length - 1} others are behind, too`;
  const behind = `${end - applied} records, ${Math.round(ms! / 1000)} s`;
  return [`partition ${partition} is behind the log by ${behind}${others}`];
}

/** What has only begun is believed up to so many times its age: an idle partition's rate says nothing. */
const BELIEVED_TIMES = 10;

/** How long what is logged now will wait until it is applied, ms, as fast as it goes now. */
export function delayMsOf({ applied, end, ms, appliedPerSecond }: Lag): number {
  if (applied >= end || ms === undefined) return 0;
  return Math.min(((end - applied) / appliedPerSecond) * 1000, BELIEVED_TIMES * ms);
}

/** Less is nothing that other processes need to know. */
const SHARED_FROM_MS = 1_000;

/** What this instance tells the cluster about its partitions' delays: nothing where there are none. */
export function delayFields(
  partitions: Iterable<{ readonly partition: number; readonly lag: PartitionLag }>,
  nowMs: number,
): { delayMs?: Readonly<Record<string, number>> } {
  const delayed = [...partitions].flatMap(({ partition, lag }) => {
    const delayMs = delayMsOf(lag.at(nowMs));
    return delayMs < SHARED_FROM_MS ? [] : [[partition, Math.round(delayMs)] as const];
  });
  return delayed.length === 0 ? {} : { delayMs: Object.fromEntries(delayed) };
}
