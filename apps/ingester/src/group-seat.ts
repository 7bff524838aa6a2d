// This instance's seat in its zone's consumer group: taken at the start, given up while it drains and another
// can have its partitions, taken again when it stays after all or the others are gone. One change at a time.
// What partitions come and go by it is told by the group's events; giving up tells of all that are left.
import { type ClusterView, hasSuccessor, type SuccessionSettings } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import type { GroupMember } from '@weir/log';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';

export interface GroupSeatParts {
  readonly cluster: { readonly view: ClusterView };
  readonly clock: Clock;
  readonly logger: Logger;
  drainingSinceMs(): number | undefined;
  join(): Promise<GroupMember>;
  /** The group has taken all partitions away. */
  left(): void;
}

export interface GroupSeat {
  /** In the group, or on the way into it. */
  readonly taken: boolean;
  /** Steady time since which it is in the group; undefined while it isn't. */
  readonly sinceMs: number | undefined;
  /** Rejects with `closed` while it is not in the group. */
  member(): Promise<GroupMember>;
  /** Takes or gives up the seat, as the cluster's view says now. */
  settle(): Promise<void>;
  /** For good; see GroupMember.close for `stay`. */
  close(stay: boolean): Promise<void>;
}

export function createGroupSeat(settings: SuccessionSettings, parts: GroupSeatParts): GroupSeat {
  const { cluster, clock, logger } = parts;
  let joining: Promise<GroupMember> | undefined;
  let sinceMs: number | undefined;
  let closed = false;
  let turn: Promise<unknown> = Promise.resolve();

  const isWanted = (): boolean => {
    const draining = parts.drainingSinceMs();
    if (draining === undefined) return true;
    return !hasSuccessor(cluster.view, settings, draining, clock.nowMs());
  };

  async function take(): Promise<void> {
    logger.info('joining the consumer group');
    joining = parts.join();
    try {
      await joining;
    } catch (error) {
      joining = undefined;
      throw error;
    }
    sinceMs = clock.steadyMs();
  }

  async function giveUp(stay: boolean): Promise<void> {
    const leaving = joining!;
    joining = undefined;
    sinceMs = undefined;
    await (await leaving).close({ stay });
    parts.left();
  }

  async function settleNow(): Promise<void> {
    if (closed || isWanted() === (joining !== undefined)) return;
    if (joining === undefined) return take();
    logger.info('draining: leaving the consumer group, so that others get the partitions');
    await giveUp(false);
  }

  /** Also after a turn that failed. */
  function next(work: () => Promise<void>): Promise<void> {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  }

  return {
    get taken() {
      return joining !== undefined;
    },
    get sinceMs() {
      return sinceMs;
    },
    async member() {
      if (joining === undefined) throw new WeirError('closed', 'not in the consumer group');
      return joining;
    },
    settle: () => next(settleNow),
    close(stay) {
      closed = true;
      return next(async () => {
        if (joining !== undefined) await giveUp(stay);
      });
    },
  };
}
