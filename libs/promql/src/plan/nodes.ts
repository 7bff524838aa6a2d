// The typed plan: what is evaluated, on which steps, reading which times. Every node carries its own
// steps, because subqueries and `@` change them on the way down.
import type { Matcher, MatcherSpec } from '@weir/model';
import type { WindowTimes } from '../functions/window.ts';
import type {
  AggregateOp,
  ArithmeticOp,
  ComparisonOp,
  Extension,
  Matching,
  SetOp,
  Span,
  ValueOp,
} from '../parse/ast.ts';

/** Evaluation times: start + i × step, ms, i < count. */
export type Steps = WindowTimes;

interface OnSteps {
  readonly steps: Steps;
}

export interface SelectorRead {
  readonly matchers: readonly Matcher[];
  /** Inclusive, ms: exactly what the windows or look-backs of all steps can touch. */
  readonly minT: number;
  readonly maxT: number;
  /** Only the newest sample of each series in the range counts: a selector at one moment. */
  readonly newestOnly: boolean;
  /** Only counts and sums of native histograms are asked for: resets are told sample by sample. */
  readonly tellsResets: boolean;
  /** Start timestamps of the samples are wanted, too. */
  readonly startTimes: boolean;
  readonly span: Span;
}

/** Raw samples of series, for range-vector functions. */
export type SampleNode =
  | ({ readonly kind: 'read' } & SelectorRead)
  | { readonly kind: 'subquery'; readonly input: VectorNode };

export interface WindowNode extends OnSteps {
  readonly kind: 'window';
  readonly name: string;
  readonly source: SampleNode;
  readonly times: WindowTimes;
  readonly rangeMs: number;
  readonly params: readonly ScalarNode[];
  readonly keepName: boolean;
  /** How the range treats its ends, and how far beyond them it looks. */
  readonly extension: Extension | undefined;
  readonly lookbackMs: number;
  readonly span: Span;
  readonly paramSpan: Span | undefined;
}

export interface SelectNode extends OnSteps {
  readonly kind: 'select';
  readonly read: SelectorRead;
  readonly times: WindowTimes;
  readonly lookbackMs: number;
  /**
   * A step's value is the sample's, its time or its start time in seconds (timestamp(), start_timestamp()), or
   * interpolated (smoothed).
   */
  readonly result: 'value' | 'timestamp' | 'start-timestamp' | 'smoothed';
}

export interface AggregateNode extends OnSteps {
  readonly kind: 'aggregate';
  readonly op: AggregateOp;
  readonly input: VectorNode;
  readonly param: ScalarNode | undefined;
  /** count_values' label. */
  readonly label: string;
  readonly grouping: readonly string[];
  readonly without: boolean;
  readonly span: Span;
  readonly paramSpan: Span | undefined;
}

export interface MapNode extends OnSteps {
  readonly kind: 'map';
  readonly name: string;
  readonly input: VectorNode;
  readonly params: readonly ScalarNode[];
}

export interface VectorScalarNode extends OnSteps {
  readonly kind: 'vector-scalar';
  readonly op: ValueOp;
  readonly vector: VectorNode;
  readonly scalar: ScalarNode;
  readonly scalarLeft: boolean;
  readonly returnBool: boolean;
  readonly span: Span;
}

export interface VectorVectorNode extends OnSteps {
  readonly kind: 'vector-vector';
  readonly op: ValueOp;
  readonly left: VectorNode;
  readonly right: VectorNode;
  readonly returnBool: boolean;
  readonly matching: Matching;
  readonly span: Span;
}

export interface SetNode extends OnSteps {
  readonly kind: 'set';
  readonly op: SetOp;
  readonly left: VectorNode;
  readonly right: VectorNode;
  readonly matching: Matching;
}

export interface LabelNode extends OnSteps {
  readonly kind: 'labels';
  readonly name: 'label_replace' | 'label_join';
  readonly input: VectorNode;
  readonly args: readonly string[];
}

export type VectorNode =
  | SelectNode
  | WindowNode
  | AggregateNode
  | MapNode
  | VectorScalarNode
  | VectorVectorNode
  | SetNode
  | LabelNode
  /** absent(v), or absent_over_time of what a window counted as present. */
  | (OnSteps & {
      readonly kind: 'absent';
      readonly input: VectorNode;
      readonly matchers: readonly MatcherSpec[];
    })
  | (OnSteps & { readonly kind: 'from-scalar'; readonly input: ScalarNode })
  | (OnSteps & {
      readonly kind: 'histogram-quantile';
      readonly quantiles: readonly { readonly node: ScalarNode; readonly span: Span }[];
      /** Of histogram_quantiles: the label that gets the quantile. */
      readonly label: string | undefined;
      readonly input: VectorNode;
      readonly span: Span;
    })
  | (OnSteps & {
      readonly kind: 'histogram-fraction';
      readonly lower: ScalarNode;
      readonly upper: ScalarNode;
      readonly input: VectorNode;
      readonly span: Span;
    })
  | (OnSteps & {
      readonly kind: 'info';
      readonly input: VectorNode;
      /** Info series, with the times of their samples. */
      readonly infos: SelectNode;
      readonly names: readonly Matcher[];
      readonly data: readonly MatcherSpec[];
      readonly optional: boolean;
    })
  | (OnSteps & {
      readonly kind: 'sort';
      readonly name: string;
      readonly input: VectorNode;
      readonly labels: readonly string[];
      /** Of a range query, whose answer has an order of its own. */
      readonly inRange: boolean;
      readonly span: Span;
    })
  /** Step-invariant: evaluated on one step, repeated on all. */
  | (OnSteps & { readonly kind: 'repeat'; readonly input: VectorNode })
  | SharedNode;

/** A sub-expression that may stand at several places of the query; with more uses than one it is kept. */
export interface SharedNode extends OnSteps {
  readonly kind: 'shared';
  readonly input: VectorNode;
  /** Counted up while planning. */
  uses: number;
}

export type ScalarNode =
  | (OnSteps & { readonly kind: 'number'; readonly value: number })
  | (OnSteps & { readonly kind: 'time' })
  | (OnSteps & { readonly kind: 'scalar-of'; readonly input: VectorNode })
  | (OnSteps & { readonly kind: 'negate'; readonly input: ScalarNode })
  | (OnSteps & {
      readonly kind: 'extreme';
      readonly name: 'min_of' | 'max_of';
      readonly left: ScalarNode;
      readonly right: ScalarNode;
    })
  | (OnSteps & {
      readonly kind: 'scalar-scalar';
      readonly op: ArithmeticOp | ComparisonOp;
      readonly left: ScalarNode;
      readonly right: ScalarNode;
    });

export type QueryPlan =
  | { readonly type: 'scalar'; readonly node: ScalarNode }
  | { readonly type: 'vector'; readonly node: VectorNode }
  | {
      readonly type: 'matrix';
      readonly source: SampleNode;
      readonly times: WindowTimes;
      readonly rangeMs: number;
      readonly extension?: Extension | undefined;
      readonly lookbackMs: number;
    }
  | { readonly type: 'string'; readonly value: string };
