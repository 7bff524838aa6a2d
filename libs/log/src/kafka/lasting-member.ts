// A membership that outlives its client. A client with a static name gives up for good when the group knows
// another one under that name. That is another process; or nobody: where a broker dies after it has taken a
// join and before it has answered, the group waits for a member id that no client was ever told, and fences
// the one that asks again. So the first time another client joins in its place, and only when that is fenced
// soon, too, the membership has failed.
import { toWeirError, WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { GroupEvents, GroupMember } from '../partition-log.ts';

/** Two processes under one name fence each other in less. */
const AGAIN_WITHIN_MS = 60_000;
const RETRY_MS = 1000;

/** What one client of the membership is given. */
export interface MemberClient {
  readonly events: GroupEvents;
  failed(error: WeirError, fenced: boolean): void;
}

export interface LastingMemberParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told once: the process will never be given partitions again. */
  failed(error: WeirError): void;
}

export async function joinLasting(
  join: (client: MemberClient) => Promise<GroupMember>,
  { memberId, events }: { readonly memberId: string; readonly events: GroupEvents },
  { clock, log, failed }: LastingMemberParts,
): Promise<GroupMember> {
  let failure: WeirError | undefined;
  let rejoining: Promise<void> | undefined;
  let rejoinedMs = Number.NEGATIVE_INFINITY;
  let closed = false;

  const joinAnew = (): Promise<GroupMember> => {
    const owned = new Set<number>();
    let current = true;
    const drop = (partitions: readonly number[], tell: (partitions: readonly number[]) => void) => {
      if (!current) return;
      for (const partition of partitions) owned.delete(partition);
      tell(partitions);
    };
    return join({
      events: {
        assigned(partitions) {
          if (!current) return;
          for (const partition of partitions) owned.add(partition);
          events.assigned(partitions);
        },
        revoked: (partitions) => drop(partitions, (gone) => events.revoked(gone)),
        lost: (partitions) => drop(partitions, (gone) => events.lost(gone)),
      },
      failed(error, fenced) {
        if (!current) return;
        current = false;
        if (owned.size > 0) events.lost([...owned]);
        if (fenced && clock.steadyMs() - rejoinedMs > AGAIN_WITHIN_MS) {
          log.warn({ err: error, memberId }, 'kafka member: fenced; joins again');
          rejoining = rejoin();
        } else {
          failure = error;
          failed(error);
        }
      },
    });
  };

  const rejoin = async () => {
    await leave(member);
    while (!closed) {
      try {
        member = await joinAnew();
        rejoinedMs = clock.steadyMs();
        rejoining = undefined;
        return;
      } catch (error) {
        log.warn({ err: error, memberId }, 'kafka member: could not join again yet');
        await clock.sleep(RETRY_MS);
      }
    }
  };

  /** A client that has given up can't leave in order. */
  const leave = async (gone: GroupMember) => {
    try {
      await gone.close({ stay: true });
    } catch (error) {
      log.warn({ err: toWeirError(error), memberId }, 'kafka member: a client did not close');
    }
  };

  let member = await joinAnew();
  return {
    async commit(partition, nextOffset, metadata) {
      if (failure !== undefined) throw failure;
      if (rejoining !== undefined) {
        throw new WeirError('fenced', `member ${memberId} was fenced and joins its group again`);
      }
      await member.commit(partition, nextOffset, metadata);
    },
    async close(options) {
      closed = true;
      await rejoining;
      await member.close(options);
    },
  };
}
