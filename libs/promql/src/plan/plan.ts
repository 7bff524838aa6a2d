// Syntax tree to plan: times resolved, constants folded, step-invariant parts evaluated once, equal
// sub-expressions that are kept anyway shared. Deliberately no storage access and no values here.
import { executionError, tooManySamples } from '../evaluate/errors.ts';
import { DATE_FUNCTIONS } from '../functions/elementwise.ts';
import type { Aggregate, Binary, Call, Expr, Span, Subquery } from '../parse/ast.ts';
import { isSetOp, isTrim, unwrap } from '../parse/ast.ts';
import { quote } from '../parse/literals.ts';
import { printExpr } from '../parse/print.ts';
import { typeOf } from '../parse/types.ts';
import { foldScalar } from './constants.ts';
import { isStepInvariant } from './invariance.ts';
import type {
  AggregateNode,
  QueryPlan,
  ScalarNode,
  SharedNode,
  Steps,
  VectorNode,
  WindowNode,
} from './nodes.ts';
import {
  extensionOf,
  infoSelector,
  type PlanSettings,
  planRange,
  planSelect,
  planTimestamp,
  type ReadContext,
  type Samples,
  timesOf,
  usesStartTimes,
} from './reads.ts';

/** absent_over_time only asks whether there is anything, under whichever names. */
const KEEPS_NAME: ReadonlySet<string> = new Set([
  'last_over_time',
  'first_over_time',
  'absent_over_time',
]);

const RANKED: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk', 'limit_ratio']);

export function planQuery(expr: Expr, steps: Steps, settings: PlanSettings): QueryPlan {
  const planner = new Planner(settings);
  const type = typeOf(expr);
  if (type === 'scalar') return { type, node: planner.scalar(expr, steps) };
  if (type === 'vector') return { type, node: planner.vector(expr, steps) };
  if (type === 'string') return { type, value: (unwrap(expr) as { value: string }).value };
  return {
    type: 'matrix',
    ...planner.samples(unwrap(expr), steps),
    lookbackMs: settings.lookbackMs,
  };
}

class Planner {
  readonly #settings: PlanSettings;
  readonly #shared = new Map<string, SharedNode>();
  /** See SelectorRead.tellsResets: the nearest function of histograms decides. */
  #tellsResets = false;

  constructor(settings: PlanSettings) {
    this.#settings = settings;
  }

  vector(expr: Expr, steps: Steps): VectorNode {
    if (steps.count > 1 && isStepInvariant(expr)) {
      const once = { startMs: steps.startMs, stepMs: steps.stepMs, count: 1 };
      return { kind: 'repeat', input: this.vector(expr, once), steps };
    }
    switch (expr.kind) {
      case 'paren':
        return this.vector(expr.expr, steps);
      case 'vector-selector':
        return planSelect(expr, steps, 'value', this.#reading);
      case 'aggregate':
        return this.#kept(expr, steps, () => this.#aggregate(expr, steps));
      case 'unary': {
        const input = this.vector(expr.expr, steps);
        return expr.op === '+' ? input : { kind: 'map', name: 'negate', input, params: [], steps };
      }
      case 'binary':
        return this.#binary(expr, steps);
      case 'call':
        return this.#call(expr, steps);
      default:
        throw new TypeError(`not a vector: ${expr.kind}`);
    }
  }

  scalar(expr: Expr, steps: Steps): ScalarNode {
    switch (expr.kind) {
      case 'number':
        return { kind: 'number', value: expr.value, steps };
      case 'paren':
        return this.scalar(expr.expr, steps);
      case 'unary': {
        const input = this.scalar(expr.expr, steps);
        return expr.op === '+' ? input : foldScalar({ kind: 'negate', input, steps });
      }
      case 'binary':
        if (isTrim(expr.op)) {
          throw executionError(`operator ${quote(expr.op)} not allowed for Scalar operations`);
        }
        return foldScalar({
          kind: 'scalar-scalar',
          op: expr.op as never,
          left: this.scalar(expr.left, steps),
          right: this.scalar(expr.right, steps),
          steps,
        });
      case 'call':
        return this.#scalarCall(expr, steps);
      default:
        throw new TypeError(`not a scalar: ${expr.kind}`);
    }
  }

  #scalarCall({ name, args }: Call, steps: Steps): ScalarNode {
    const number = (value: number): ScalarNode => ({ kind: 'number', value, steps });
    const { startMs, endMs, stepMs } = this.#settings;
    switch (name) {
      case 'time':
        return { kind: 'time', steps };
      case 'pi':
        return number(Math.PI);
      case 'start':
        return number(startMs / 1000);
      case 'end':
        return number(endMs / 1000);
      case 'step':
        return number(stepMs / 1000);
      case 'range':
        return number((endMs - startMs) / 1000);
      case 'min_of':
      case 'max_of': {
        const [left, right] = [this.scalar(args[0]!, steps), this.scalar(args[1]!, steps)];
        return { kind: 'extreme', name, left, right, steps };
      }
      default:
        return { kind: 'scalar-of', input: this.vector(args[0]!, steps), steps };
    }
  }

  #telling<T>(tellsResets: boolean, plan: () => T): T {
    const before = this.#tellsResets;
    this.#tellsResets = tellsResets;
    const node = plan();
    this.#tellsResets = before;
    return node;
  }

  samples(expr: Expr, steps: Steps, startTimes = false): Samples {
    if (expr.kind === 'subquery') return this.#subquery(expr, steps);
    if (expr.kind !== 'matrix-selector') throw new TypeError(`not a range vector: ${expr.kind}`);
    return planRange(expr, steps, { ...this.#reading, startTimes });
  }

  get #reading(): ReadContext {
    return { settings: this.#settings, tellsResets: this.#tellsResets, startTimes: false };
  }

  #subquery(expr: Subquery, steps: Steps): Samples {
    const times = timesOf(expr, steps, this.#settings);
    const stepMs = expr.stepMs === 0 ? this.#settings.defaultSubqueryStepMs : expr.stepMs;
    const last = times.startMs + (times.count - 1) * times.stepMs;
    // Inner steps lie on multiples of their interval, the first one within the left-open window.
    const startMs = (Math.floor((times.startMs - expr.rangeMs) / stepMs) + 1) * stepMs;
    const count = Math.max(0, Math.floor((last - startMs) / stepMs) + 1);
    // A row of one series alone would be more than the query may hold.
    if (count > this.#settings.maxSamples) throw tooManySamples();
    const inner = { startMs, stepMs, count };
    const input = this.#telling(false, () => this.vector(expr.expr, inner));
    return { source: { kind: 'subquery', input }, times, rangeMs: expr.rangeMs };
  }

  /** Results that are kept in memory anyway are computed once per query. */
  #kept(expr: Expr, steps: Steps, build: () => VectorNode): VectorNode {
    const { startMs, stepMs, count } = steps;
    const key = `${printExpr(expr)}|${startMs}|${stepMs}|${count}|${this.#tellsResets}`;
    const known = this.#shared.get(key);
    if (known !== undefined) {
      known.uses++;
      return known;
    }
    const input = build();
    if (input.kind === 'shared') return input;
    const node: SharedNode = { kind: 'shared', input, uses: 1, steps };
    this.#shared.set(key, node);
    return node;
  }

  #aggregate(expr: Aggregate, steps: Steps): AggregateNode {
    const label = expr.param?.kind === 'string' ? expr.param.value : '';
    const hasParam = expr.param !== undefined && expr.param.kind !== 'string';
    return {
      kind: 'aggregate',
      op: expr.op,
      input: this.vector(expr.expr, steps),
      param: hasParam ? this.scalar(expr.param!, steps) : undefined,
      label,
      grouping: expr.grouping,
      without: expr.without,
      // Ranked ones are noted as a whole, the others where their operand is.
      span: RANKED.has(expr.op) ? expr.span : unwrap(expr.expr).span,
      paramSpan: expr.param && unwrap(expr.param).span,
      steps,
    };
  }

  #binary(expr: Binary, steps: Steps): VectorNode {
    if (isTrim(expr.op)) return this.#telling(false, () => this.#valuesOf(expr, steps));
    return this.#valuesOf(expr, steps);
  }

  #valuesOf(expr: Binary, steps: Steps): VectorNode {
    const { span } = expr;
    const leftScalar = typeOf(expr.left) === 'scalar';
    if (leftScalar || typeOf(expr.right) === 'scalar') {
      const [vector, scalar] = leftScalar ? [expr.right, expr.left] : [expr.left, expr.right];
      return {
        kind: 'vector-scalar',
        op: expr.op as never,
        vector: this.vector(vector, steps),
        scalar: this.scalar(scalar, steps),
        scalarLeft: leftScalar,
        returnBool: expr.returnBool,
        span,
        steps,
      };
    }
    const operand = (side: Expr) => this.#kept(side, steps, () => this.vector(side, steps));
    const [left, right] = [operand(expr.left), operand(expr.right)];
    const { op, matching, returnBool } = expr;
    if (isSetOp(op)) return { kind: 'set', op, left, right, matching, steps };
    return { kind: 'vector-vector', op, left, right, returnBool, matching, span, steps };
  }

  #call(call: Call, steps: Steps): VectorNode {
    const { name, args } = call;
    const rangeAt = args.findIndex((arg) => typeOf(arg) === 'matrix');
    if (rangeAt >= 0) return this.#window(call, rangeAt, steps);
    switch (name) {
      case 'vector':
        return { kind: 'from-scalar', input: this.scalar(args[0]!, steps), steps };
      case 'absent':
        return {
          kind: 'absent',
          input: this.vector(args[0]!, steps),
          matchers: selectorMatchers(args[0]!),
          steps,
        };
      case 'label_replace':
      case 'label_join':
        return {
          kind: 'labels',
          name,
          input: this.vector(args[0]!, steps),
          args: texts(args.slice(1)),
          steps,
        };
      case 'histogram_count':
      case 'histogram_sum':
      case 'histogram_avg': {
        const input = this.#telling(true, () => this.vector(args[0]!, steps));
        return { kind: 'map', name, input, params: [], steps };
      }
      case 'histogram_quantile':
        return this.#quantiles(args[1]!, [args[0]!], undefined, steps);
      case 'histogram_quantiles':
        return this.#quantiles(args[0]!, args.slice(2), texts([args[1]!])[0], steps);
      case 'histogram_fraction':
        return {
          kind: 'histogram-fraction',
          lower: this.scalar(args[0]!, steps),
          upper: this.scalar(args[1]!, steps),
          input: this.#telling(false, () => this.vector(args[2]!, steps)),
          span: unwrap(args[2]!).span,
          steps,
        };
      case 'info':
        return this.#info(call, steps);
      case 'timestamp': {
        const inner = unwrap(args[0]!);
        if (inner.kind === 'vector-selector') {
          return planTimestamp(inner, steps, 'timestamp', this.#reading);
        }
        break;
      }
      case 'start_timestamp': {
        const inner = unwrap(args[0]!);
        if (inner.kind !== 'vector-selector' || !this.#settings.startTimestamps) break;
        const reading = { ...this.#reading, startTimes: true };
        return planTimestamp(inner, steps, 'start-timestamp', reading);
      }
      default:
        break;
    }
    if (name.startsWith('sort')) return this.#sort(call, steps);
    if (args.length === 0 && name in DATE_FUNCTIONS) {
      const input: VectorNode = { kind: 'from-scalar', input: { kind: 'time', steps }, steps };
      return { kind: 'map', name, input, params: [], steps };
    }
    const params = args.slice(1).map((arg) => this.scalar(arg, steps));
    return { kind: 'map', name, input: this.vector(args[0]!, steps), params, steps };
  }

  #info({ args }: Call, steps: Steps): VectorNode {
    const { selector, ...labels } = infoSelector(args[0]!, args[1]);
    const infos = planSelect(selector, steps, 'timestamp', this.#reading);
    return { kind: 'info', input: this.vector(args[0]!, steps), infos, ...labels, steps };
  }

  #quantiles(
    vector: Expr,
    quantiles: readonly Expr[],
    label: string | undefined,
    steps: Steps,
  ): VectorNode {
    return {
      kind: 'histogram-quantile',
      quantiles: quantiles.map((arg) => ({
        node: this.scalar(arg, steps),
        span: unwrap(arg).span,
      })),
      label,
      input: this.#telling(false, () => this.vector(vector, steps)),
      span: unwrap(vector).span,
      steps,
    };
  }

  #sort({ name, args, span }: Call, steps: Steps): VectorNode {
    const input = this.vector(args[0]!, steps);
    const { startMs, endMs, stepMs } = this.#settings;
    // A range of one step is one all the same if it ends later than it starts.
    const isOneStep = endMs > startMs && endMs - startMs < stepMs && steps.startMs === startMs;
    const inRange = steps.count > 1 || isOneStep;
    return { kind: 'sort', name, input, labels: texts(args.slice(1)), inRange, span, steps };
  }

  #window({ name, args }: Call, rangeAt: number, steps: Steps): VectorNode {
    const range = unwrap(args[rangeAt]!);
    const others = args.filter((_, index) => index !== rangeAt);
    const startTimes = this.#settings.startTimestamps && usesStartTimes(name, range);
    const window: WindowNode = {
      kind: 'window',
      name,
      ...this.samples(range, steps, startTimes),
      params: others.map((arg) => this.scalar(arg, steps)),
      keepName: KEEPS_NAME.has(name),
      extension: extensionOf(range, name),
      lookbackMs: this.#settings.lookbackMs,
      span: rangeAt === 0 ? spanOfRange(range) : unwrap(args[0]!).span,
      paramSpan: others[0] && unwrap(others[0]).span,
      steps,
    };
    if (name !== 'absent_over_time') return window;
    const matchers = range.kind === 'matrix-selector' ? range.selector.matchers : [];
    return { kind: 'absent', input: window, matchers, steps };
  }
}

/** Prometheus notes what it has to say of a subquery at the start of the query. */
function spanOfRange(range: Expr): Span {
  return range.kind === 'subquery' ? { ...range.span, start: 0 } : range.span;
}

function texts(args: readonly Expr[]): string[] {
  return args.map((arg) => {
    const inner = unwrap(arg);
    return inner.kind === 'string' ? inner.value : '';
  });
}

function selectorMatchers(expr: Expr) {
  const inner = unwrap(expr);
  return inner.kind === 'vector-selector' ? inner.matchers : [];
}
