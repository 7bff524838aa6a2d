// The port of the partition log: what was acknowledged, in order, per partition. Two adapters, Kafka and
// embedded segment files (and a memory one for tests and simulation), pass one contract suite.
//
// Offsets are numbers below 2^53. They belong to a topic id: another id is another log. Offsets of a
// partition may have gaps; "applied" is always a consumer's position (the next offset to read).

export interface ProduceRecord {
  readonly partition: number;
  /** The tenant id, UTF-8. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Record format version, sent as header `Version` (four bytes, big endian); 0 sends no header. */
  readonly version: number;
  /** With others of its key and version, one after the other in one value, it means the same as alone. */
  readonly joinable?: boolean;
  /** W3C trace context of the push, sent as header `traceparent`. */
  readonly traceparent?: string | undefined;
}

export interface LogRecord {
  readonly offset: number;
  /** Log time: when the record was produced, milliseconds. */
  readonly timestampMs: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
  /** What the producer gave; the embedded log forgets it with what it reads from disk. */
  readonly traceparent?: string | undefined;
}

export interface RecordBatch {
  readonly partition: number;
  /** In offset order; may be empty when the position moved over a gap. */
  readonly records: readonly LogRecord[];
  /** The position behind this batch: the next offset to read. */
  readonly nextOffset: number;
}

/**
 * Reads one partition. A batch's records belong to the caller: the log keeps no reference to their
 * buffers. A value may be a view into a larger ArrayBuffer.
 */
export interface PartitionConsumer {
  readonly partition: number;
  /** The next offset to be read. */
  readonly position: number;
  /**
   * Waits for at least one record (or a moved position) and returns what is there up to about
   * `maxBytes` of values, at least one record. One call at a time. Rejects with `corrupt` naming the
   * offsets when the position was truncated away, with `closed` after close().
   */
  next(maxBytes: number): Promise<RecordBatch>;
  close(): Promise<void>;
}

/** An offset store and the assignment of partitions, together: a consumer group. */
export interface GroupMember {
  /** Stores the next offset to read, and waits until the log has accepted it. */
  commit(partition: number, nextOffset: number, metadata: string): Promise<void>;
  /**
   * Leaves the group: partitions move to other members at once. With `stay` they move only when it does not
   * come back within the log's session time-out, where the log knows such a thing.
   */
  close(options?: { readonly stay?: boolean }): Promise<void>;
}

/** Callbacks may come from join() on; never from inside the call that causes them. */
export interface GroupEvents {
  /** Partitions newly owned. A returned promise delays nothing; failures must be handled inside. */
  assigned(partitions: readonly number[]): void;
  /** Revoked in order: another member is about to own them. */
  revoked(partitions: readonly number[]): void;
  /** Lost: another member may own them already. */
  lost(partitions: readonly number[]): void;
}

export interface CommittedOffset {
  readonly nextOffset: number;
  readonly metadata: string;
}

/** What a log keeps, as far as its adapter knows. */
export interface LogRetention {
  /** Records older than this are dropped, shipped or not, ms. */
  readonly timeMs?: number;
  /** A log that drops nothing that is needed, and refuses records when it is full. */
  readonly room?: { readonly bytes: number; readonly bytesMax: number };
}

export interface PartitionLog {
  /** The identity of the log; stable over restarts, new when the topic was recreated. */
  readonly topicId: string;
  readonly partitionCount: number;
  /** The largest value accepted by produce, bytes. */
  readonly recordSizeMaxBytes: number;
  /**
   * Resolves when this log is another one by now, or a member of a group can never be given partitions
   * again: the process has to start again. Left out: never.
   */
  readonly failed?: Promise<Error>;
  /**
   * Appends all records, and resolves with their offsets when every one of them is durable (Kafka:
   * acks=all, idempotent). Rejects when any isn't: `unavailable` (unreachable, at its size cap, or
   * too much waiting: retry later, a retry may duplicate), `invalid` (a record too large).
   *
   * Keys and values belong to the log from the call on: don't write to them again. A consumer in this
   * process may be given the very same buffers, so values of one call that will be transferred to
   * different threads need an ArrayBuffer each.
   */
  produce(records: readonly ProduceRecord[]): Promise<number[]>;
  /** Opens a consumer at `fromOffset`; rejects with `corrupt` if that is below the start or past the end. */
  consume(partition: number, fromOffset: number): Promise<PartitionConsumer>;
  /** The first offset that can be read. */
  startOffset(partition: number): Promise<number>;
  /** The offset that the next record will get. */
  endOffset(partition: number): Promise<number>;
  /** The same of many partitions at once, in their order: what was acknowledged before the call is below. */
  endOffsets(partitions: readonly number[]): Promise<readonly number[]>;
  /** The first offset whose record is at or after the time, or undefined when there is none. */
  offsetForTime(partition: number, timestampMs: number): Promise<number | undefined>;
  /** Left out by logs that keep everything. */
  retention?(partition: number): Promise<LogRetention>;
  committed(group: string, partition: number): Promise<CommittedOffset | undefined>;
  join(group: string, memberId: string, events: GroupEvents): Promise<GroupMember>;
  close(): Promise<void>;
}
