// Scalar arguments of range-vector functions: those out of range are noted, or refused.
import { formatNumber } from '../parse/literals.ts';
import type { WindowNode } from '../plan/nodes.ts';
import type { Context } from './context.ts';
import { executionError } from './errors.ts';

export function checkWindowParams(
  node: WindowNode,
  params: readonly Float64Array[],
  context: Context,
): void {
  if (node.name === 'quantile_over_time') checkQuantiles(params[0]!, node, context);
  if (node.name === 'double_exponential_smoothing') {
    checkFactors(params[0]!, 'smoothing', 'sf');
    checkFactors(params[1]!, 'trend', 'tf');
  }
}

function checkQuantiles(quantiles: Float64Array, node: WindowNode, context: Context): void {
  for (const q of quantiles) {
    if (q >= 0 && q <= 1) continue;
    const text = `quantile value should be between 0 and 1, got ${formatNumber(q)}`;
    context.annotations.warn(text, node.paramSpan!);
  }
}

/** Factors lie between 0 and 1; NaN passes, as in Prometheus. */
function checkFactors(factors: Float64Array, what: string, short: string): void {
  for (const factor of factors) {
    if (!(factor <= 0 || factor >= 1)) continue;
    const expected = `Expected: 0 < ${short} < 1, got: ${factor.toFixed(6)}`;
    throw executionError(`invalid ${what} factor. ${expected}`);
  }
}
