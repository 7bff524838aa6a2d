// What is read for a selector: at which times, how far back, and how much of each series.
import { createMatcher, type MatcherSpec } from '@weir/model';
import { executionError } from '../evaluate/errors.ts';
import { EXTENDED_FUNCTIONS } from '../functions/extended.ts';
import type { Expr, Extension, MatrixSelector, Modifiers, VectorSelector } from '../parse/ast.ts';
import { infoTimes } from './info-times.ts';
import type { SampleNode, SelectNode, SelectorRead, Steps } from './nodes.ts';

export interface PlanSettings {
  readonly lookbackMs: number;
  readonly defaultSubqueryStepMs: number;
  readonly maxSamples: number;
  /** Of the whole query, for `@ start()` and `@ end()`. */
  readonly startMs: number;
  readonly endMs: number;
  /** Of the whole query; 0 of an instant one. */
  readonly stepMs: number;
  /** Start timestamps of samples count. */
  readonly startTimestamps: boolean;
}

/** Samples of ranges: where from, at which times, how long. */
export interface Samples {
  readonly source: SampleNode;
  readonly times: Steps;
  readonly rangeMs: number;
  readonly extension?: Extension | undefined;
}

export interface ReadContext {
  readonly settings: PlanSettings;
  /** See SelectorRead. */
  readonly tellsResets: boolean;
  readonly startTimes: boolean;
}

/** The steps as `@` and offset move them; pinned, all are one time. */
export function timesOf(
  { at, offsetMs = 0 }: Modifiers,
  steps: Steps,
  { startMs, endMs }: PlanSettings,
): Steps {
  if (at === undefined) return { ...steps, startMs: steps.startMs - offsetMs };
  const fixed = at === 'start' ? startMs : at === 'end' ? endMs : at;
  return { startMs: fixed - offsetMs, stepMs: 0, count: steps.count };
}

function readOf(
  { matchers, span }: VectorSelector,
  times: Steps,
  beforeMs: number,
  { tellsResets, startTimes }: ReadContext,
): SelectorRead {
  return {
    matchers: matchers.map(createMatcher),
    minT: times.startMs - beforeMs + 1,
    maxT: times.startMs + (times.count - 1) * times.stepMs,
    newestOnly: false,
    tellsResets,
    startTimes,
    span,
  };
}

export function planRange(
  { selector, rangeMs }: MatrixSelector,
  steps: Steps,
  context: ReadContext,
): Samples {
  const { lookbackMs } = context.settings;
  const { extension } = selector;
  const times = timesOf(selector, steps, context.settings);
  const beforeMs = extension === undefined ? rangeMs : rangeMs + lookbackMs;
  const read = readOf(selector, times, beforeMs, context);
  const afterMs = extension === 'smoothed' ? lookbackMs : 0;
  const source: SampleNode = { kind: 'read', ...read, maxT: read.maxT + afterMs };
  return { source, times, rangeMs, extension };
}

export function planSelect(
  selector: VectorSelector,
  steps: Steps,
  result: 'value' | 'timestamp' | 'start-timestamp',
  context: ReadContext,
): SelectNode {
  const { lookbackMs } = context.settings;
  const times = timesOf(selector, steps, context.settings);
  const read = readOf(selector, times, lookbackMs, context);
  // Neither a selector's one sample is anchored, nor the time of what it found smoothed.
  if (selector.extension === 'smoothed' && result === 'value') {
    const wide = { ...read, maxT: read.maxT + lookbackMs };
    return { kind: 'select', read: wide, times, lookbackMs, result: 'smoothed', steps };
  }
  const newestOnly = times.count === 1 && !context.tellsResets;
  return { kind: 'select', read: { ...read, newestOnly }, times, lookbackMs, result, steps };
}

/**
 * The argument of timestamp() and its like. With `@` they look at that time whatever the offset, as Prometheus does,
 * which only bounds what is read by it.
 */
export function planTimestamp(
  selector: VectorSelector,
  steps: Steps,
  result: 'timestamp' | 'start-timestamp',
  context: ReadContext,
): SelectNode {
  const node = planSelect(selector, steps, result, context);
  const { at, offsetMs = 0 } = selector;
  if (at === undefined || offsetMs === 0) return node;
  const times = timesOf({ at, offsetMs: 0 }, steps, context.settings);
  const minT = Math.max(node.read.minT, times.startMs - node.lookbackMs + 1);
  const maxT = Math.min(node.read.maxT, times.startMs);
  if (minT <= maxT) return { ...node, times, read: { ...node.read, minT, maxT } };
  return { ...node, times, lookbackMs: 0 };
}

/** Whether a function of ranges looks at start timestamps. What extends a range leaves them to resets(). */
export function usesStartTimes(name: string, range: Expr): boolean {
  const extension = range.kind === 'matrix-selector' ? range.selector.extension : undefined;
  if (name === 'resets') return true;
  return extension === undefined && (name === 'rate' || name === 'irate' || name === 'increase');
}

/** How a function's range treats its ends; not all functions allow it. */
export function extensionOf(range: Expr, name: string): Extension | undefined {
  const extension = range.kind === 'matrix-selector' ? range.selector.extension : undefined;
  if (extension === undefined) return undefined;
  const allowed = EXTENDED_FUNCTIONS[extension];
  if (!allowed.includes(name)) {
    const text = `${extension} modifier can only be used with: ${allowed.join(', ')}`;
    throw executionError(`${text} - not with ${name}`);
  }
  return extension;
}

const TARGET_INFO: MatcherSpec = { name: '__name__', op: '=', value: 'target_info' };

/** Matchers that only say what a name is not leave all that is called like an info metric. */
function infoNames(given: readonly MatcherSpec[]): readonly MatcherSpec[] {
  const isPositive = given.some(({ op }) => op === '=' || op === '=~');
  return isPositive ? given : [...given, { name: '__name__', op: '=~', value: '.+_info' }];
}

/** Which series info(base, labels) looks up, at the time of what they are added to. */
export function infoSelector(base: Expr, labels: Expr | undefined) {
  const given = labels?.kind === 'vector-selector' ? labels.matchers : [];
  const ofName = given.filter(({ name }) => name === '__name__');
  const names: readonly MatcherSpec[] = ofName.length > 0 ? infoNames(ofName) : [TARGET_INFO];
  const data = given.filter(({ name }) => name !== '__name__');
  const selector: VectorSelector = {
    kind: 'vector-selector',
    name: '',
    matchers: [...names, ...data],
    ...infoTimes(base),
    span: base.span,
  };
  const optional = data.every((spec) => createMatcher(spec).matches(''));
  return { selector, names: names.map(createMatcher), data, optional };
}
