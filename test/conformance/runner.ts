// Runs promqltest files against the engine over any TestStorage. Every instant case runs three times: as
// written, as the middle of a range query, and with `@ time` on every selector. Cases that need what a
// later issue brings (native histograms above all) are counted apart, with the reason.
import { createMatcher, encodeLabels, type Label, type LabelBytes, labelValue } from '@weir/model';
import {
  createEngine,
  type Engine,
  parseExpr,
  type Queryable,
  type QueryResult,
  selectorsOf,
} from '@weir/promql';
import { systemClock } from '@weir/runtime';
import { pinned } from './at-modifier.ts';
import { annotationComplaints, complaintsAbout, matches } from './compare.ts';
import type { TestStorage } from './memory-storage.ts';
import { type Command, type EvalCommand, parseTestFile } from './test-file.ts';

export interface Failure {
  readonly line: number;
  readonly source: string;
  readonly complaints: readonly string[];
}

export interface FileReport {
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** Reason to number of cases. */
  readonly notYet: ReadonlyMap<string, number>;
}

const SETTINGS = {
  lookbackDeltaMs: 300_000,
  maxSamples: 50_000_000,
  defaultSubqueryStepMs: 60_000,
  delayedNameRemoval: true,
  typeAndUnitLabels: true,
  experimental: true,
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

class Run implements FileReport {
  passed = 0;
  readonly failures: Failure[] = [];
  readonly notYet = new Map<string, number>();
  readonly storage: TestStorage;
  readonly #engine: Engine = createEngine(SETTINGS, { clock: systemClock });
  /** Series that hold native histograms, which the engine doesn't know yet. */
  #histograms: LabelBytes[] = [];

  constructor(storage: TestStorage) {
    this.storage = storage;
  }

  async command(command: Command): Promise<void> {
    if (command.kind === 'clear') {
      this.#histograms = [];
      await this.storage.clear();
    } else if (command.kind === 'load') await this.#load(command);
    else await this.#eval(command);
  }

  async #load(command: Extract<Command, { kind: 'load' }>): Promise<void> {
    for (const { labels, labelList, points } of command.series) {
      const t: number[] = [];
      const v: number[] = [];
      points.forEach((point, index) => {
        if (point === undefined) return;
        if ('histogram' in point) this.#histograms.push(labels);
        else {
          t.push(index * command.intervalMs);
          v.push(point.value);
        }
      });
      if (t.length > 0) await this.storage.append(labels, t, v);
      if (command.nhcb) this.#noteConverted(labelList);
    }
  }

  /** load_with_nhcb also makes a native histogram of the bucket series. */
  #noteConverted(labels: readonly Label[]): void {
    const kept = labels
      .filter(({ name }) => name !== 'le')
      .map(({ name, value }) => {
        return {
          name,
          value: name === '__name__' ? value.replace(/_(bucket|count|sum)$/, '') : value,
        };
      });
    this.#histograms.push(encodeLabels(kept));
  }

  async #eval(command: EvalCommand): Promise<void> {
    const reason = this.#reasonToWait(command);
    if (reason !== undefined) {
      this.notYet.set(reason, (this.notYet.get(reason) ?? 0) + 1);
      return;
    }
    const queryable = await this.storage.queryable();
    const complaints = await this.#complaints(command, queryable);
    if (complaints.length === 0) this.passed++;
    else this.failures.push({ line: command.line, source: command.source, complaints });
  }

  #reasonToWait({ query, expected }: EvalCommand): string | undefined {
    const histogram = (points: readonly unknown[]) =>
      points.some((p) => p !== undefined && 'histogram' in (p as object));
    if (expected.series.some(({ points }) => histogram(points))) return 'native histograms';
    if (/\bhistogram_(?!quantile\b)\w+\s*\(/.test(query)) return 'native histograms';
    let selectors: ReturnType<typeof selectorsOf>;
    try {
      selectors = selectorsOf(parseExpr(query));
    } catch (error) {
      const later =
        /(function "\w+"|operator|modifiers|duration expressions).*not supported yet|\w+ is not supported yet/.exec(
          (error as Error).message,
        );
      return later === null ? undefined : `syntax: ${later[1] ?? later[0]}`;
    }
    for (const { matchers } of selectors) {
      const compiled = matchers.map(createMatcher);
      const hit = this.#histograms.some((labels) =>
        compiled.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      if (hit) return 'native histograms';
    }
    return undefined;
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
    if (complaints.length > 0 || command.stepMs !== undefined) return complaints;
    try {
      return [
        ...(await this.#asRange(command, result, queryable)),
        ...(await this.#pinned(command, queryable)),
      ];
    } catch (error) {
      return [`failed in a re-run: ${(error as Error).message}`];
    }
  }

  #query(command: EvalCommand, query: string, queryable: Queryable): Promise<QueryResult> {
    const signal = new AbortController().signal;
    const { startMs, endMs, stepMs } = command;
    if (stepMs === undefined)
      return this.#engine.instant({ query, timeMs: startMs }, queryable, signal);
    return this.#engine.range({ query, startMs, endMs, stepMs }, queryable, signal);
  }

  /** The middle step of a range query is the instant. */
  async #asRange(
    command: EvalCommand,
    instant: QueryResult,
    queryable: Queryable,
  ): Promise<string[]> {
    if (instant.type === 'string' || instant.type === 'matrix' || command.expected.ordered)
      return [];
    const { startMs: timeMs, query } = command;
    const range = { query, startMs: timeMs - 60_000, endMs: timeMs + 60_000, stepMs: 60_000 };
    const result = await this.#engine.range(range, queryable, new AbortController().signal);
    if (result.type !== 'matrix') return [`as range: got a ${result.type}`];
    const samples = result.series.flatMap(({ labels, t, v, count }) => {
      const at = t.subarray(0, count).indexOf(timeMs);
      return at < 0 ? [] : [{ labels, value: v[at]! }];
    });
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
