// What an engine is told once.

export interface EngineSettings {
  /** How far an instant selector looks back for a sample. */
  readonly lookbackDeltaMs: number;
  /** Samples that a query may hold at once. */
  readonly maxSamples: number;
  /** Bytes that these samples may take, by estimate; 0 or absent is no limit. */
  readonly memoryMaxBytes?: number;
  /** The step of a subquery that names none. */
  readonly defaultSubqueryStepMs: number;
  /** Drop metric names at the end instead of at once (a Prometheus feature flag); default false. */
  readonly delayedNameRemoval?: boolean;
  /** Tell counters by `__type__`, not by their names (a Prometheus feature flag); default false. */
  readonly typeAndUnitLabels?: boolean;
  /** Allow functions and aggregations that Prometheus calls experimental; default true. */
  readonly experimental?: boolean;
  /** Let rate, irate, increase and resets see start timestamps (a Prometheus feature flag); default false. */
  readonly startTimestamps?: boolean;
}
