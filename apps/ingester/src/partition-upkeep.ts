// What is done to an open partition now and then: cut due windows, ship their blocks (or learn that another
// zone has), let the head forget them, commit the group offset, delete old local blocks, take a snapshot. In this order, each step idempotent, so that it
// may stop anywhere and be done again.
import { isKind } from '@weir/errors';
import type { ParkedTenant } from '@weir/head';
import type { GroupMember } from '@weir/log';
import type { Logger } from '@weir/telemetry';
import type { IngesterMetrics } from './metrics.ts';
import type { RetentionGuard } from './retention-guard.ts';
import type { ShippingRole } from './ship/role.ts';
import type { Shipper } from './ship/shipper.ts';
import type { SnapshotSchedule } from './ship/snapshot-schedule.ts';
import { createStateLine } from './ship/state-line.ts';
import { commitMetadata } from './start-position.ts';
import type { EarlyCutSettings } from './worker/early-cuts.ts';
import type { DurableState, PartitionHost } from './workers/partition-host.ts';

export interface Maintenance {
  /** Which windows are cut into blocks: none, those due by event time, or every one (flush). */
  readonly cut: 'none' | 'due' | 'all';
  /** Empty: all tenants. */
  readonly tenants: readonly string[];
}

export interface UpkeepParts {
  readonly partition: number;
  readonly topicId: string;
  readonly host: PartitionHost;
  readonly shipper: Shipper;
  readonly role: ShippingRole;
  readonly snapshots: SnapshotSchedule;
  readonly retention: RetentionGuard;
  readonly early: EarlyCutSettings;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
  member(): Promise<GroupMember>;
  /** The group's offset of this log when the partition was opened; 0 for none. */
  committedBefore(): Promise<number>;
  /** Another instance owns the partition, or is about to. */
  disowned(): boolean;
  disown(): void;
}

export interface Upkeep {
  readonly failing: string | undefined;
  /** Which tenants' records are passed over and stay in the log. */
  readonly parked: string | undefined;
  /** Rejects with the first thing that failed, after having done what else could be done. */
  run(maintenance: Maintenance): Promise<void>;
  /** Takes a last checkpoint and commits, whatever upload is under way: for closing the partition. */
  finish(): Promise<void>;
}

export function createUpkeep(parts: UpkeepParts): Upkeep {
  const { partition, host, shipper, role, metrics } = parts;
  const state = createStateLine(parts.logger, `upkeep of partition ${partition}`);
  /** What the group has, once it was asked; it never goes back, also not under a stale local head. */
  let committed: number | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let parked = new Map<string, ParkedTenant>();

  async function ship(): Promise<boolean> {
    if (parts.disowned()) return false;
    let shippedSome = false;
    try {
      if (!(await role.decide())) return await follow();
      while (shipper.waiting > 0) {
        const windows = await shipper.ship(committed ?? 0);
        await host.drop({ partition, windows });
        shippedSome = true;
      }
    } catch (error) {
      if (isKind(error, 'fenced')) fenced();
      throw error;
    }
    return shippedSome;
  }

  function fenced(): void {
    if (!role.stepDown()) parts.disown();
  }

  /** Another zone ships: what it has put into the bucket may go from the head here, too. */
  async function follow(): Promise<boolean> {
    const { tenants } = await host.stats({ partition });
    const windows = [...shipper.follow(), ...(await shipper.settled(tenants))];
    if (windows.length > 0) await host.drop({ partition, windows });
    return windows.length > 0;
  }

  /** What damaged blocks held is still in the head if it was not shipped: it is cut again. */
  function loseBlocks(ulids: readonly string[]): void {
    if (ulids.length === 0) return;
    shipper.forget(ulids);
    metrics.quarantined.inc({ what: 'block' }, ulids.length);
    parts.logger.error({ partition, blocks: ulids }, 'damaged local blocks put aside');
  }

  function noteParked(all: readonly ParkedTenant[]): void {
    for (const { tenant, fromOffset } of all) {
      if (parked.has(tenant)) continue;
      const what =
        'tenant parked: a record of it can not be applied; its later ones stay in the log';
      parts.logger.error({ partition, tenant, fromOffset }, what);
    }
    parked = new Map(all.map((one) => [one.tenant, one]));
    metrics.parkedTenants.set({ partition }, parked.size);
  }

  async function commit(durable: DurableState): Promise<void> {
    loseBlocks(durable.damagedBlocks);
    noteParked(durable.parked);
    const { safeOffset, checkpointPosition } = durable;
    const next = Math.min(safeOffset, checkpointPosition, parts.snapshots.neededFrom);
    if (parts.disowned()) return;
    // A snapshot would keep the tenant parked on every disk that it fills; without one, a program that can
    // apply the record finds it in the log.
    const isWhole = durable.parked.length === 0;
    if (role.ships && isWhole) parts.snapshots.consider(checkpointPosition);
    committed ??= await parts.committedBefore();
    if (next <= committed) return;
    const member = await parts.member();
    await member.commit(partition, next, commitMetadata(parts.topicId));
    committed = next;
    metrics.lastCommittedOffset.set({ partition }, next - 1);
  }

  async function expire(): Promise<void> {
    const ulids = shipper.expired();
    if (ulids.length === 0) return;
    await host.deleteBlocks({ partition, ulids });
    shipper.forget(ulids);
  }

  async function runNow({ cut, tenants }: Maintenance): Promise<void> {
    const errors: unknown[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        errors.push(error);
        return undefined;
      }
    };
    const all = cut === 'all';
    // What waits goes first: a window that is forgotten is not cut a second time.
    let shipped = (await attempt(ship)) ?? false;
    if (cut !== 'none') {
      await attempt(async () => {
        const { early } = parts;
        shipper.add(await host.cut({ partition, all, tenants, early }));
      });
      shipped = (errors.length === 0 && (await attempt(ship))) || shipped;
    }
    const force = shipped || all;
    await attempt(async () => commit(await host.checkpoint({ partition, force })));
    await attempt(expire);
    await attempt(() => parts.retention.check(committed ?? 0));
    if (errors.length === 0) return state.recovered();
    state.failed(errors[0]);
    throw errors[0];
  }

  return {
    get parked() {
      const all = [...parked.values()].map((one) => `${one.tenant} from ${one.fromOffset}`);
      return all.length === 0 ? undefined : `tenants parked: ${all.join(', ')}`;
    },
    get failing() {
      return state.failing ?? parts.snapshots.failing;
    },
    run(maintenance) {
      const done = last.then(() => runNow(maintenance));
      last = done.catch(() => undefined);
      return done;
    },
    async finish() {
      await parts.snapshots.stop();
      await commit(await host.checkpoint({ partition, force: true }));
    },
  };
}
