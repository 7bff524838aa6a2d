// Answers which exemplars series have: each series' labels are held against the matchers, as an exemplar may
// outlive its series in the head.
import { compareLabels, labelValue } from '@weir/model';
import type { ExemplarSelect, HeadExemplars } from '../head.ts';
import type { HeadState } from '../state.ts';

/** Each series once, in label order, its exemplars ascending by time. */
export function exemplars(state: HeadState, select: ExemplarSelect): HeadExemplars[] {
  const tenant = state.tenantsByName.get(select.tenant);
  if (!tenant) return [];
  const isWanted = (labels: Uint8Array) =>
    select.matcherSets.some((matchers) =>
      matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
    );
  const found = tenant.exemplars.read(isWanted, select.minT, select.maxT);
  return [...found]
    .map(([{ labels }, all]) => ({
      labels,
      exemplars: all.map((one) => ({ labels: one.labels, value: one.value, t: one.t })),
    }))
    .sort((a, b) => compareLabels(a.labels, b.labels));
}
