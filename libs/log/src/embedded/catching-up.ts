// Consumers that are behind share one walk of a segment. All partitions lie in one stream of frames, so who
// looks for his own meets everybody's: he hands the others what they wait for, up to a bound, and they find it
// there when their turn comes. Walking one after the other, however many partitions there are, the stream is
// read about once, and not once for each.
import type { LogRecord } from '../partition-log.ts';

/** What is kept for those whose turn has not come, bytes; each may keep a share of it. */
const AHEAD_MAX_BYTES = 64 * 1024 * 1024;
const AHEAD_OF_ONE_MAX_BYTES = 8 * 1024 * 1024;
/** What a record costs beside its value, bytes (roughly). */
const RECORD_COST_BYTES = 128;

/** One consumer's records that others have met, from the offset that it needs next. */
export interface Ahead {
  readonly isEmpty: boolean;
  /** Up to about `maxBytes`, at least one where there is one. */
  take(maxBytes: number): LogRecord[];
  /** Forgets what is kept: the consumer needs this offset next. */
  expect(offset: number): void;
  leave(): void;
}

export interface CatchingUp {
  /** Whether more than one is behind. */
  readonly isShared: boolean;
  /** A consumer that is behind for the first time. Of one partition the latest is handed records. */
  join(partition: number, offset: number): Ahead;
  /** Whether somebody waits for this record and has room for it. */
  wants(partition: number, offset: number): boolean;
  /** Only after wants(). */
  hand(partition: number, record: LogRecord): void;
  /** One at a time, in the order of the calls. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>;
}

class Waiting implements Ahead {
  records: LogRecord[] = [];
  head = 0;
  bytes = 0;
  expected: number;
  readonly #leave: () => void;

  constructor(offset: number, leave: () => void) {
    this.expected = offset;
    this.#leave = leave;
  }

  get isEmpty(): boolean {
    return this.head === this.records.length;
  }

  take(maxBytes: number): LogRecord[] {
    const from = this.head;
    let size = 0;
    while (this.head < this.records.length) {
      const next = this.records[this.head]!.value.length;
      if (this.head > from && size + next > maxBytes) break;
      size += next;
      this.bytes -= next + RECORD_COST_BYTES;
      this.head++;
    }
    const taken = this.records.slice(from, this.head);
    if (this.isEmpty) this.#forget();
    return taken;
  }

  expect(offset: number): void {
    if (offset === this.expected) return;
    this.#forget();
    this.expected = offset;
  }

  leave(): void {
    this.#forget();
    this.#leave();
  }

  #forget(): void {
    this.records = [];
    this.head = 0;
    this.bytes = 0;
  }
}

export function createCatchingUp(): CatchingUp {
  const waiting = new Map<number, Waiting>();
  let last: Promise<unknown> = Promise.resolve();
  return {
    get isShared() {
      return waiting.size > 1;
    },
    join(partition, offset) {
      const one = new Waiting(offset, () => {
        if (waiting.get(partition) === one) waiting.delete(partition);
      });
      waiting.set(partition, one);
      return one;
    },
    wants(partition, offset) {
      const one = waiting.get(partition);
      if (one === undefined || one.expected !== offset) return false;
      return one.bytes < Math.min(AHEAD_OF_ONE_MAX_BYTES, AHEAD_MAX_BYTES / waiting.size);
    },
    hand(partition, record) {
      const one = waiting.get(partition)!;
      one.records.push(record);
      one.bytes += record.value.length + RECORD_COST_BYTES;
      one.expected = record.offset + 1;
    },
    inTurn(work) {
      const mine = last.then(work);
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}
