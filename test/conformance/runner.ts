// Runs promqltest files against the engine over any TestStorage. Every instant case runs three times: as
// written, as the middle of a range query, and with `@ time` on every selector.
import type { NativeHistogram } from '@weir/model';
import {
  createEngine,
  type Engine,
  type Queryable,
  type QueryResult,
  type SeriesColumns,
  toNative,
  type VectorSample,
} from '@weir/promql';
import { systemClock } from '@weir/runtime';
import { pinned } from './at-modifier.ts';
import { annotationComplaints, complaintsAbout, matches } from './compare.ts';
import { convertClassic } from './custom-buckets.ts';
import type { Float, TestStorage } from './memory-storage.ts';
import type { LoadedSeries } from './start-lines.ts';
import { type Command, type EvalCommand, parseTestFile } from './test-file.ts';

export interface Failure {
  readonly line: number;
  readonly source: string;
  readonly complaints: readonly string[];
}

export interface FileReport {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

const SETTINGS = {
  lookbackDeltaMs: 300_000,
  maxSamples: 50_000_000,
  defaultSubqueryStepMs: 60_000,
  delayedNameRemoval: true,
  experimental: true,
  startTimestamps: true,
};

export async function runTestFile(
  text: string,
  createStorage: () => TestStorage,
): Promise<FileReport> {
  const run = new Run(createStorage());
  try {
    for (const command of parseTestFile(text)) await run.command(command);
  } finally {
    await run.storage.close();
  }
  return run;
}

/** Functions of the query's own times: as the middle of a range they must differ. */
const ASKS_FOR_RANGE = /\b(start|end|step|range)\s*\(\s*\)/;

type LoadCommand = Extract<Command, { kind: 'load' }>;

/** Of lines with the same labels in one command the last one counts. */
function lastOfEach(lines: readonly LoadedSeries[]): LoadedSeries[] {
  const byLabels = new Map<string, LoadedSeries>();
  for (const line of lines) byLabels.set(Buffer.from(line.labels).toString('latin1'), line);
  return [...byLabels.values()];
}

class Run implements FileReport {
  passed = 0;
  readonly failures: Failure[] = [];
  readonly storage: TestStorage;
  readonly #engine: Engine = createEngine(SETTINGS, { clock: systemClock });
  /** Parts of queries are evaluated elsewhere only where names are dropped at once. */
  readonly #pushing: Engine = createEngine(
    { ...SETTINGS, delayedNameRemoval: false },
    { clock: systemClock },
  );

  constructor(storage: TestStorage) {
    this.storage = storage;
  }

  async command(command: Command): Promise<void> {
    if (command.kind === 'clear') await this.storage.clear();
    else if (command.kind === 'load') await this.#tryLoad(command);
    else if (command.kind === 'eval') await this.#eval(command);
    else this.failures.push({ ...command, complaints: [command.complaint] });
  }

  async #tryLoad(command: LoadCommand): Promise<void> {
    try {
      await this.#load(command);
    } catch (error) {
      const complaint = `not loaded: ${(error as Error).message}`;
      this.failures.push({ ...command, complaints: [complaint] });
    }
  }

  async #load({ series: lines, intervalMs, nhcb }: LoadCommand): Promise<void> {
    const series = lastOfEach(lines);
    for (const { labels, points, starts } of series) {
      const floats = { t: [] as number[], v: [] as Float[], st: [] as number[] };
      const histograms = { t: [] as number[], h: [] as NativeHistogram[], st: [] as number[] };
      points.forEach((point, index) => {
        if (point === undefined) return;
        const t = index * intervalMs;
        const offset = starts?.[index];
        const start = offset === undefined ? 0 : t + offset;
        if (!('histogram' in point)) {
          floats.t.push(t);
          floats.st.push(start);
          floats.v.push('value' in point ? point.value : 'stale');
        } else {
          histograms.t.push(t);
          histograms.st.push(start);
          histograms.h.push(toNative(point.histogram));
        }
      });
      if (floats.t.length > 0) {
        await this.storage.append(labels, floats.t, floats.v, floats.st);
      }
      if (histograms.t.length > 0) {
        await this.storage.appendHistograms(labels, histograms.t, histograms.h, histograms.st);
      }
    }
    if (!nhcb) return;
    for (const { labels, samples } of convertClassic(series)) {
      const t = samples.map(({ index }) => index * intervalMs);
      const h = samples.map(({ histogram }) => toNative(histogram));
      await this.storage.appendHistograms(labels, t, h);
    }
  }

  async #eval(command: EvalCommand): Promise<void> {
    const queryable = await this.storage.queryable();
    const complaints = await this.#complaints(command, queryable);
    if (complaints.length === 0) this.passed++;
    else this.failures.push({ line: command.line, source: command.source, complaints });
  }

  async #complaints(command: EvalCommand, queryable: Queryable): Promise<string[]> {
    const { expected, query } = command;
    const failure = expected.checks.filter(({ kind }) => kind === 'fail');
    let result: QueryResult;
    try {
      result = await this.#query(command, query, queryable);
    } catch (error) {
      const { message } = error as Error;
      if (failure.length === 0) return [`failed: ${message}`];
      const met = failure.every(({ match }) => matches(match, message));
      return met ? [] : [`another error than expected: ${message}`];
    }
    if (failure.length > 0) return ['expected to fail'];
    const complaints = [
      ...complaintsAbout(result, command),
      ...annotationComplaints(result, expected),
    ];
    if (complaints.length > 0) return complaints;
    try {
      const elsewhere = await this.#elsewhere(command, queryable);
      if (command.stepMs !== undefined) return elsewhere;
      return [
        ...elsewhere,
        ...(await this.#asRange(command, result, queryable)),
        ...(await this.#pinned(command, queryable)),
      ];
    } catch (error) {
      return [`failed in a re-run: ${(error as Error).message}`];
    }
  }

  #query(
    command: EvalCommand,
    query: string,
    queryable: Queryable,
    engine = this.#engine,
  ): Promise<QueryResult> {
    const signal = new AbortController().signal;
    const { startMs, endMs, stepMs } = command;
    if (stepMs === undefined) return engine.instant({ query, timeMs: startMs }, queryable, signal);
    return engine.range({ query, startMs, endMs, stepMs }, queryable, signal);
  }

  /** What doesn't rest on names dropped at the end is the same where series are evaluated where they lie. */
  async #elsewhere(command: EvalCommand, queryable: Queryable): Promise<string[]> {
    if (queryable.evaluate === undefined) return [];
    const complaints = async (from: Queryable) => {
      const result = await this.#query(command, command.query, from, this.#pushing);
      const ofNotes = annotationComplaints(result, command.expected);
      return [...complaintsAbout(result, command), ...ofNotes];
    };
    const here: Queryable = { select: (request, signal) => queryable.select(request, signal) };
    try {
      if ((await complaints(here)).length > 0) return [];
    } catch {
      return [];
    }
    return (await complaints(queryable)).map((text) => `evaluated elsewhere: ${text}`);
  }

  /** The middle step of a range query is the instant. */
  async #asRange(
    command: EvalCommand,
    instant: QueryResult,
    queryable: Queryable,
  ): Promise<string[]> {
    if (instant.type === 'string' || instant.type === 'matrix' || command.expected.ordered)
      return [];
    if (ASKS_FOR_RANGE.test(command.query)) return [];
    const { startMs: timeMs, query } = command;
    const range = { query, startMs: timeMs - 60_000, endMs: timeMs + 60_000, stepMs: 60_000 };
    const result = await this.#engine.range(range, queryable, new AbortController().signal);
    if (result.type !== 'matrix') return [`as range: got a ${result.type}`];
    const samples = result.series.flatMap((series) => sampleAt(series, timeMs));
    const middle: QueryResult = { type: 'vector', timeMs, samples, warnings: [], infos: [] };
    return complaintsAbout(middle, command).map((text) => `as range: ${text}`);
  }

  async #pinned(command: EvalCommand, queryable: Queryable): Promise<string[]> {
    const complaints: string[] = [];
    for (const { query, timeMs } of pinned(command.query, command.startMs)) {
      const result = await this.#query(
        { ...command, startMs: timeMs, endMs: timeMs },
        query,
        queryable,
      );
      const moved: QueryResult =
        result.type === 'vector' ? { ...result, timeMs: command.startMs } : result;
      complaints.push(
        ...complaintsAbout(moved, command).map((text) => `${query} at ${timeMs}: ${text}`),
      );
    }
    return complaints;
  }
}

function sampleAt(
  { labels, t, v, count, histograms }: SeriesColumns,
  timeMs: number,
): VectorSample[] {
  const at = t.subarray(0, count).indexOf(timeMs);
  if (at >= 0) return [{ labels, value: v[at]! }];
  const point = histograms?.find((candidate) => candidate.t === timeMs);
  return point ? [{ labels, value: Number.NaN, histogram: point.histogram }] : [];
}
