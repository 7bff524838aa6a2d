// The slow path of a series: anything that isn't already canonical (labels unsorted or empty, samples
// out of order or repeated, fields beside labels and samples) and anything to be refused. Collects the
// parts as objects, sorts, validates in Mimir's order, and writes the canonical bytes.
//
// Exemplars are counted and left out: remote write lets a receiver drop them, and the head has no place
// for them yet. Native histograms are refused, so that none is acknowledged and lost.
import { isUtf8 } from 'node:buffer';
import { compareBytes, hashBytes, uvarintSize, writeUvarint } from '@weir/bytes';
import { labelSize, writeLabel } from '@weir/model';
import type { AcceptedWrite } from './accepted-write.ts';
import { isLabelName, isMetricName } from './names.ts';
import { type NamedLabel, refusal } from './refusal-texts.ts';
import type { WriteRules } from './write-rules.ts';

const NAME = new TextEncoder().encode('__name__');
const INFO = new TextEncoder().encode('_info');
const EMPTY = new Uint8Array(0);
/** Beyond it a number no longer holds each integer; the head's arithmetic stops there too. */
const TIMESTAMP_LOWEST = -(2 ** 53);

export class SeriesDraft {
  labels: NamedLabel[] = [];
  timestamps: number[] = [];
  /** Values as their two little-endian halves: a NaN's payload (staleness) survives no JS array. */
  valueLow: number[] = [];
  valueHigh: number[] = [];
  histograms = 0;
  exemplars = 0;

  clear(): void {
    this.labels = [];
    this.timestamps = [];
    this.valueLow = [];
    this.valueHigh = [];
    this.histograms = 0;
    this.exemplars = 0;
  }

  addSample(timestampMs: number, low: number, high: number): void {
    this.timestamps.push(timestampMs);
    this.valueLow.push(low);
    this.valueHigh.push(high);
  }

  /** Validates, and appends what is good to `out` as one rewritten run. */
  finish(rules: WriteRules, seed: number, out: AcceptedWrite): void {
    out.samplesIn += this.timestamps.length;
    out.histogramsIn += this.histograms;
    out.exemplarsIn += this.exemplars;
    this.labels = this.labels.filter((label) => label.value.length > 0);
    this.labels.sort((a, b) => compareBytes(a.name, b.name));
    if (!this.#labelsAreGood(rules, out)) return;
    if (this.histograms > 0) {
      out.reject('native_histogram_unsupported', this.histograms, () =>
        refusal.nativeHistogram(this.labels),
      );
    }
    const kept = this.#goodSamples(rules, out);
    if (kept.length > 0) this.#write(kept, seed, out);
  }

  #labelsAreGood(rules: WriteRules, out: AcceptedWrite): boolean {
    const refuse = (reason: string, message: () => string) => {
      out.reject(reason, this.timestamps.length + this.histograms, message);
      return false;
    };
    const labels = this.labels;
    const metric = this.#metric();
    if (metric.length === 0) return refuse('missing_metric_name', refusal.missingMetricName);
    // What is too long is reported as that, unread: a hostile push could have us check one huge symbol
    // once per series.
    const isLong = metric.length > rules.labelValueBytesMax;
    if (!isLong && !isMetricName(metric, 0, metric.length, rules.legacyNames)) {
      const shown = new TextDecoder().decode(metric);
      return refuse('metric_name_invalid', () => refusal.metricNameInvalid(shown));
    }
    const info = endsWith(metric, INFO);
    const namesMax = info
      ? Math.max(rules.labelNamesInfoMax, rules.labelNamesMax)
      : rules.labelNamesMax;
    if (labels.length > namesMax) {
      const reason = info ? 'max_label_names_per_info_series' : 'max_label_names_per_series';
      return refuse(reason, () => refusal.tooManyLabels(labels.length, namesMax, labels, info));
    }
    let previous = EMPTY;
    for (const label of labels) {
      const { name, value } = label;
      if (name.length > rules.labelNameBytesMax) {
        return refuse('label_name_too_long', () => refusal.labelNameTooLong(name, labels));
      }
      if (!isLabelName(name, 0, name.length, rules.legacyNames)) {
        return refuse('label_invalid', () => refusal.labelInvalid(name, labels));
      }
      if (value.length > rules.labelValueBytesMax) {
        const limit = rules.labelValueBytesMax;
        return refuse('label_value_too_long', () =>
          refusal.labelValueTooLong(label, limit, labels),
        );
      }
      if (!isUtf8(value)) {
        return refuse('label_value_invalid', () => refusal.labelValueInvalid(name, value, metric));
      }
      if (compareBytes(name, previous) === 0) {
        return refuse('duplicate_label_names', () => refusal.duplicateLabel(name, labels));
      }
      previous = name as Uint8Array<ArrayBuffer>;
    }
    return true;
  }

  #metric(): Uint8Array {
    return this.labels.find((label) => compareBytes(label.name, NAME) === 0)?.value ?? EMPTY;
  }

  /** Indices of the samples to keep, in the order they came. */
  #goodSamples(rules: WriteRules, out: AcceptedWrite): number[] {
    const first = new Map<number, number>();
    const kept: number[] = [];
    const earliest = Math.max(rules.timestampMinMs, TIMESTAMP_LOWEST);
    for (const [index, timestamp] of this.timestamps.entries()) {
      if (timestamp > rules.timestampMaxMs) {
        out.reject('too_far_in_future', 1, () => refusal.tooFarInFuture(timestamp, this.#metric()));
      } else if (timestamp < earliest) {
        out.reject('too_far_in_past', 1, () => refusal.tooFarInPast(timestamp, this.#metric()));
      } else {
        const earlier = first.get(timestamp);
        if (earlier === undefined) {
          first.set(timestamp, index);
          kept.push(index);
        } else if (!this.#sameValue(earlier, index)) {
          // The log keeps one value a timestamp; dropping the other one silently would be a lost sample.
          out.reject('sample_duplicate_timestamp', 1, () =>
            refusal.duplicateTimestamp(timestamp, this.labels),
          );
        }
      }
    }
    return kept;
  }

  #sameValue(a: number, b: number): boolean {
    return this.valueLow[a] === this.valueLow[b] && this.valueHigh[a] === this.valueHigh[b];
  }

  #write(kept: readonly number[], seed: number, out: AcceptedWrite): void {
    let labelBytes = 0;
    for (const { name, value } of this.labels) labelBytes += labelSize(name.length, value.length);
    let size = labelBytes;
    for (const index of kept) size += 2 + sampleSize(this.timestamps[index]!);
    const sink = out.rewritten;
    sink.reserve(1 + uvarintSize(size) + size);
    const start = sink.size;
    const bytes = sink.bytes;
    let at = start;
    bytes[at++] = 0x0a;
    at = writeUvarint(bytes, at, size);
    const labelsFrom = at;
    for (const { name, value } of this.labels) at = writeLabel(bytes, at, name, value);
    const hash = hashBytes(bytes, labelsFrom, at, seed);
    sink.size = at;
    for (const index of kept) {
      const timestamp = this.timestamps[index]!;
      sink.byte(0x12);
      sink.byte(sampleSize(timestamp));
      sink.byte(0x09);
      sink.fixed64(this.valueLow[index]!, this.valueHigh[index]!);
      sink.byte(0x10);
      sink.int64(timestamp);
    }
    out.push(~start, sink.size - start, hash, kept.length);
    out.samplesOk += kept.length;
  }
}

function sampleSize(timestamp: number): number {
  return 10 + (timestamp < 0 ? 10 : uvarintSize(timestamp));
}

function endsWith(bytes: Uint8Array, suffix: Uint8Array): boolean {
  return (
    bytes.length >= suffix.length &&
    compareBytes(bytes.subarray(bytes.length - suffix.length), suffix) === 0
  );
}
