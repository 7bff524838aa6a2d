// The endpoint query_exemplars: the exemplars of all series that an expression selects, whatever it does
// with them.
import { WeirError } from '@weir/errors';
import { createMatcher } from '@weir/model';
import { parseExpr, selectorsOf } from '@weir/promql';
import type { ExemplarReader } from '@weir/query';
import type { EndpointAnswer, EndpointContext } from './endpoint.ts';
import { TIME_MAX_MS, TIME_MIN_MS } from './parameters.ts';

export async function answerExemplars(
  { params, signal }: EndpointContext,
  reader: ExemplarReader,
): Promise<EndpointAnswer> {
  const minT = params.time('start', TIME_MIN_MS);
  const maxT = params.time('end', TIME_MAX_MS);
  if (maxT < minT) {
    throw new WeirError('invalid', 'end timestamp must not be before start timestamp');
  }
  const selectors = selectorsOf(parseExpr(params.get('query')));
  if (selectors.length === 0) return { kind: 'nothing', warnings: [] };
  const matcherSets = selectors.map(({ matchers }) => matchers.map(createMatcher));
  const series = await reader.exemplars({ matcherSets, minT, maxT }, signal);
  return { kind: 'exemplars', series, warnings: [] };
}
