// What a scanner found in one push: columns of byte runs to be copied into records, and what was
// refused. A run is a whole field of a version-1 record, `0a len TimeSeries` or `1a len
// MetricMetadata`; it lies in the request body itself (or behind it, where a kernel has written it), or in
// `rewritten` where its bytes had to change.
// Reused from push to push; good series leave no object behind, refusals may.
import { ByteSink } from '../protobuf/byte-sink.ts';

const ENTRIES_MIN = 1024;

/** A refusal of some samples, with Mimir's id as reason (`_` for `-`). */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

export interface RunExtras {
  readonly histograms: number;
  readonly buckets: number;
  readonly exemplars: number;
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
  /** Whether some run is not in `rewritten`. */
  isInBody = false;
  /** Written by a kernel behind the body. */
  expandedBytes = 0;

  /** As received. */
  samplesIn = 0;
  histogramsIn = 0;
  exemplarsIn = 0;
  metadataIn = 0;
  /** As accepted. */
  samplesOk = 0;
  histogramsOk = 0;
  histogramBucketsOk = 0;
  exemplarsOk = 0;
  metadataOk = 0;
  /** Refused, samples and native histograms together. */
  rejectedSamples = 0;
  /** Runs taken back. */
  withdrawn = 0;
  /** Of runs that hold histograms or exemplars; few do. */
  readonly extras = new Map<number, RunExtras>();

  /** What the client is told: the first refusal of a series, or where there is none, of metadata. */
  firstRejection: Rejection | undefined = undefined;
  #isOfMetadata = false;
  readonly discardedSamples = new Map<string, number>();
  readonly discardedExemplars = new Map<string, number>();
  readonly discardedMetadata = new Map<string, number>();

  /** `rewrittenSizeMax` bounds what symbol references can blow a small body up to, bytes. */
  constructor(rewrittenSizeMax = 2 ** 31 - 1) {
    this.rewritten = new ByteSink(4096, rewrittenSizeMax);
  }

  clear(): void {
    this.count = 0;
    this.rewritten.clear();
    this.isInBody = false;
    this.expandedBytes = 0;
    this.samplesIn = 0;
    this.histogramsIn = 0;
    this.exemplarsIn = 0;
    this.metadataIn = 0;
    this.samplesOk = 0;
    this.histogramsOk = 0;
    this.histogramBucketsOk = 0;
    this.exemplarsOk = 0;
    this.metadataOk = 0;
    this.rejectedSamples = 0;
    this.withdrawn = 0;
    this.extras.clear();
    this.firstRejection = undefined;
    this.#isOfMetadata = false;
    this.discardedSamples.clear();
    this.discardedExemplars.clear();
    this.discardedMetadata.clear();
  }

  push(from: number, size: number, hash: number, samples: number): void {
    const index = this.count;
    if (index === this.from.length) this.#grow();
    if (from >= 0) this.isInBody = true;
    this.from[index] = from;
    this.size[index] = size;
    this.hash[index] = hash;
    this.samples[index] = samples;
    this.count = index + 1;
  }

  /**
   * Appends `count` runs at once: starts, sizes, hashes and samples in columns of `capacity` words from
   * `words[first]` on.
   */
  pushColumns(count: number, words: Int32Array, first: number, capacity: number): void {
    while (this.count + count > this.from.length) this.#grow();
    if (count > 0) this.isInBody = true;
    const { from, size, hash, samples, count: start } = this;
    // Most often few: no views for them.
    for (let index = 0; index < count; index++) {
      const at = first + index;
      from[start + index] = words[at]!;
      size[start + index] = words[at + capacity]!;
      hash[start + index] = words[at + 2 * capacity]!;
      samples[start + index] = words[at + 3 * capacity]!;
    }
    this.count = start + count;
  }

  /** Of the run pushed last: what it holds beside samples. */
  addExtras(histograms: number, buckets: number, exemplars: number): void {
    this.extras.set(this.count - 1, { histograms, buckets, exemplars });
    this.histogramsOk += histograms;
    this.histogramBucketsOk += buckets;
    this.exemplarsOk += exemplars;
  }

  /** Takes back a run that no record can hold. */
  withdraw(index: number, reason: string, message: () => string): void {
    const samples = this.samples[index]!;
    const extras = this.extras.get(index);
    this.withdrawn++;
    this.samplesOk -= samples;
    if (extras !== undefined) {
      this.histogramsOk -= extras.histograms;
      this.histogramBucketsOk -= extras.buckets;
      this.exemplarsOk -= extras.exemplars;
      this.discardExemplars(reason, extras.exemplars);
    } else if (samples === 0) this.metadataOk--;
    this.reject(reason, samples + (extras?.histograms ?? 0), message);
  }

  /** Counts samples that are left out without a word, because the tenant's settings say so. */
  discard(reason: string, samples: number): void {
    add(this.discardedSamples, reason, samples);
  }

  discardExemplars(reason: string, exemplars: number): void {
    if (exemplars > 0) add(this.discardedExemplars, reason, exemplars);
  }

  /** Counts refused samples; the message is only built for the first refusal of a series. */
  reject(reason: string, samples: number, message: () => string): void {
    add(this.discardedSamples, reason, samples);
    this.rejectedSamples += samples;
    if (this.firstRejection !== undefined && !this.#isOfMetadata) return;
    this.firstRejection = { reason, message: message() };
    this.#isOfMetadata = false;
  }

  rejectMetadata(reason: string, message: () => string): void {
    add(this.discardedMetadata, reason, 1);
    if (this.firstRejection !== undefined) return;
    this.firstRejection = { reason, message: message() };
    this.#isOfMetadata = true;
  }

  /** Bytes written for this push so far. */
  get writtenBytes(): number {
    return this.rewritten.size + this.expandedBytes;
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

function add(counts: Map<string, number>, reason: string, count: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + count);
}
