// The port through which PromQL reads storage. Series stream in label order, one at a time, and their
// samples are decoded into columns that the evaluator reuses: memory grows with the result.
import type { HistogramColumns, LabelBytes, Matcher, SampleColumns, SeriesMemo } from '@weir/model';
import type { PlanPart } from './push/plan-part.ts';
import type { PartMessage } from './push/row-batch.ts';

export interface SelectRequest {
  readonly matchers: readonly Matcher[];
  /** Inclusive, ms: no sample outside is needed. */
  readonly minT: number;
  readonly maxT: number;
  /** Of each series only its newest sample in the range is needed; others may come all the same. */
  readonly newestOnly?: boolean;
  /** The columns that samples() is given have start timestamps, and they are wanted. */
  readonly startTimes?: boolean;
}

/** Where the storage numbers its series; both may change with each of them. */
export interface SeriesOrigin {
  /** What earlier queries have found out about them. */
  readonly memo?: SeriesMemo | undefined;
  /** That of the current one. */
  readonly number?: number | undefined;
}

export interface SeriesStream extends SeriesOrigin {
  /**
   * Moves to the next series; false at the end. A promise only when more has to be read, so that
   * evaluating thousands of series costs few promises.
   */
  next(): boolean | Promise<boolean>;
  /** Labels of the current series; valid until next(). Ascending in Prometheus's order, none twice. */
  readonly labels: LabelBytes;
  /** Appends the floats of the current series in [minT, maxT] to `out`, ascending, none twice. */
  samples(out: SampleColumns): void;
  /**
   * The same for its native histograms; no timestamp has both. A hint other than RESET_GAUGE is about the
   * sample before, among those given. Left out by storage that knows none.
   */
  histograms?(out: HistogramColumns): void;
  close(): void;
}

export interface Queryable {
  select(request: SelectRequest, signal: AbortSignal): Promise<SeriesStream>;
  /**
   * Has a part of the plan evaluated where its series are: the answers of all places. Undefined where that can't
   * be, as series may lie in several places. Left out by storage that evaluates nothing.
   */
  evaluate?(
    request: SelectRequest,
    part: PlanPart,
    signal: AbortSignal,
  ): Promise<readonly AsyncIterable<PartMessage>[] | undefined>;
}
