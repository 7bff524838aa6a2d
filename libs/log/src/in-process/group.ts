// Consumer groups inside one process: members share the partitions, moving as few as they can when one
// joins or leaves. Offsets live in a store that the adapter brings. Callbacks come later than the call
// that causes them, as Kafka's do.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { CommittedOffset, GroupEvents, GroupMember } from '../partition-log.ts';

export interface OffsetStore {
  committed(group: string, partition: number): CommittedOffset | undefined;
  /** Resolves when durable. */
  commit(group: string, partition: number, offset: CommittedOffset): Promise<void>;
}

interface Member {
  readonly id: string;
  readonly events: GroupEvents;
  owned: number[];
}

export interface GroupRegistry {
  join(group: string, memberId: string, events: GroupEvents): GroupMember;
}

export function createGroupRegistry(
  partitionCount: number,
  store: OffsetStore,
  clock: Clock,
): GroupRegistry {
  const groups = new Map<string, Member[]>();
  const notify = (call: () => void) => void clock.yield().then(call);

  const rebalance = (members: Member[]) => {
    members.forEach((member, index) => {
      const share = shareOf(partitionCount, members.length, index);
      if (member.owned.length <= share) return;
      const moved = member.owned.splice(share);
      notify(() => member.events.revoked(moved));
    });
    const free = unowned(members, partitionCount);
    members.forEach((member, index) => {
      const share = shareOf(partitionCount, members.length, index);
      const added = free.splice(0, share - member.owned.length);
      if (added.length === 0) return;
      member.owned = [...member.owned, ...added].sort((a, b) => a - b);
      notify(() => member.events.assigned(added));
    });
  };

  return {
    join(group, memberId, events) {
      const members = groups.get(group) ?? [];
      groups.set(group, members);
      const member: Member = { id: memberId, events, owned: [] };
      members.push(member);
      rebalance(members);
      let closed = false;
      return {
        async commit(partition, nextOffset, metadata) {
          if (closed) throw new WeirError('closed', `member ${memberId} has left group ${group}`);
          if (!member.owned.includes(partition)) {
            throw new WeirError('fenced', `partition ${partition} is not owned by ${memberId}`);
          }
          await store.commit(group, partition, { nextOffset, metadata });
        },
        async close() {
          if (closed) return;
          closed = true;
          members.splice(members.indexOf(member), 1);
          member.owned = [];
          rebalance(members);
        },
      };
    },
  };
}

function shareOf(partitions: number, members: number, index: number): number {
  return Math.floor(partitions / members) + (index < partitions % members ? 1 : 0);
}

function unowned(members: readonly Member[], partitionCount: number): number[] {
  const owned = new Set(members.flatMap((member) => member.owned));
  return Array.from({ length: partitionCount }, (_, partition) => partition).filter(
    (partition) => !owned.has(partition),
  );
}
