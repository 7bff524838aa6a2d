// One partition that this instance owns, from the main thread's side: claims it, opens it in its worker,
// feeds it from the log, ships what it cuts, and commits the group offset that follows from that.
// Invariants: the committed offset never passes the first record with a sample outside a shipped block,
// nor the last durable checkpoint; a head forgets a window only after the manifest tells of it; after
// revocation nothing is shipped or committed.
import type { Bucket } from '@weir/bucket';
import type { Cluster, OwnerEntry } from '@weir/cluster';
import { toWeirError, WeirError } from '@weir/errors';
import type { TenantSettings } from '@weir/head';
import type { GroupMember, PartitionLog, RecordBatch } from '@weir/log';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import { type ConsumeLoop, startConsumeLoop } from './consume-loop.ts';
import type { DiscardLog } from './discards.ts';
import type { IngesterMetrics } from './metrics.ts';
import { createUpkeep, type Maintenance, type Upkeep } from './partition-upkeep.ts';
import { createPositionWaiters } from './position-waiters.ts';
import { createRecordIntake } from './record-intake.ts';
import { createShipper, type Shipper } from './ship/shipper.ts';
import { createStateLine } from './ship/state-line.ts';
import { committedOffset, findStart } from './start-position.ts';
import type { Applied, OpenedPartition, PartitionHost } from './workers/partition-host.ts';

const REOPEN_MIN_MS = 250;
const REOPEN_MAX_MS = 10_000;
/** A partition that applies nothing for so long, with records there, is stuck. */
const PROGRESS_PERIOD_MS = 30_000;
/** What is under way gets this long when the partition is closed (a bucket may hang). */
const STOP_PATIENCE_MS = 10_000;
/** Clocks of uploaders may be this far off. */
const ORPHAN_SLACK_MS = 3_600_000;

export interface OwnedPartitionSettings {
  readonly partition: number;
  readonly dir: string;
  readonly consumerGroup: string;
  readonly instanceId: string;
  readonly zone: string;
  readonly consumeBytesMax: number;
  readonly retentionPeriodMs: number;
}

export interface OwnedPartitionParts {
  readonly log: PartitionLog;
  readonly bucket: Bucket;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
  readonly discards: DiscardLog;
  /** Asked again after a worker died. */
  host(): PartitionHost;
  member(): Promise<GroupMember>;
  settingsFor(tenant: string): TenantSettings;
  /** Takes the memory of record values that were applied. */
  release(value: Uint8Array): void;
}

export interface OwnedPartition {
  readonly partition: number;
  /** The next offset to be applied. */
  readonly applied: number;
  readonly serving: boolean;
  /** The cluster knows that it is serving. */
  readonly announced: boolean;
  readonly seriesCount: number;
  /** The log went on since the last maintenance, and nothing was applied. */
  readonly stuck: boolean;
  /** Why it is not serving, or what fails. */
  readonly reason: string;
  waitApplied(position: number, signal?: AbortSignal): Promise<void>;
  /** Cuts, ships, commits and deletes what is due. Rejects when something of it failed. */
  maintain(maintenance: Maintenance): Promise<void>;
  /** Another instance takes over: nothing is shipped or committed from now on. */
  disown(): void;
  /** Checkpoints, commits (unless disowned), and closes. */
  stop(): Promise<void>;
}

interface Session {
  readonly host: PartitionHost;
  readonly upkeep: Upkeep;
  readonly loop: ConsumeLoop;
}

export function createOwnedPartition(
  settings: OwnedPartitionSettings,
  parts: OwnedPartitionParts,
): OwnedPartition {
  const { partition, instanceId, zone, dir } = settings;
  const { log, cluster, clock, logger, metrics } = parts;
  const { topicId } = log;
  const stopping = new AbortController();
  const waiters = createPositionWaiters();
  const checkpoints = createStateLine(logger, `checkpoint of partition ${partition}`);
  const opening = createStateLine(logger, `partition ${partition}`);
  let applied = 0;
  let target = Number.POSITIVE_INFINITY;
  let seriesCount = 0;
  let disowned = false;
  let claim = 0;
  let serving = false;
  let announced = false;
  let session: Session | undefined;
  let seen = { applied: 0, end: 0, atMs: clock.steadyMs() };
  let stuck = false;

  const startParts = { log, logger, missed };
  const ownerEntry = () => cluster.view.owners.get(`${partition}/${zone}`);
  const stillOwner = () => !disowned && ownerEntry()?.instance === instanceId;
  const put = (isServing: boolean) => {
    const entry = { partition, zone, instance: instanceId, serving: isServing, claim };
    return cluster.put({ kind: 'owner', ...entry } satisfies OwnerEntry);
  };

  const unsubscribe = cluster.subscribe(() => {
    const entry = ownerEntry();
    if (claim > 0 && entry && entry.instance !== instanceId && entry.claim >= claim) disown();
  });

  function disown(): void {
    if (!disowned) logger.warn({ partition }, 'partition has another owner: shipping stops here');
    disowned = true;
  }

  function missed(records: number): void {
    metrics.missedRecords.inc(records);
  }

  function onReceived({ records }: RecordBatch): void {
    const newest = records.at(-1);
    if (newest === undefined) return;
    const delayMs = Math.max(0, clock.nowMs() - newest.timestampMs);
    metrics.receiveDelay.observe({ phase: serving ? 'running' : 'starting' }, delayMs / 1000);
  }

  function onApplied(result: Applied): void {
    applied = result.position;
    seriesCount = result.seriesCount;
    metrics.ingestedSamples.inc(result.samples);
    metrics.lastConsumedOffset.set({ partition }, applied - 1);
    for (const ms of result.checkpointsMs) metrics.checkpointDuration.observe(ms / 1000);
    if (result.checkpointError !== undefined) checkpoints.failed(result.checkpointError);
    else if (result.checkpointsMs.length > 0) checkpoints.recovered();
    parts.discards.note(partition, result.discards);
    waiters.reached(applied);
    announce();
  }

  /** Tells the cluster, once, that this partition has caught up. */
  function announce(): void {
    if (serving || applied < target || stopping.signal.aborted) return;
    serving = true;
    put(true).then(
      () => {
        announced = serving;
      },
      (error) => {
        serving = false;
        opening.failed(error);
      },
    );
  }

  /** Above every claim that the cluster or the manifest has seen (a cluster in memory forgets). */
  async function takeClaim(manifestEpoch: number): Promise<void> {
    claim = Math.max(claim, manifestEpoch, ownerEntry()?.claim ?? 0) + 1;
    await put(false);
    if (!stillOwner())
      throw new WeirError('fenced', `partition ${partition} was claimed elsewhere`);
  }

  async function open(host: PartitionHost, shipper: Shipper): Promise<number> {
    let opened: OpenedPartition = await host.open({ partition, dir, topicId });
    const { aside } = opened;
    if (aside !== undefined) logger.error({ partition, aside }, 'local head put aside');
    let start = await findStart(partition, settings.consumerGroup, opened.position, startParts);
    if (start.foreign) {
      const aside = await host.quarantine({ partition });
      logger.error({ partition, aside }, 'local head put aside');
      opened = await host.open({ partition, dir, topicId });
      start = await findStart(partition, settings.consumerGroup, undefined, startParts);
    }
    shipper.remember(opened.blocks);
    if (opened.position === undefined) await adoptOrphans(shipper, start.from);
    await shipLeftovers(shipper);
    await host.start({ partition, position: start.from, shipped: shipper.shipped() });
    await host.drop({ partition, windows: shipper.covered() });
    return start.from;
  }

  /** Before records are replayed, so that samples of a finished block need not enter the head again. */
  async function shipLeftovers(shipper: Shipper): Promise<void> {
    try {
      if (stillOwner()) await shipper.ship(0);
    } catch (error) {
      logger.warn({ err: error, partition }, 'blocks of a former run could not be shipped yet');
    }
  }

  /** Only records that will be replayed can be in a block that the manifest misses. */
  async function adoptOrphans(shipper: Shipper, from: number): Promise<void> {
    if (from >= (await log.endOffset(partition))) return;
    const consumer = await log.consume(partition, from);
    try {
      const first = (await consumer.next(1)).records[0];
      await shipper.adopt((first?.timestampMs ?? 0) - ORPHAN_SLACK_MS);
    } finally {
      await consumer.close();
    }
  }

  async function beginSession(): Promise<Session> {
    const host = parts.host();
    const { bucket, member } = parts;
    const shipper = createShipper(
      { topicId, partition, retentionPeriodMs: settings.retentionPeriodMs },
      { bucket, clock, log: logger, metrics, stillOwner, claim: () => claim },
    );
    await takeClaim(await shipper.load());
    const fromOffset = await open(host, shipper);
    applied = fromOffset;
    seriesCount = (await host.stats({ partition })).seriesCount;
    target = await log.endOffset(partition);
    const intake = createRecordIntake({
      settingsFor: parts.settingsFor,
      refused: (offset) => logger.warn({ partition, offset }, 'record without a valid tenant'),
    });
    const upkeep = createUpkeep({
      ...{ partition, topicId, host, shipper, logger, metrics, member },
      ...{ disowned: () => !stillOwner(), disown },
      committedBefore: async () =>
        (await committedOffset(partition, settings.consumerGroup, target, startParts)) ?? 0,
    });
    const loop = startConsumeLoop(
      { partition, fromOffset, consumeBytesMax: settings.consumeBytesMax },
      {
        ...{ log, host, intake, received: onReceived, applied: onApplied, missed: onMissed },
        release: parts.release,
      },
    );
    opening.recovered();
    waiters.reached(applied);
    announce();
    return { host, upkeep, loop };
  }

  function onMissed(from: number, to: number): void {
    missed(to - from);
    logger.error({ partition, from, to }, 'records were truncated before they were applied');
  }

  /** Opens, consumes until stopped; after a failure opens again from the last checkpoint. */
  async function run(): Promise<void> {
    let waitMs = REOPEN_MIN_MS;
    while (!stopping.signal.aborted) {
      try {
        session = await beginSession();
        if (stopping.signal.aborted) session.loop.stop();
        waitMs = REOPEN_MIN_MS;
        await session.loop.ended;
      } catch (error) {
        if (stopping.signal.aborted) return;
        await endFailedSession(error);
        await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
        waitMs = Math.min(2 * waitMs, REOPEN_MAX_MS);
      }
    }
  }

  async function endFailedSession(error: unknown): Promise<void> {
    session = undefined;
    serving = false;
    announced = false;
    metrics.partitionFailures.inc();
    opening.failed(error);
    try {
      await parts.host().close({ partition, checkpoint: false });
      await put(false);
    } catch (closeError) {
      logger.error({ err: closeError, partition }, 'closing a failed partition failed');
    }
  }

  /** Rounds of maintenance may follow each other at once: that nothing was applied between says nothing. */
  async function checkProgress(): Promise<void> {
    const atMs = clock.steadyMs();
    if (atMs - seen.atMs < PROGRESS_PERIOD_MS) return;
    const end = await log.endOffset(partition);
    stuck = applied === seen.applied && applied < seen.end;
    if (stuck) logger.error({ partition, applied, end }, 'partition is stuck');
    seen = { applied, end, atMs };
  }

  const running = run();

  return {
    partition,
    get applied() {
      return applied;
    },
    get serving() {
      return serving;
    },
    get announced() {
      return announced;
    },
    get seriesCount() {
      return seriesCount;
    },
    get stuck() {
      return stuck;
    },
    get reason() {
      const failing = opening.failing ?? session?.upkeep.failing ?? checkpoints.failing;
      if (failing !== undefined) return failing;
      return serving ? 'serving' : `applied ${applied} of ${target}`;
    },
    waitApplied(position, signal) {
      return position <= applied ? Promise.resolve() : waiters.wait(position, signal);
    },
    async maintain(maintenance) {
      if (session === undefined) {
        throw new WeirError('unavailable', `partition ${partition} is not open yet`);
      }
      announce();
      await checkProgress();
      await session.upkeep.run(maintenance);
    },
    disown,
    async stop() {
      stopping.abort(new WeirError('closed', `partition ${partition} is being closed`));
      session?.loop.stop();
      await Promise.race([running, clock.sleep(STOP_PATIENCE_MS)]);
      unsubscribe();
      waiters.fail(new WeirError('unavailable', `partition ${partition} left this ingester`));
      await finish();
    },
  };

  /** The checkpoint saves a replay; the commit saves the next owner one. Losing either loses no data. */
  async function finish(): Promise<void> {
    serving = false;
    announced = false;
    try {
      await session?.upkeep.finish();
    } catch (error) {
      logger.warn({ err: toWeirError(error), partition }, 'last checkpoint or commit failed');
    }
    await parts.host().close({ partition, checkpoint: false });
    if (stillOwner()) await put(false);
  }
}
