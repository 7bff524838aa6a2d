// Scalar arguments of range-vector functions: those out of range are noted, or refused, where there is
// anything to apply them to.
import type { Windows } from '../functions/window.ts';
import { formatShortest } from '../parse/literals.ts';
import type { WindowNode } from '../plan/nodes.ts';
import type { Context } from './context.ts';
import { executionError } from './errors.ts';

/** Looks at the arguments where a series has samples in the window; undefined where all are in order. */
export type ParamCheck = ((windows: Windows, hasHistograms: boolean) => void) | undefined;

export function windowParamCheck(
  { name, paramSpan, span }: WindowNode,
  params: readonly Float64Array[],
  { annotations }: Context,
): ParamCheck {
  if (name === 'quantile_over_time' && !params[0]!.every((q) => q >= 0 && q <= 1)) {
    return ({ from, to }) => {
      for (const [step, q] of params[0]!.entries()) {
        if (from[step] === to[step] || (q >= 0 && q <= 1)) continue;
        const text = `quantile value should be between 0 and 1, got ${formatShortest(q)}`;
        annotations.warn(text, paramSpan!, span);
      }
    };
  }
  if (name === 'double_exponential_smoothing' && params.some((all) => all.some(isNoFactor))) {
    return ({ from, to, histograms }, hasHistograms) => {
      for (let step = 0; step < from.length; step++) {
        const isEmpty = hasHistograms && histograms.from[step] === histograms.to[step];
        if (from[step] === to[step] && (!hasHistograms || isEmpty)) continue;
        checkFactor(params[0]![step]!, 'smoothing', 'sf');
        checkFactor(params[1]![step]!, 'trend', 'tf');
      }
    };
  }
  return undefined;
}

/** Factors lie between 0 and 1; NaN passes, as in Prometheus. */
const isNoFactor = (factor: number) => factor <= 0 || factor >= 1;

function checkFactor(factor: number, what: string, short: string): void {
  if (!isNoFactor(factor)) return;
  const expected = `Expected: 0 < ${short} < 1, got: ${factor.toFixed(6)}`;
  throw executionError(`invalid ${what} factor. ${expected}`);
}
