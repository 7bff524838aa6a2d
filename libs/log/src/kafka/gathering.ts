// Adaptive linger: a record goes at once while nothing of its partition is under way. Else those that may be joined
// gather, and become one: so few records go slowly none the later, and many cost little each. They go
// when what is under way has arrived, when they are many, or when the oldest has waited for the linger time, which grows
// with the time that brokers take: the more they have to do, the fewer records they get.
//
// Order within a partition stays. Records of a key are joined only with their neighbours of that key.
import type { Clock, Timer } from '@weir/runtime';
import type { ProduceRecord } from '../partition-log.ts';

/** A joined record: larger ones save nothing more, and are applied in one piece. */
const JOINED_MAX_BYTES = 256 * 1024;
/** Records wait for this part of what they take from then on, if that is longer than the linger time; no longer than so. */
const PART_OF_TAKEN = 0.25;
const LINGER_MAX_MS = 50;
/** Of the average, what each record that arrives replaces. */
const WEIGHT = 0.05;
/** Of a partition: then they go. */
const FULL_BYTES = 1024 * 1024;

/** A record to be sent, and those that it was joined of. */
export interface Gathered<Part> extends Omit<ProduceRecord, 'value' | 'joinable'> {
  readonly values: Uint8Array[];
  readonly parts: Part[];
}

export interface Gathering<Part> {
  add(record: ProduceRecord, part: Part): void;
  /** A record of the partition has arrived after so long, ms, or has failed. */
  done(partition: number, tookMs?: number): void;
  /** All that waits goes now. */
  flush(): void;
  /** Nothing is under way any more, and what waits is forgotten. */
  clear(): void;
}

export interface GatheringParts<Part> {
  readonly clock: Pick<Clock, 'after'>;
  send(gathered: Gathered<Part>): void;
}

interface Open<Part> extends Gathered<Part> {
  traceparent?: string | undefined;
  sizeBytes: number;
}

interface Waiting<Part> {
  underWay: number;
  gathered: Open<Part>[];
  sizeBytes: number;
  /** By key, the last of them that may still be joined with. */
  readonly open: Map<string, Open<Part>>;
}

export function createGathering<Part>(
  settings: { readonly lingerMs: number; readonly recordSizeMaxBytes: number },
  { clock, send }: GatheringParts<Part>,
): Gathering<Part> {
  const { lingerMs } = settings;
  const joinedMaxBytes = Math.min(JOINED_MAX_BYTES, settings.recordSizeMaxBytes);
  const partitions = new Map<number, Waiting<Part>>();
  let timer: Timer | undefined;
  /** How long records take, on average of the last. */
  let takenMs = 0;

  function waitMs(): number {
    return Math.max(lingerMs, Math.min(LINGER_MAX_MS, Math.round(takenMs * PART_OF_TAKEN)));
  }

  function of(partition: number): Waiting<Part> {
    let found = partitions.get(partition);
    if (found === undefined) {
      found = { underWay: 0, gathered: [], sizeBytes: 0, open: new Map() };
      partitions.set(partition, found);
    }
    return found;
  }

  function flushOne(waiting: Waiting<Part>): void {
    const { gathered } = waiting;
    waiting.gathered = [];
    waiting.sizeBytes = 0;
    waiting.open.clear();
    for (const one of gathered) {
      waiting.underWay++;
      send(one);
    }
  }

  function flush(): void {
    timer?.cancel();
    timer = undefined;
    for (const waiting of partitions.values()) {
      if (waiting.gathered.length > 0) flushOne(waiting);
    }
  }

  function gather(waiting: Waiting<Part>, record: ProduceRecord, part: Part): void {
    const { partition, key, value, version, traceparent } = record;
    waiting.sizeBytes += value.length;
    const name = `${version}/${Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')}`;
    const open = waiting.open.get(name);
    if (open !== undefined && open.sizeBytes + value.length <= joinedMaxBytes) {
      open.values.push(value);
      open.parts.push(part);
      open.sizeBytes += value.length;
      open.traceparent ??= traceparent;
      return;
    }
    const sizeBytes = value.length;
    const made = {
      partition,
      key,
      version,
      traceparent,
      values: [value],
      parts: [part],
      sizeBytes,
    };
    waiting.gathered.push(made);
    waiting.open.set(name, made);
  }

  return {
    add(record, part) {
      const waiting = of(record.partition);
      const { value, joinable = false, ...rest } = record;
      const isFree = waiting.underWay === 0 && waiting.gathered.length === 0;
      if (isFree || lingerMs <= 0 || !joinable || value.length > joinedMaxBytes / 2) {
        flushOne(waiting);
        waiting.underWay++;
        send({ ...rest, values: [value], parts: [part] });
        return;
      }
      gather(waiting, record, part);
      if (waiting.sizeBytes >= FULL_BYTES) flushOne(waiting);
      else timer ??= clock.after(waitMs(), flush);
    },
    done(partition, tookMs) {
      if (tookMs !== undefined) takenMs += WEIGHT * (tookMs - takenMs);
      const waiting = of(partition);
      waiting.underWay = Math.max(0, waiting.underWay - 1);
      if (waiting.underWay === 0 && waiting.gathered.length > 0) flushOne(waiting);
    },
    flush,
    clear() {
      timer?.cancel();
      timer = undefined;
      partitions.clear();
    },
  };
}
