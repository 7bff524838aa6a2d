// What a scanner found in one push: columns of byte runs to be copied into records, and what was
// refused. A run is a whole field of a version-1 record, `0a len TimeSeries` or `1a len
// MetricMetadata`; it lies in the request body itself, or in `rewritten` where its bytes had to change.
// Reused from push to push; good series leave no object behind, refusals may.
import { ByteSink } from '../protobuf/byte-sink.ts';

const ENTRIES_MIN = 1024;

/** A refusal of some samples, with Mimir's id as reason (`_` for `-`). */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** Runs in the request body, as pushColumns() takes them. */
export interface RunColumns {
  readonly from: Int32Array;
  readonly size: Int32Array;
  readonly hash: Int32Array;
  readonly samples: Int32Array;
}

export class AcceptedWrite {
  count = 0;
  /** Start of the run; `~start` (negative) when it lies in `rewritten`. */
  from: Int32Array = new Int32Array(ENTRIES_MIN);
  size: Int32Array = new Int32Array(ENTRIES_MIN);
  /** Hash of the canonical label bytes, or of the family name for metadata, seeded by the tenant. */
  hash: Uint32Array = new Uint32Array(ENTRIES_MIN);
  /** Samples in the run; metadata has none. */
  samples: Int32Array = new Int32Array(ENTRIES_MIN);
  readonly rewritten: ByteSink;

  /** As received. */
  samplesIn = 0;
  histogramsIn = 0;
  exemplarsIn = 0;
  metadataIn = 0;
  /** As accepted. */
  samplesOk = 0;
  metadataOk = 0;

  /** The first refusal is what the client is told. */
  firstRejection: Rejection | undefined = undefined;
  readonly discardedSamples = new Map<string, number>();
  readonly discardedMetadata = new Map<string, number>();

  /** `rewrittenSizeMax` bounds what symbol references can blow a small body up to, bytes. */
  constructor(rewrittenSizeMax = 2 ** 31 - 1) {
    this.rewritten = new ByteSink(4096, rewrittenSizeMax);
  }

  clear(): void {
    this.count = 0;
    this.rewritten.clear();
    this.samplesIn = 0;
    this.histogramsIn = 0;
    this.exemplarsIn = 0;
    this.metadataIn = 0;
    this.samplesOk = 0;
    this.metadataOk = 0;
    this.firstRejection = undefined;
    this.discardedSamples.clear();
    this.discardedMetadata.clear();
  }

  push(from: number, size: number, hash: number, samples: number): void {
    const index = this.count;
    if (index === this.from.length) this.#grow();
    this.from[index] = from;
    this.size[index] = size;
    this.hash[index] = hash;
    this.samples[index] = samples;
    this.count = index + 1;
  }

  /** Appends `count` runs at once; hashes may come as signed numbers. */
  pushColumns(count: number, columns: RunColumns): void {
    while (this.count + count > this.from.length) this.#grow();
    this.from.set(columns.from, this.count);
    this.size.set(columns.size, this.count);
    this.hash.set(columns.hash, this.count);
    this.samples.set(columns.samples, this.count);
    this.count += count;
  }

  /** Counts refused samples; the message is only built for the first refusal of the push. */
  reject(reason: string, samples: number, message: () => string): void {
    this.discardedSamples.set(reason, (this.discardedSamples.get(reason) ?? 0) + samples);
    this.firstRejection ??= { reason, message: message() };
  }

  rejectMetadata(reason: string, message: () => string): void {
    this.discardedMetadata.set(reason, (this.discardedMetadata.get(reason) ?? 0) + 1);
    this.firstRejection ??= { reason, message: message() };
  }

  /** Bytes kept between pushes. */
  get retainedBytes(): number {
    return this.rewritten.bytes.length + this.from.length * 16;
  }

  #grow(): void {
    const capacity = this.from.length * 2;
    const widen = <Column extends Int32Array | Uint32Array>(wide: Column, old: Column): Column => {
      wide.set(old);
      return wide;
    };
    this.from = widen(new Int32Array(capacity), this.from);
    this.size = widen(new Int32Array(capacity), this.size);
    this.hash = widen(new Uint32Array(capacity), this.hash);
    this.samples = widen(new Int32Array(capacity), this.samples);
  }
}
