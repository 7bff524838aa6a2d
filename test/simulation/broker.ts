// The log's servers: topics of arrays that outlive every process, with what brokers do and memory doesn't:
// retention, groups with sessions that time out, and a moment when nobody answers.
import { WeirError } from '@weir/errors';
import type { CommittedOffset, GroupEvents, LogRecord, ProduceRecord } from '@weir/log';
import type { SimProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';

export interface Appended extends LogRecord {
  /** Virtual time without any skew. */
  readonly atMs: number;
}

export interface BrokerWatch {
  /** `sent` is the record as its sender had it. */
  appended(partition: number, record: Appended, sent: ProduceRecord): void;
  /** What a sender's record becomes in the log: other programs write to the topic in other versions. */
  written?(record: ProduceRecord): ProduceRecord;
  committed(group: string, partition: number, offset: CommittedOffset): void;
}

export class Topic {
  readonly id: string;
  readonly partitions: readonly Appended[][];
  readonly starts: number[];
  readonly watch: BrokerWatch | undefined;
  readonly #scheduler: Scheduler;
  #waiting: { partition: number; wake: () => void }[] = [];
  #lastMs = 0;

  constructor(id: string, partitions: number, scheduler: Scheduler, watch?: BrokerWatch) {
    this.id = id;
    this.partitions = Array.from({ length: partitions }, () => []);
    this.starts = this.partitions.map(() => 0);
    this.#scheduler = scheduler;
    this.watch = watch;
  }

  /** A record that a client has produced. */
  produced(sent: ProduceRecord): number {
    return this.append(this.watch?.written?.(sent) ?? sent, sent);
  }

  append(record: ProduceRecord, sent: ProduceRecord = record): number {
    const { partition, key, value, version } = record;
    const records = this.partitions[partition]!;
    const atMs = this.#scheduler.nowMs;
    this.#lastMs = Math.max(this.#lastMs, Math.floor(atMs));
    const offset = records.length;
    const appended = { offset, timestampMs: this.#lastMs, key, value, version, atMs };
    records.push(appended);
    this.#scheduler.note(`logged ${this.id.slice(0, 7)} ${partition} ${offset}`);
    this.watch?.appended(partition, appended, sent);
    const woken = this.#waiting.filter((one) => one.partition === partition);
    this.#waiting = this.#waiting.filter((one) => one.partition !== partition);
    for (const { wake } of woken) wake();
    return offset;
  }

  end(partition: number): number {
    return this.partitions[partition]!.length;
  }

  /** Records below the offset can't be read any more. */
  truncate(partition: number, offset: number): void {
    this.starts[partition] = Math.max(this.starts[partition]!, offset);
  }

  /** Calls back at the next record of the partition. */
  onAppend(partition: number, wake: () => void): void {
    this.#waiting.push({ partition, wake });
  }
}

interface Member {
  readonly id: string;
  process: SimProcess;
  events: GroupEvents;
  owned: number[];
  /** The coordinator hears nothing from it. */
  silent: boolean;
  /** When the last of what it is told arrives. */
  toldMs: number;
}

const SESSION_TIMEOUT_MS = 45_000;
const REBALANCE_MS = 1_000;

/** The groups of one topic: sticky, with static members. */
export class Coordinator {
  readonly offsets = new Map<string, CommittedOffset>();
  rebalances = 0;
  readonly #topic: Topic;
  readonly #scheduler: Scheduler;
  readonly #groups = new Map<string, Member[]>();

  constructor(topic: Topic, scheduler: Scheduler) {
    this.#topic = topic;
    this.#scheduler = scheduler;
  }

  join(group: string, id: string, process: SimProcess, events: GroupEvents): void {
    const members = this.#groups.get(group) ?? [];
    this.#groups.set(group, members);
    const known = members.find((member) => member.id === id);
    if (known !== undefined) {
      // A static member that comes back within its session keeps what it has.
      known.process = process;
      known.events = events;
      known.silent = false;
      if (known.owned.length > 0) this.#tell(known, 'assigned', known.owned);
    } else members.push({ id, process, events, owned: [], silent: false, toldMs: 0 });
    this.#rebalance(group);
  }

  leave(group: string, id: string, process: SimProcess): void {
    const members = this.#groups.get(group) ?? [];
    const at = members.findIndex((member) => member.id === id && member.process === process);
    if (at < 0) return;
    members.splice(at, 1);
    this.#rebalance(group);
  }

  /** The member is not heard of until `untilMs`: after its session its partitions go to others. */
  silence(process: SimProcess, untilMs: number): void {
    for (const [group, members] of this.#groups) {
      for (const member of members) {
        if (member.process !== process) continue;
        member.silent = true;
        this.#scheduler.after(SESSION_TIMEOUT_MS, undefined, 'session ends', () => {
          if (member.process === process && member.silent) this.#expire(group, member);
        });
        if (untilMs === Number.POSITIVE_INFINITY) continue;
        const waitMs = untilMs - this.#scheduler.nowMs;
        this.#scheduler.after(waitMs, process, 'heard of again', () =>
          this.#back(group, member, process),
        );
      }
    }
  }

  commit(
    group: string,
    id: string,
    process: SimProcess,
    partition: number,
    offset: CommittedOffset,
  ) {
    const member = this.#groups.get(group)?.find((one) => one.id === id);
    if (member?.process !== process || !member.owned.includes(partition)) {
      throw new WeirError('fenced', `partition ${partition} is not owned by ${id}`);
    }
    this.offsets.set(`${group}/${partition}`, offset);
    this.#topic.watch?.committed(group, partition, offset);
  }

  #expire(group: string, member: Member): void {
    const members = this.#groups.get(group)!;
    const at = members.indexOf(member);
    if (at >= 0) members.splice(at, 1);
    this.#rebalance(group);
  }

  #back(group: string, member: Member, process: SimProcess): void {
    if (member.process !== process) return;
    member.silent = false;
    const members = this.#groups.get(group)!;
    if (members.includes(member)) return;
    this.#tell(member, 'lost', member.owned);
    member.owned = [];
    members.push(member);
    this.#rebalance(group);
  }

  /** Shares the partitions as evenly as few moves allow: revoked first, assigned after that. */
  #rebalance(group: string): void {
    this.rebalances++;
    const members = this.#groups.get(group)!;
    const count = this.#topic.partitions.length;
    const share = (index: number) =>
      Math.floor(count / members.length) + (index < count % members.length ? 1 : 0);
    members.forEach((member, index) => {
      const moved = member.owned.splice(share(index));
      if (moved.length > 0) this.#tell(member, 'revoked', moved);
    });
    const taken = new Set(members.flatMap(({ owned }) => owned));
    const free = Array.from({ length: count }, (_, at) => at).filter((at) => !taken.has(at));
    members.forEach((member, index) => {
      const added = free.splice(0, share(index) - member.owned.length);
      if (added.length === 0) return;
      member.owned.push(...added);
      this.#tell(member, 'assigned', added, REBALANCE_MS);
    });
  }

  #tell(
    member: Member,
    what: 'assigned' | 'revoked' | 'lost',
    partitions: readonly number[],
    leastMs = 0,
  ): void {
    const { process, events } = member;
    const copy = [...partitions];
    // What the coordinator tells a member comes in order.
    const { nowMs } = this.#scheduler;
    const atMs = Math.max(nowMs + leastMs + process.dice.delayMs(200), member.toldMs + 1);
    member.toldMs = atMs;
    const waitMs = atMs - nowMs;
    this.#scheduler.after(waitMs, process, `${what} ${copy.join(',')}`, () => events[what](copy));
  }
}
