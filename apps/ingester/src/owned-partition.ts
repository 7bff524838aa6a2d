// One partition that this instance owns, from the main thread's side: claims it, opens it in its worker,
// feeds it from the log, ships what it cuts, and commits the group offset that follows from that.
// Invariants: the committed offset never passes the first record with a sample outside a shipped block,
// nor the last durable checkpoint; a head forgets a window only after the manifest tells of it; after
// revocation nothing is shipped or committed.
import { join } from 'node:path';
import type { Bucket } from '@weir/bucket';
import type { Cluster } from '@weir/cluster';
import { isKind, toWeirError, WeirError } from '@weir/errors';
import type { TenantSettings } from '@weir/head';
import type { GroupMember, PartitionLog, RecordBatch } from '@weir/log';
import type { Clock, Semaphore } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import { type ConsumeLoop, startConsumeLoop } from './consume-loop.ts';
import type { DiscardLog } from './discards.ts';
import { countSeriesChanges, type IngesterMetrics } from './metrics.ts';
import { createOwnerClaim } from './owner-claim.ts';
import { createPartitionLag, type PartitionLag } from './partition-lag.ts';
import { ORPHAN_SLACK_MS, startPartition } from './partition-start.ts';
import { createUpkeep, type Maintenance, type Upkeep } from './partition-upkeep.ts';
import { createPositionWaiters } from './position-waiters.ts';
import { createRecordIntake } from './record-intake.ts';
import { createRetentionGuard } from './retention-guard.ts';
import { createManifestFile, type ManifestFile } from './ship/manifest-file.ts';
import { createShippingRole } from './ship/role.ts';
import { createShipper, type Shipper } from './ship/shipper.ts';
import { createSnapshotSchedule, type SnapshotSchedule } from './ship/snapshot-schedule.ts';
import { createSnapshots, type Snapshots } from './ship/snapshots.ts';
import { createStateLine } from './ship/state-line.ts';
import { committedOffset } from './start-position.ts';
import { createTracedRecords } from './traced-records.ts';
import { createOpeningMark } from './worker/opening-mark.ts';
import type { Applied, PartitionHost } from './workers/partition-host.ts';

const REOPEN_MIN_MS = 250;
const REOPEN_MAX_MS = 10_000;
/** A partition that applies nothing for so long, with records there, is stuck. */
const PROGRESS_PERIOD_MS = 30_000;
/** What is under way gets this long when the partition is closed (a bucket may hang). */
const STOP_PATIENCE_MS = 10_000;

export interface OwnedPartitionSettings {
  readonly partition: number;
  readonly dir: string;
  readonly consumerGroup: string;
  readonly instanceId: string;
  readonly zone: string;
  readonly retentionPeriodMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly snapshotIntervalMs: number;
  readonly snapshotLogBytes: number;
  readonly closeIdleMs: number;
  readonly activeSeriesIdleMs: number;
  readonly earlySeriesMin: number;
  readonly earlyReductionPercentMin: number;
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
  /** Of one, for all partitions: see partition-start.ts. */
  readonly suspects: Semaphore;
  settingsFor(tenant: string): TenantSettings;
  /** Bytes of records to be taken from the log at once, now. */
  batchBytes(): number;
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
  /** Of what was applied, all is in the bucket. */
  readonly empty: boolean;
  /** How far it is behind the log. */
  readonly lag: PartitionLag;
  /** The log went on since the last maintenance, and nothing was applied. */
  readonly stuck: boolean;
  /** Why it is not serving, or what fails. */
  readonly reason: string;
  /** What operators should know though it serves. */
  readonly notes: readonly string[];
  waitApplied(position: number, signal?: AbortSignal): Promise<void>;
  /** When a local block was uploaded, ms; undefined when it was not. */
  uploadedMs(ulid: string): number | undefined;
  /** A read met damage, in the head or in a block. */
  suspect(error: WeirError): void;
  /** Cuts, ships, commits and deletes what is due. Rejects when something of it failed. */
  maintain(maintenance: Maintenance): Promise<void>;
  /** Another instance takes over: nothing is shipped or committed from now on. */
  disown(): void;
  /** It is ours again after disown(); false where another instance has claimed it meanwhile. */
  restore(): boolean;
  /** Checkpoints, commits (unless disowned), and closes. */
  stop(): Promise<void>;
}

interface Session {
  readonly host: PartitionHost;
  readonly upkeep: Upkeep;
  readonly loop: ConsumeLoop;
  readonly snapshots: SnapshotSchedule;
  readonly shipper: Shipper;
}

export function createOwnedPartition(
  settings: OwnedPartitionSettings,
  parts: OwnedPartitionParts,
): OwnedPartition {
  const { partition } = settings;
  const { log, cluster, clock, logger, metrics } = parts;
  const { topicId } = log;
  const stopping = new AbortController();
  const waiters = createPositionWaiters();
  const lag = createPartitionLag();
  const checkpoints = createStateLine(logger, `checkpoint of partition ${partition}`);
  const opening = createStateLine(logger, `partition ${partition}`);
  const retention = createRetentionGuard(partition, { log, clock, logger, metrics });
  let applied = 0;
  let target = Number.POSITIVE_INFINITY;
  let seriesCount = 0;
  let session: Session | undefined;
  /** Of a session that has not caught up yet: where and when it began to apply. */
  let opened: { readonly from: number; readonly atMs: number } | undefined;
  let seen = { applied: 0, end: 0, atMs: clock.steadyMs() };
  let stuck = false;
  let receivedBytes = 0;
  let rebuilt: string | undefined;

  const startParts = { log, logger, missed };
  const claim = createOwnerClaim(settings, {
    ...{ cluster, clock, logger },
    failed: (error) => opening.failed(error),
    reclaim: () => session?.loop.stop(),
  });

  function missed(records: number): void {
    metrics.missedRecords.inc(records);
  }

  function onReceived({ records }: RecordBatch): void {
    const newest = records.at(-1);
    if (newest === undefined) return;
    for (const { value } of records) receivedBytes += value.byteLength;
    if (!claim.serving) metrics.replayedRecords.inc(records.length);
    const delayMs = Math.max(0, clock.nowMs() - newest.timestampMs);
    metrics.receiveDelay.observe({ phase: claim.serving ? 'running' : 'starting' }, delayMs / 1000);
  }

  function onApplied(result: Applied, timestampMs: number | undefined): void {
    applied = result.position;
    lag.applied(applied, timestampMs);
    seriesCount = result.seriesCount;
    for (const { tenant, samples } of result.ingested) {
      metrics.ingestedSamples.inc({ user: tenant }, samples);
    }
    metrics.lastConsumedOffset.set({ partition }, applied - 1);
    for (const ms of result.checkpointsMs) metrics.checkpointDuration.observe(ms / 1000);
    if (result.journalError !== undefined) {
      logger.warn(
        { partition, err: result.journalError },
        'the journal of the local head could not be written; it goes on with the next checkpoint',
      );
    }
    if (result.checkpointError !== undefined) checkpoints.failed(result.checkpointError);
    else if (result.checkpointsMs.length > 0) checkpoints.recovered();
    parts.discards.note(partition, result.discards);
    countSeriesChanges(metrics, result.seriesChanges);
    waiters.reached(applied);
    announce();
  }

  /** Tells the cluster that this partition has caught up. */
  function announce(): void {
    if (applied < target || stopping.signal.aborted) return;
    claim.serve();
    if (opened === undefined) return;
    const [records, tookMs] = [applied - opened.from, Math.round(clock.steadyMs() - opened.atMs)];
    logger.info({ partition, records, tookMs }, 'partition has caught up');
    opened = undefined;
  }

  async function beginSession(): Promise<Session> {
    const beganMs = clock.steadyMs();
    const host = parts.host();
    const { bucket, member } = parts;
    const place = { topicId, partition };
    const manifest = createManifestFile(place, {
      ...{ bucket, log: logger, mayShip: () => claim.held, claim: () => claim.epoch },
    });
    await manifest.load();
    await claim.claimAbove(manifest.current.epoch ?? 0);
    const shipper = createShipper(
      { ...place, retentionPeriodMs: settings.retentionPeriodMs },
      { bucket, clock, log: logger, metrics, manifest },
    );
    const role = createShippingRole(settings, {
      ...{ cluster, clock, logger, manifest, claimAbove: claim.claimAbove },
      ...{ stillOwner: () => claim.held, serving: () => claim.serving },
      // What the zone that shipped before has uploaded but not told of.
      async takeOver() {
        const { waitingSinceMs } = shipper;
        if (waitingSinceMs !== undefined) await shipper.adopt(waitingSinceMs - ORPHAN_SLACK_MS);
      },
    });
    const snapshots = createSnapshots(place, {
      ...{ bucket, clock, logger, metrics, manifest, host, claim: () => claim.epoch },
    });
    const started = await startPartition(settings, {
      ...startParts,
      ...{ metrics, host, shipper, snapshots, role, suspects: parts.suspects },
    });
    rebuilt = started.rebuilt ?? rebuilt;
    const fromOffset = started.from;
    applied = fromOffset;
    seriesCount = (await host.stats({ partition })).seriesCount;
    lag.restart(fromOffset);
    const askedMs = clock.nowMs();
    target = await log.endOffset(partition);
    lag.ended(target, askedMs);
    const intake = createRecordIntake({
      settingsFor: parts.settingsFor,
      refused: (offset) => logger.warn({ partition, offset }, 'record without a valid tenant'),
    });
    const schedule = createSchedule(manifest, snapshots, () => {
      if (!role.stepDown()) claim.disown();
    });
    const upkeep = createUpkeep({
      ...{ partition, topicId, host, shipper, role, snapshots: schedule },
      ...{ logger, metrics, member, retention },
      early: {
        closeIdleMs: settings.closeIdleMs,
        seriesMin: settings.earlySeriesMin,
        reductionPercentMin: settings.earlyReductionPercentMin,
        seriesIdleMs: settings.activeSeriesIdleMs,
      },
      ...{ disowned: () => !claim.held, disown: claim.disown },
      committedBefore: async () =>
        (await committedOffset(partition, settings.consumerGroup, target, startParts)) ?? 0,
    });
    const loop = startConsumeLoop(
      { partition, fromOffset },
      {
        ...{ log, host, intake, received: onReceived, applied: onApplied, missed: onMissed },
        ...{ release: parts.release, batchBytes: parts.batchBytes },
        traced: createTracedRecords(partition, {
          clock,
          log: logger,
          serving: () => claim.serving,
        }),
      },
    );
    opening.recovered();
    opened = { from: applied, atMs: clock.steadyMs() };
    const tookMs = Math.round(opened.atMs - beganMs);
    logger.info(
      { partition, from: applied, to: target, seriesCount, tookMs, journal: started.journal },
      'partition opened',
    );
    waiters.reached(applied);
    announce();
    return { host, upkeep, loop, snapshots: schedule, shipper };
  }

  function createSchedule(
    manifest: ManifestFile,
    snapshots: Snapshots,
    fenced: () => void,
  ): SnapshotSchedule {
    return createSnapshotSchedule(settings, {
      ...{ clock, logger, metrics, manifest, snapshots, fenced },
      receivedBytes: () => receivedBytes,
    });
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
        claim.renew();
        session = await beginSession();
        if (stopping.signal.aborted) session.loop.stop();
        waitMs = REOPEN_MIN_MS;
        await session.loop.ended;
        if (stopping.signal.aborted) return;
        throw new WeirError(
          'fenced',
          `partition ${partition} was claimed elsewhere: claimed again`,
        );
      } catch (error) {
        if (stopping.signal.aborted) return;
        await endFailedSession(error);
        await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
        waitMs = Math.min(2 * waitMs, REOPEN_MAX_MS);
      }
    }
  }

  async function endFailedSession(error: unknown): Promise<void> {
    const { snapshots } = session ?? {};
    session = undefined;
    claim.unserve();
    metrics.partitionFailures.inc();
    opening.failed(error);
    try {
      await snapshots?.stop();
      await closeOrPutAside(parts.host(), error);
      await claim.tell();
    } catch (closeError) {
      logger.error({ err: closeError, partition }, 'closing a failed partition failed');
    }
  }

  /** What was found damaged while it was open may open again, and must not be believed. */
  async function closeOrPutAside(host: PartitionHost, error: unknown): Promise<void> {
    if (!isKind(error, 'corrupt') || !(await isDamaged(host))) {
      await host.close({ partition, checkpoint: false });
      return;
    }
    const aside = await host.quarantine({ partition, blocks: false });
    logger.error({ partition, aside }, 'local head put aside');
    metrics.quarantined.inc({ what: 'head' });
    rebuilt = `local head put aside (${aside}): ${toWeirError(error).message}`;
  }

  async function isDamaged(host: PartitionHost): Promise<boolean> {
    return (await host.stats({ partition })).damage !== undefined;
  }

  /** Nothing may be applied for long where nothing is pushed: damage must not wait for that. */
  async function failIfDamaged(error: WeirError): Promise<void> {
    if (session === undefined) return;
    const { host, loop } = session;
    if (await isDamaged(host)) loop.fail(error);
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
    lag,
    get serving() {
      return claim.serving;
    },
    get announced() {
      return claim.announced;
    },
    get seriesCount() {
      return seriesCount;
    },
    get empty() {
      return session !== undefined && seriesCount === 0 && session.upkeep.parked === undefined;
    },
    get stuck() {
      return stuck;
    },
    get reason() {
      const failing = opening.failing ?? session?.upkeep.failing ?? checkpoints.failing;
      if (failing !== undefined) return failing;
      return claim.serving ? 'serving' : `applied ${applied} of ${target}`;
    },
    get notes() {
      return [rebuilt, retention.note, session?.upkeep.parked].filter((note) => note !== undefined);
    },
    waitApplied(position, signal) {
      return position <= applied ? Promise.resolve() : waiters.wait(position, signal);
    },
    uploadedMs: (ulid) => session?.shipper.uploadedMs(ulid),
    async maintain(maintenance) {
      if (session === undefined) {
        throw new WeirError('unavailable', `partition ${partition} is not open yet`);
      }
      announce();
      await checkProgress();
      try {
        await session.upkeep.run(maintenance);
      } catch (error) {
        if (isKind(error, 'corrupt')) await failIfDamaged(toWeirError(error));
        throw error;
      }
    },
    suspect(error) {
      failIfDamaged(error).catch((err) => logger.warn({ err, partition }, 'not looked at yet'));
    },
    disown: claim.revoke,
    restore: claim.restore,
    async stop() {
      stopping.abort(new WeirError('closed', `partition ${partition} is being closed`));
      session?.loop.stop();
      if (session === undefined) await excuseOpening();
      await Promise.race([running, clock.sleep(STOP_PATIENCE_MS)]);
      claim.close();
      waiters.fail(new WeirError('unavailable', `partition ${partition} left this ingester`));
      await finish();
    },
  };

  /** Who asked for this may not wait for the end of an opening: then it is he who ends it, not the head. */
  async function excuseOpening(): Promise<void> {
    const mark = createOpeningMark(join(settings.dir, String(partition)));
    await mark.end().catch((err) => logger.warn({ err, partition }, 'mark of an opening stays'));
  }

  /** The checkpoint saves a replay; the commit saves the next owner one. Losing either loses no data. */
  async function finish(): Promise<void> {
    claim.unserve();
    try {
      await session?.upkeep.finish();
    } catch (error) {
      logger.warn({ err: toWeirError(error), partition }, 'last checkpoint or commit failed');
    }
    await parts.host().close({ partition, checkpoint: false });
    if (claim.held) await claim.tell();
  }
}
