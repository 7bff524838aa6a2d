// A part of a plan that can be evaluated where its series lie: a selector, a function of it that looks at one
// series at a time, and at the top an aggregation whose groups can be put together. As plain data, so that it
// crosses threads and JSON. What it doesn't take is evaluated where the query is: parameters that change, names
// that may become equal when they are dropped, subqueries.
import { WeirError } from '@weir/errors';
import { createMatcher, type Matcher, type MatcherSpec } from '@weir/model';
import type { EngineSettings } from '../evaluate/settings.ts';
import { namesAreUnique } from '../evaluate/uniqueness.ts';
import { MATH_FUNCTIONS } from '../functions/elementwise.ts';
import { isTrim } from '../parse/ast.ts';
import type { AggregateNode, ScalarNode, SelectorRead, VectorNode } from '../plan/nodes.ts';
import type { PlanPart } from './plan-part.ts';

/** Aggregations of which each owner's groups are kept by steps, and merged: see merge-groups.ts. */
const FOLDED: readonly string[] = ['sum', 'avg', 'count', 'group', 'min', 'max'];
/** Those of which each owner's rows are reduced to what may be chosen; their parameter is a number. */
const RANKED: readonly string[] = ['topk', 'bottomk', 'limitk'];
/** A parameter beyond this is an error, which the query's own evaluation tells. */
const RANK_MAX = 1e9;
const KINDS: readonly string[] = ['select', 'window', 'map', 'vector-scalar', 'aggregate'];

/** The one selector of a node that can be evaluated elsewhere; undefined of any other node. */
export function pushedRead(node: VectorNode, settings: EngineSettings): SelectorRead | undefined {
  if (settings.delayedNameRemoval === true) return undefined;
  if (node.kind === 'aggregate') {
    return isFold(node) || isRanked(node) ? rowsRead(node.input) : undefined;
  }
  return rowsRead(node);
}

function rowsRead(node: VectorNode): SelectorRead | undefined {
  switch (node.kind) {
    case 'select':
      if (node.result === 'smoothed') return undefined;
      return node.result === 'value' || namesAreUnique(node) ? node.read : undefined;
    case 'window': {
      const { source, params, extension } = node;
      const isPlain = source.kind === 'read' && params.length === 0 && extension === undefined;
      return isPlain && namesAreUnique(node) ? source : undefined;
    }
    case 'map': {
      const isPlain = node.name in MATH_FUNCTIONS || node.name === 'negate';
      return isPlain && namesAreUnique(node) ? rowsRead(node.input) : undefined;
    }
    case 'vector-scalar': {
      const { scalar, op } = node;
      const isPlain = scalar.kind === 'number' && Number.isFinite(scalar.value) && !isTrim(op);
      return isPlain && namesAreUnique(node) ? rowsRead(node.vector) : undefined;
    }
    default:
      return undefined;
  }
}

export function partOf(node: VectorNode, settings: EngineSettings, prints: boolean): PlanPart {
  const { lookbackDeltaMs, maxSamples, memoryMaxBytes = 0 } = settings;
  const { defaultSubqueryStepMs, typeAndUnitLabels } = settings;
  const plain = { lookbackDeltaMs, maxSamples, memoryMaxBytes, defaultSubqueryStepMs };
  return {
    node: withMatchers(node, ({ name, op, value }) => ({ name, op, value })),
    settings: typeAndUnitLabels === undefined ? plain : { ...plain, typeAndUnitLabels },
    prints,
  };
}

/** Throws `invalid` where it is no part that partOf() makes. */
export function nodeOf({ node: data, settings }: PlanPart): VectorNode {
  checkKinds(data);
  const node = withMatchers(data as VectorNode, createMatcher);
  if (pushedRead(node, settings) === undefined) throw malformed();
  return node;
}

function checkKinds(data: unknown): void {
  if (typeof data !== 'object' || data === null) throw malformed();
  const { kind, input, vector, scalar, source, params, read, steps, times } = data as Record<
    string,
    unknown
  >;
  if (!KINDS.includes(kind as string)) throw malformed();
  checkTimes(steps);
  if (kind === 'map' || kind === 'aggregate') checkKinds(input);
  else if (kind === 'vector-scalar') {
    if (typeof (scalar as { value?: unknown } | undefined)?.value !== 'number') throw malformed();
    checkKinds(vector);
  } else {
    checkTimes(times);
    const of = (kind === 'select' ? read : source) as { matchers?: unknown } | undefined;
    if (!Array.isArray(of?.matchers)) throw malformed();
    if (kind === 'window' && !Array.isArray(params)) throw malformed();
  }
}

function checkTimes(times: unknown): void {
  const { startMs, stepMs, count } = (times ?? {}) as Record<string, unknown>;
  if (!Number.isFinite(startMs) || !Number.isFinite(stepMs) || !Number.isInteger(count)) {
    throw malformed();
  }
}

function malformed(): WeirError {
  return new WeirError('invalid', 'not a part of a plan that can be evaluated here');
}

/** Whether an answer to the part is made of series in label order; of folded groups any order will do. */
export function readsInOrder({ node }: PlanPart): boolean {
  const { kind, op } = (node ?? {}) as { kind?: unknown; op?: unknown };
  return kind !== 'aggregate' || RANKED.includes(op as string);
}

/** A copy whose selector has other matchers. */
function withMatchers(
  node: VectorNode,
  change: (matcher: MatcherSpec) => MatcherSpec | Matcher,
): VectorNode {
  const changed = <Read extends SelectorRead>(read: Read): Read => ({
    ...read,
    matchers: read.matchers.map(change) as Matcher[],
  });
  switch (node.kind) {
    case 'select':
      return { ...node, read: changed(node.read) };
    case 'window':
      return node.source.kind === 'read' ? { ...node, source: changed(node.source) } : node;
    case 'map':
    case 'aggregate':
      return { ...node, input: withMatchers(node.input, change) };
    case 'vector-scalar':
      return { ...node, vector: withMatchers(node.vector, change) };
    default:
      return node;
  }
}

export function isFold(node: VectorNode): node is AggregateNode & { readonly param: undefined } {
  return node.kind === 'aggregate' && FOLDED.includes(node.op) && node.param === undefined;
}

/** The parameter is a number that all steps have in common. */
export function isRanked(node: VectorNode): node is AggregateNode & { readonly param: ScalarNode } {
  if (node.kind !== 'aggregate' || !RANKED.includes(node.op)) return false;
  const k = node.param?.kind === 'number' ? node.param.value : 0;
  return k >= 1 && k <= RANK_MAX;
}
