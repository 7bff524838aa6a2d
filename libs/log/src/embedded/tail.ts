// Records that have just become durable, waiting in memory for their consumer: bounded per partition, the
// oldest go first (they are on disk). A record handed out leaves the tail: its value belongs to the
// consumer then, which may transfer the buffer to another thread.
import type { LogRecord } from '../partition-log.ts';

/** What a record costs beside its value, bytes (roughly): empty records must not pile up either. */
const RECORD_COST_BYTES = 128;

export interface Tail {
  /** The offset of the first record held, or Infinity. */
  readonly firstOffset: number;
  push(record: LogRecord): void;
  /** Records from `position` on, if the tail holds them, up to about `maxBytes`. */
  take(position: number, maxBytes: number): LogRecord[] | undefined;
}

export function createTail(sizeMaxBytes: number): Tail {
  let records: LogRecord[] = [];
  let head = 0;
  let bytes = 0;
  const shift = (): LogRecord => {
    const record = records[head++]!;
    bytes -= record.value.length + RECORD_COST_BYTES;
    if (head === records.length || head > 1024) {
      records = records.slice(head);
      head = 0;
    }
    return record;
  };
  const first = () => records[head]?.offset ?? Number.POSITIVE_INFINITY;
  return {
    get firstOffset() {
      return first();
    },
    push(record) {
      records.push(record);
      bytes += record.value.length + RECORD_COST_BYTES;
      while (bytes > sizeMaxBytes) shift();
    },
    take(position, maxBytes) {
      if (first() > position) return undefined;
      while (first() < position) shift();
      const taken: LogRecord[] = [];
      let size = 0;
      while (head < records.length) {
        const next = records[head]!.value.length;
        if (taken.length > 0 && size + next > maxBytes) break;
        size += next;
        taken.push(shift());
      }
      return taken.length > 0 ? taken : undefined;
    },
  };
}
