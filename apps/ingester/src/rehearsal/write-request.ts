// Records as a distributor writes them: remote write 1.0's WriteRequest (prompb/remote.proto, types.proto).
import { uvarintSize, writeUvarint } from '@weir/bytes';

const SERIES_TAG = 0x0a;
const SAMPLE_TAG = 0x12;
const VALUE_TAG = 0x09;
const TIME_TAG = 0x10;

export interface WrittenSample {
  /** Canonical, which is how a message has them. */
  readonly labels: Uint8Array;
  /** ms, not negative. */
  readonly t: number;
  readonly v: number;
}

/** A series of each sample. */
export function encodeWriteRequest(samples: readonly WrittenSample[]): Uint8Array {
  let size = 0;
  for (const sample of samples) size += fieldSize(seriesSize(sample));
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const sample of samples) {
    out[at] = SERIES_TAG;
    at = writeUvarint(out, at + 1, seriesSize(sample));
    out.set(sample.labels, at);
    at += sample.labels.length;
    out[at] = SAMPLE_TAG;
    at = writeUvarint(out, at + 1, sampleSize(sample));
    out[at] = VALUE_TAG;
    view.setFloat64(at + 1, sample.v, true);
    out[at + 9] = TIME_TAG;
    at = writeUvarint(out, at + 10, sample.t);
  }
  return out;
}

function seriesSize(sample: WrittenSample): number {
  return sample.labels.length + fieldSize(sampleSize(sample));
}

function sampleSize({ t }: WrittenSample): number {
  return 10 + uvarintSize(t);
}

/** With a tag of one byte. */
function fieldSize(size: number): number {
  return 1 + uvarintSize(size) + size;
}
