// The slow path of a series: anything that isn't already canonical (labels unsorted or empty, samples
// out of order or repeated, fields beside labels and samples) and anything to be refused. Collects the
// parts, validates in Mimir's order, and has the canonical bytes written (series-entry.ts).
import { compareBytes } from '@weir/bytes';
import type { AcceptedWrite } from './accepted-write.ts';
import { DraftLabels } from './draft-labels.ts';
import { type ExemplarDraft, goodExemplars } from './exemplar-draft.ts';
import { draftHistogram, type HistogramDraft } from './histogram-draft.ts';
import { refusal } from './refusal-texts.ts';
import { type SeriesEntry, writeSeries } from './series-entry.ts';
import type { WriteRules } from './write-rules.ts';

/** Beyond it a number no longer holds each integer; the head's arithmetic stops there too. */
const TIMESTAMP_LOWEST = -(2 ** 53);

export class SeriesDraft {
  readonly labels = new DraftLabels();
  timestamps: number[] = [];
  /** Values as their two little-endian halves: a NaN's payload (staleness) survives no JS array. */
  valueLow: number[] = [];
  valueHigh: number[] = [];
  /** Since when each sample counts, ms; 0 where unknown. */
  startTimes: number[] = [];
  /** Histogram messages, as they came. */
  histograms: Uint8Array[] = [];
  exemplars: ExemplarDraft[] = [];
  /** TimeSeries.created_timestamp of remote write 1.0: for samples and histograms that tell none, ms. */
  createdMs = 0;

  clear(): void {
    this.labels.clear();
    this.timestamps = [];
    this.valueLow = [];
    this.valueHigh = [];
    this.startTimes = [];
    this.histograms = [];
    this.exemplars = [];
    this.createdMs = 0;
  }

  addSample(timestampMs: number, low: number, high: number, startMs: number): void {
    this.timestamps.push(timestampMs);
    this.startTimes.push(startMs);
    this.valueLow.push(low);
    this.valueHigh.push(high);
  }

  /** Validates, and appends what is good to `out`. */
  finish(rules: WriteRules, seed: number, out: AcceptedWrite): void {
    out.samplesIn += this.timestamps.length;
    out.histogramsIn += this.histograms.length;
    out.exemplarsIn += this.exemplars.length;
    const points = this.timestamps.length + this.histograms.length;
    if (!this.labels.areGood(rules, seed, points, out)) {
      out.discardExemplars('series_refused', this.exemplars.length);
      return;
    }
    const samples = this.#goodSamples(rules, out);
    const histograms = this.#goodHistograms(rules, out);
    const count = samples.length + histograms.length;
    if (count === 0 && points > 0) {
      out.discardExemplars('series_refused', this.exemplars.length);
      return;
    }
    let from = Number.POSITIVE_INFINITY;
    for (const index of samples) from = Math.min(from, this.timestamps[index]!);
    for (const { t } of histograms) from = Math.min(from, t);
    const exemplars = goodExemplars(this.exemplars, from, rules, out);
    for (const entry of this.#entries(samples, histograms, exemplars)) {
      writeSeries(this, entry, out);
    }
  }

  /** An entry for each run of samples that count since the same time; exemplars go with the last. */
  #entries(
    samples: readonly number[],
    histograms: readonly HistogramDraft[],
    exemplars: readonly ExemplarDraft[],
  ): SeriesEntry[] {
    const entries: SeriesEntry[] = [];
    const entryOf = (startMs: number, t: number): SeriesEntry => {
      const told = startMs === 0 ? this.createdMs : startMs;
      // A start that isn't before the sample tells nothing.
      const createdMs = told > 0 && told < t ? told : 0;
      const last = entries.at(-1);
      if (last?.createdMs === createdMs) return last;
      const entry: SeriesEntry = { createdMs, samples: [], histograms: [], exemplars: [] };
      entries.push(entry);
      return entry;
    };
    for (const index of samples) {
      entryOf(this.startTimes[index]!, this.timestamps[index]!).samples.push(index);
    }
    for (const histogram of histograms) {
      entryOf(histogram.startT, histogram.t).histograms.push(histogram);
    }
    if (exemplars.length > 0) (entries.at(-1) ?? entryOf(0, 0)).exemplars = exemplars;
    return entries;
  }

  #goodHistograms(rules: WriteRules, out: AcceptedWrite): HistogramDraft[] {
    const kept: HistogramDraft[] = [];
    if (this.histograms.length === 0) return kept;
    if (!rules.histogramsEnabled) {
      out.discard('native_histograms_disabled', this.histograms.length);
      return kept;
    }
    const first = new Map<number, HistogramDraft>();
    for (const bytes of this.histograms) {
      const draft = draftHistogram(bytes, this.labels, rules, out);
      if (draft === undefined) continue;
      const earlier = first.get(draft.t);
      if (earlier === undefined) {
        first.set(draft.t, draft);
        kept.push(draft);
      } else if (compareBytes(earlier.bytes, draft.bytes) !== 0) {
        out.reject('sample_duplicate_timestamp', 1, () =>
          refusal.duplicateTimestamp(draft.t, this.labels.list),
        );
      }
    }
    return kept;
  }

  /** Indices of the samples to keep, in the order they came. */
  #goodSamples(rules: WriteRules, out: AcceptedWrite): number[] {
    const first = new Map<number, number>();
    const kept: number[] = [];
    const earliest = Math.max(rules.timestampMinMs, TIMESTAMP_LOWEST);
    for (const [index, timestamp] of this.timestamps.entries()) {
      if (timestamp > rules.timestampMaxMs) {
        out.reject('too_far_in_future', 1, () =>
          refusal.tooFarInFuture(timestamp, this.labels.metric),
        );
      } else if (timestamp < earliest) {
        out.reject('too_far_in_past', 1, () => refusal.tooFarInPast(timestamp, this.labels.metric));
      } else {
        const earlier = first.get(timestamp);
        if (earlier === undefined) {
          first.set(timestamp, index);
          kept.push(index);
        } else if (!this.#sameValue(earlier, index)) {
          // The log keeps one value a timestamp; dropping the other one silently would be a lost sample.
          out.reject('sample_duplicate_timestamp', 1, () =>
            refusal.duplicateTimestamp(timestamp, this.labels.list),
          );
        }
      }
    }
    return kept;
  }

  #sameValue(a: number, b: number): boolean {
    return this.valueLow[a] === this.valueLow[b] && this.valueHigh[a] === this.valueHigh[b];
  }
}
