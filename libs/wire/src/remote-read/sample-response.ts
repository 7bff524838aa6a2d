// Remote read's answer with decoded samples: one ReadResponse (prompb/remote.proto), a snappy block as a whole.
// It is written and compressed in pieces: the elements of a snappy block refer only backwards by distance, so
// the bodies of blocks one after the other are the body of their sum. What is held is the compressed answer.
import { writeUvarint } from '@weir/bytes';
import type { HistogramColumns, LabelBytes, SampleColumns } from '@weir/model';
import { encodeHistogram } from '../histogram/encode-histogram.ts';
import { ByteSink } from '../protobuf/byte-sink.ts';
import { snappyElements } from '../snappy/snappy-block.ts';

const RESULTS = 0x0a;
const TIMESERIES = 0x0a;
const SAMPLES = 0x12;
const HISTOGRAMS = 0x22;
const PIECE_SIZE_BYTES = 1 << 20;

/** The answer of one query: its series, compressed as they come. */
export class ReadResult {
  readonly #raw = new ByteSink();
  readonly #series = new ByteSink();
  readonly #sample = new ByteSink(64);
  readonly #pieces: Uint8Array[] = [];
  #compressedFrom = 0;

  /** Adds a series; labels are the canonical label bytes, which are a TimeSeries' labels. */
  add(labels: LabelBytes, samples: SampleColumns, histograms: HistogramColumns): void {
    const series = this.#series;
    series.clear();
    series.append(labels);
    const bits = new Int32Array(samples.v.buffer, samples.v.byteOffset, samples.count * 2);
    for (let at = 0; at < samples.count; at++) {
      const sample = this.#sample;
      sample.clear();
      sample.byte(0x09);
      // As bits: a staleness marker must not be quietened.
      sample.fixed64(bits[2 * at]!, bits[2 * at + 1]!);
      sample.byte(0x10);
      sample.int64(samples.t[at]!);
      series.uvarint(SAMPLES);
      series.uvarint(sample.size);
      series.append(sample.bytes, 0, sample.size);
    }
    for (let at = 0; at < histograms.count; at++) {
      const [t, histogram] = [histograms.t[at]!, histograms.h[at]!];
      series.field(HISTOGRAMS, encodeHistogram({ t, startT: 0, histogram }));
    }
    this.#raw.uvarint(TIMESERIES);
    this.#raw.uvarint(series.size);
    this.#raw.append(series.bytes, 0, series.size);
    if (this.#raw.size >= PIECE_SIZE_BYTES) this.#compress();
  }

  /** Bytes of the QueryResult before compression, and its snappy elements. */
  finish(): { sizeBytes: number; pieces: readonly Uint8Array[] } {
    this.#compress();
    return { sizeBytes: this.#compressedFrom, pieces: this.#pieces };
  }

  #compress(): void {
    if (this.#raw.size === 0) return;
    this.#pieces.push(snappyElements(this.#raw.copy()));
    this.#compressedFrom += this.#raw.size;
    this.#raw.clear();
  }
}

/** The whole body: the block's size, then each result behind its tag and length. */
export function* readResponseBody(results: readonly ReadResult[]): Generator<Uint8Array> {
  const finished = results.map((result) => result.finish());
  const headers = finished.map(({ sizeBytes }) => {
    const header = new ByteSink(16);
    header.uvarint(RESULTS);
    header.uvarint(sizeBytes);
    return header.copy();
  });
  let total = 0;
  for (const [at, { sizeBytes }] of finished.entries()) total += headers[at]!.length + sizeBytes;
  const size = new Uint8Array(10);
  yield size.subarray(0, writeUvarint(size, 0, total));
  for (const [at, { pieces }] of finished.entries()) {
    yield snappyElements(headers[at]!);
    yield* pieces;
  }
}
