// Exemplars of a tenant: the newest ones of all its series, in the order they came, as many as its settings
// say; the oldest make room. As in Prometheus, one must be newer than the last of its series, or of its time
// and a greater value (a histogram tells one for each bucket); a repeated one is no news. They lie in runs, the unit in which they are stored, so that a checkpoint writes the last
// ones only. They leave with the tenant's oldest samples (drop), and live in no block.
import { hashBytes } from '@weir/bytes';

const RUN_LENGTH = 512;

interface ExemplarSeries {
  readonly key: string;
  readonly labels: Uint8Array;
  lastT: number;
  lastValue: number;
  count: number;
}

export interface StoredExemplar {
  readonly series: ExemplarSeries;
  /** Canonical label bytes. */
  readonly labels: Uint8Array;
  readonly t: number;
  readonly value: number;
}

export interface ExemplarRun {
  /** Number of its rows in the store. */
  readonly id: number;
  /** Which of its two rows the next write takes. */
  slot: number;
  isDirty: boolean;
  /** Exemplars of a tenant are counted; this is the number of the first one here. */
  readonly from: number;
  readonly entries: StoredExemplar[];
}

/** Runs of all tenants: their numbers, and which rows in the store nobody needs any more. */
export interface ExemplarRuns {
  nextId: number;
  /** Given up since the last checkpoint began. */
  freed: number[];
  /** Given up in a committed checkpoint: their rows are to be deleted. */
  cleared: number[];
}

export class Exemplars {
  readonly runs: ExemplarRun[] = [];
  /** Numbers of the oldest one, and of the next one. */
  first = 0;
  next = 0;
  /** Order-free sum of hashes, for the digest. */
  sum = 0;
  readonly #bySeries = new Map<string, ExemplarSeries>();

  get count(): number {
    return this.next - this.first;
  }

  /** Keeps one, unless it is not newer than the last of its series. Copies the bytes. */
  add(
    all: ExemplarRuns,
    max: number,
    seriesLabels: Uint8Array,
    labels: Uint8Array,
    t: number,
    value: number,
  ): void {
    const key = keyOf(seriesLabels);
    const known = this.#bySeries.get(key);
    if (known !== undefined && !isNews(known, t, value)) return;
    let run = this.runs.at(-1);
    if (run === undefined || run.entries.length === RUN_LENGTH) {
      run = { id: all.nextId++, slot: 0, isDirty: true, from: this.next, entries: [] };
      this.runs.push(run);
    }
    run.isDirty = true;
    run.entries.push(this.#enter(key, seriesLabels, labels.slice(), t, value));
    this.next++;
    this.trim(all, max);
  }

  #enter(key: string, seriesLabels: Uint8Array, labels: Uint8Array, t: number, value: number) {
    let series = this.#bySeries.get(key);
    if (series === undefined) {
      series = { key, labels: seriesLabels.slice(), lastT: t, lastValue: value, count: 0 };
      this.#bySeries.set(key, series);
    }
    series.lastT = t;
    series.lastValue = value;
    series.count++;
    const entry = { series, labels, t, value };
    this.sum = (this.sum + hashOf(entry)) | 0;
    return entry;
  }

  /** Gives up the oldest ones above `max`. */
  trim(all: ExemplarRuns, max: number): void {
    while (this.count > max) this.#removeOldest(all);
  }

  /** Gives up the oldest ones as long as they are from before t. */
  forgetBefore(all: ExemplarRuns, t: number): void {
    for (let oldest = this.#oldest(); oldest && oldest.t < t; oldest = this.#oldest()) {
      this.#removeOldest(all);
    }
  }

  #oldest(): StoredExemplar | undefined {
    const run = this.runs[0];
    return run?.entries[this.first - run.from];
  }

  #removeOldest(all: ExemplarRuns): void {
    const oldest = this.#oldest()!;
    const { series } = oldest;
    this.sum = (this.sum - hashOf(oldest)) | 0;
    if (--series.count === 0) this.#bySeries.delete(series.key);
    this.first++;
    const run = this.runs[0];
    if (this.first < run.from + run.entries.length) return;
    all.freed.push(run.id);
    this.runs.shift();
  }

  /** Puts runs back, in the order of their numbers; `first` and `next` were set before. */
  restore(runs: readonly ExemplarRun[]): void {
    for (const run of runs) {
      const entries: StoredExemplar[] = [];
      for (const [index, { series, labels, t, value }] of run.entries.entries()) {
        // Those before the first only keep their places.
        if (run.from + index < this.first) entries.push(run.entries[index]);
        else entries.push(this.#enter(keyOf(series.labels), series.labels, labels, t, value));
      }
      this.runs.push({ ...run, entries });
    }
  }

  /** Those of wanted series in [minT, maxT], by series, each ascending by time. */
  read(
    isWanted: (labels: Uint8Array) => boolean,
    minT: number,
    maxT: number,
  ): Map<ExemplarSeries, StoredExemplar[]> {
    const found = new Map<ExemplarSeries, StoredExemplar[]>();
    const refused = new Set<ExemplarSeries>();
    for (const run of this.runs) {
      for (const entry of run.entries.slice(Math.max(0, this.first - run.from))) {
        if (entry.t < minT || entry.t > maxT || refused.has(entry.series)) continue;
        const known = found.get(entry.series);
        if (known) known.push(entry);
        else if (isWanted(entry.series.labels)) found.set(entry.series, [entry]);
        else refused.add(entry.series);
      }
    }
    return found;
  }
}

function keyOf(labels: Uint8Array): string {
  return Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength).toString('latin1');
}

const numbers = new Float64Array(2);
const numberBytes = new Uint8Array(numbers.buffer);

function hashOf({ series, labels, t, value }: StoredExemplar): number {
  numbers[0] = t;
  numbers[1] = Number.isNaN(value) ? Number.NaN : value;
  const time = hashBytes(numberBytes, 0, numberBytes.length, 0);
  const own = hashBytes(labels, 0, labels.length, time);
  return hashBytes(series.labels, 0, series.labels.length, own) | 0;
}

function isNews({ lastT, lastValue }: ExemplarSeries, t: number, value: number): boolean {
  return t > lastT || (t === lastT && value > lastValue);
}
