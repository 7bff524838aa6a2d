// Groups the accepted runs of a push by partition and copies them into records. A record's value is the
// concatenation of its runs, which is a WriteRequest; so building is one copy and no encoding. Values
// have a buffer each, because the log and its consumers keep them, move them to another thread, or give
// them back one by one.
import type { SlotTable } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import type { ProduceRecord } from '@weir/log';
import { type AcceptedWrite, type PushKernel, withId } from '@weir/wire';
import { packRecordV2 } from '@weir/wire/log-record';

/** What a larger push needs is not kept. */
const GATHERED_KEPT_MAX_BYTES = 4 << 20;

/** Where record values come from; each must be alone in its buffer. */
export interface RecordBuffers {
  take(sizeBytes: number): Uint8Array;
}

export const freshBuffers: RecordBuffers = {
  take: (sizeBytes) => new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer),
};

export interface ScannedPush {
  readonly body: Uint8Array;
  /** Does the gathering where it can. */
  readonly kernel: PushKernel;
  readonly accepted: AcceptedWrite;
  readonly slots: SlotTable;
  readonly key: Uint8Array;
  readonly traceparent?: string | undefined;
}

export interface RecordForm {
  readonly sizeBytesMax: number;
  /** 1 or 2. */
  readonly version: number;
}

export class RecordBuilder {
  readonly #buffers: RecordBuffers;
  readonly #recordSizeMax: number;
  readonly #version: number;
  /** Of each run: its record, or -1. */
  #recordOf = new Int32Array(1024);
  /** By partition number: the record being filled, or -1. */
  #open = new Int32Array(64).fill(-1);
  readonly #partitions: number[] = [];
  readonly #sizes: number[] = [];
  #gathered = new Uint8Array(0);

  constructor({ sizeBytesMax, version }: RecordForm, buffers: RecordBuffers) {
    if (version !== 1 && version !== 2) {
      const flag = 'ingest-storage.kafka.producer-record-version';
      throw new WeirError('invalid', `${flag} is ${version}, not 1 or 2`);
    }
    this.#recordSizeMax = sizeBytesMax;
    this.#version = version;
    this.#buffers = buffers;
  }

  /** Runs too large for any record are refused in `accepted`; all others end up in the result. */
  build(push: ScannedPush): ProduceRecord[] {
    const { accepted, key, traceparent } = push;
    this.#plan(accepted, push.slots);
    return this.#gather(push).map((gathered, record) => {
      const { bytes, version } = this.#formed(gathered);
      const value = this.#buffers.take(bytes.length);
      value.set(bytes);
      // Messages of protobuf that follow each other are one; version 2 has its texts by number.
      const joinable = version === 1;
      return { partition: this.#partitions[record]!, key, value, version, traceparent, joinable };
    });
  }

  /** A record that version 2 would make too large stays in version 1: readers of 2 read that, too. */
  #formed(gathered: Uint8Array): { readonly bytes: Uint8Array; readonly version: number } {
    if (this.#version === 1) return { bytes: gathered, version: 1 };
    const packed = packRecordV2(gathered);
    if (packed.length > this.#recordSizeMax) return { bytes: gathered, version: 1 };
    return { bytes: packed, version: 2 };
  }

  /**
   * The records' bytes, in memory that is used again. From there each is copied once more, because values
   * may be shared memory, and copies into that are slow unless both ends are aligned.
   */
  #gather({ body, kernel, accepted }: ScannedPush): Uint8Array[] {
    if (kernel.gathers(accepted, body, this.#sizes.length)) {
      return kernel.gather(accepted, this.#recordOf, this.#sizes);
    }
    const isInKernel = kernel.holds(body);
    const records = this.#room();
    const ends = records.map(() => 0);
    const rewritten = accepted.rewritten.bytes;
    for (let index = 0; index < accepted.count; index++) {
      const record = this.#recordOf[index]!;
      if (record < 0) continue;
      const from = accepted.from[index]!;
      const size = accepted.size[index]!;
      let run: Uint8Array;
      if (from < 0) run = rewritten.subarray(~from, ~from + size);
      else run = isInKernel ? kernel.run(from, size) : body.subarray(from, from + size);
      records[record]!.set(run, ends[record]!);
      ends[record]! += size;
    }
    return records;
  }

  #room(): Uint8Array[] {
    const wanted = this.#sizes.reduce((sum, size) => sum + alignUp(size), 0);
    if (wanted > this.#gathered.length && wanted <= GATHERED_KEPT_MAX_BYTES) {
      this.#gathered = new Uint8Array(Math.min(wanted * 2, GATHERED_KEPT_MAX_BYTES));
    }
    const room = wanted <= this.#gathered.length ? this.#gathered : new Uint8Array(wanted);
    let at = 0;
    return this.#sizes.map((size) => {
      const start = at;
      at += alignUp(size);
      return room.subarray(start, start + size);
    });
  }

  /** Decides each run's record: a partition's runs go, in order, into as few records as fit. */
  #plan(accepted: AcceptedWrite, slots: SlotTable): void {
    for (const partition of this.#partitions) this.#open[partition] = -1;
    this.#partitions.length = 0;
    this.#sizes.length = 0;
    const { count, size: runSizes, hash } = accepted;
    if (this.#recordOf.length < count) this.#recordOf = new Int32Array(count * 2);
    // In locals: this is done for every series.
    const sizes = this.#sizes;
    const recordOf = this.#recordOf;
    const recordSizeMax = this.#recordSizeMax;
    let open = this.#open;
    for (let index = 0; index < count; index++) {
      const size = runSizes[index]!;
      if (size > recordSizeMax) {
        this.#refuse(accepted, index);
        continue;
      }
      const partition = slots.partitionOf(hash[index]!);
      if (partition >= open.length) open = this.#openUpTo(partition);
      let record = open[partition]!;
      if (record < 0 || sizes[record]! + size > recordSizeMax) {
        record = sizes.length;
        open[partition] = record;
        this.#partitions.push(partition);
        sizes.push(0);
      }
      sizes[record]! += size;
      recordOf[index] = record;
    }
  }

  #openUpTo(partition: number): Int32Array<ArrayBuffer> {
    const open = new Int32Array(partition * 2).fill(-1);
    open.set(this.#open);
    this.#open = open;
    return open;
  }

  #refuse(accepted: AcceptedWrite, index: number): void {
    const limit = this.#recordSizeMax;
    this.#recordOf[index] = -1;
    accepted.withdraw(index, 'distributor_max_write_request_data_item_size', () =>
      withId(
        `the write request contains a timeseries or metadata item which is larger than the maximum allowed size of ${limit} bytes`,
        'distributor-max-write-request-data-item-size',
      ),
    );
  }
}

function alignUp(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 8) * 8;
}
