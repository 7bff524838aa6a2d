// What one running query shares: settings, storage, budget, annotations, and when to give way.
import type { Clock } from '@weir/runtime';
import type { Queryable } from '../queryable.ts';
import { Annotations } from './annotations.ts';
import { interruption, tooManySamples, tooMuchMemory } from './errors.ts';
import type { SampleCounts } from './sample-counts.ts';
import type { EngineSettings } from './settings.ts';

/** A value and its time. */
const SAMPLE_BYTES = 16;
/** A push to the thread waits for so long, and on two cores others with it. */
const SLICE_MS = 1;
const ROWS_BETWEEN_CLOCK_READS = 8;

export class Context {
  readonly settings: EngineSettings;
  readonly queryable: Queryable;
  readonly signal: AbortSignal;
  readonly budget: SampleBudget;
  readonly annotations: Annotations;
  /** Where samples are counted by what is planned next; undefined where nobody asked. */
  counts: SampleCounts | undefined;
  /** Parts of the plan may be evaluated where their series are. */
  readonly pushes: boolean;
  /** Names need not be dropped: what follows doesn't look at them. */
  readonly keepsNames: boolean;
  readonly #clock: Clock;
  #rows = 0;
  #sliceStart: number;

  constructor(
    settings: EngineSettings,
    query: string,
    parts: {
      clock: Clock;
      queryable: Queryable;
      signal: AbortSignal;
      pushes?: boolean;
      keepsNames?: boolean;
    },
  ) {
    this.keepsNames = parts.keepsNames === true;
    this.pushes = parts.pushes === true && parts.queryable.evaluate !== undefined;
    this.settings = settings;
    this.queryable = parts.queryable;
    this.signal = parts.signal;
    this.#clock = parts.clock;
    this.budget = new SampleBudget(settings.maxSamples, settings.memoryMaxBytes);
    this.annotations = new Annotations(query);
    this.#sliceStart = parts.clock.steadyMs();
  }

  /** Called once a row: throws when nobody waits any more, and lets other work run every few ms. */
  pace(): Promise<void> | undefined {
    if (++this.#rows % ROWS_BETWEEN_CLOCK_READS !== 0) return undefined;
    this.check();
    if (this.#clock.steadyMs() - this.#sliceStart < SLICE_MS) return undefined;
    return this.#giveWay();
  }

  check(): void {
    if (this.signal.aborted) throw interruption(this.signal);
  }

  async #giveWay(): Promise<void> {
    await this.#clock.yield();
    this.check();
    this.#sliceStart = this.#clock.steadyMs();
  }
}

/** Counts the samples a query holds; over the limit the query ends. */
export class SampleBudget {
  readonly #max: number;
  readonly #memoryMaxBytes: number;
  #held = 0;
  #peak = 0;

  constructor(max: number, memoryMaxBytes = 0) {
    this.#max = max;
    this.#memoryMaxBytes = memoryMaxBytes;
  }

  hold(samples: number): void {
    this.#held += samples;
    this.touch(0);
  }

  /** The most that were held at once. */
  get peak(): number {
    return this.#peak;
  }

  release(samples: number): void {
    this.#held -= samples;
  }

  /** Samples in hand for a moment: those of the series being read. */
  touch(samples: number): void {
    const held = this.#held + samples;
    if (held > this.#peak) this.#peak = held;
    if (held > this.#max) throw tooManySamples();
    const max = this.#memoryMaxBytes;
    if (max > 0 && held * SAMPLE_BYTES > max) throw tooMuchMemory(max);
  }
}
