// Cardinality of labels: values per name and series per value. Without a selector it comes from the
// posting lists' counts, which are kept as series come and go; with one, or for active series only, from
// the lists' overlap with the selected series.
import type { HeadCardinality, LabelCardinality, LabelCardinalityRequest } from '../head.ts';
import type { LabelIndex, NameIndex } from '../postings/label-index.ts';
import { selectRefs } from '../postings/select-refs.ts';
import type { HeadState } from '../state.ts';
import type { Tenant } from '../windows.ts';

/** Values, or refs looked through, after which a step ends: well below a millisecond. */
const STEP_VALUES = 2048;
const STEP_REFS = 65_536;

export function cardinality(state: HeadState, request: LabelCardinalityRequest): HeadCardinality {
  const tenant = state.tenantsByName.get(request.tenant);
  if (!tenant) return { series: 0, labels: [] };
  if (request.matchers.length === 0 && !request.activeOnly) {
    return { series: tenant.seriesCount, labels: labelSteps(state, tenant, request.names) };
  }
  const found = selectRefs(state.index, tenant.id, request.matchers);
  const refs = found.filter((ref) => state.store.labelsLength(ref) > 0);
  const selected = request.activeOnly ? state.activity.keepActive(tenant, refs) : refs;
  const isSelected = new Uint8Array((selected.at(-1) ?? -1) + 1);
  for (const ref of selected) isSelected[ref] = 1;
  return {
    series: selected.length,
    labels: labelSteps(state, tenant, request.names, isSelected),
  };
}

/** As a read, so that no ref becomes another series' between its steps. */
function* labelSteps(
  state: HeadState,
  tenant: Tenant,
  wanted: readonly string[] | undefined,
  isSelected?: Uint8Array,
): Generator<LabelCardinality> {
  const { names } = state.index.tenant(tenant.id);
  const read = state.reads.begin();
  try {
    for (const name of wanted ?? [...names.keys()]) {
      const entry = names.get(name);
      if (entry) yield* valueSteps(state.index, entry, isSelected);
    }
  } finally {
    state.reads.end(read);
  }
}

/** A name with many values comes in several steps; series may come and go between them. */
function* valueSteps(
  index: LabelIndex,
  entry: NameIndex,
  isSelected: Uint8Array | undefined,
): Generator<LabelCardinality> {
  const { name } = entry;
  const { lists } = index;
  let { pairs } = entry;
  for (let at = 0; at < pairs.length; ) {
    const all = index.values(entry);
    const values: string[] = [];
    const series: number[] = [];
    for (let looked = 0; at < pairs.length; at++) {
      if (values.length >= STEP_VALUES || looked >= STEP_REFS) break;
      const pair = pairs[at];
      looked += 1 + (isSelected ? lists.count(pair) : 0);
      const count = isSelected ? overlap(lists.read(pair), isSelected) : lists.count(pair);
      if (count === 0) continue;
      values.push(all[at]);
      series.push(count);
    }
    if (at === pairs.length && values.length === 0) return;
    yield { name, values, series };
    if (pairs !== entry.pairs) at = stillThere(pairs, at, entry.pairs);
    pairs = entry.pairs;
  }
}

/** How many of the first `count` pairs are left in `now`, which lost some of them. */
function stillThere(pairs: readonly number[], count: number, now: readonly number[]): number {
  let left = 0;
  for (let at = 0; at < count; at++) if (now[left] === pairs[at]) left++;
  return left;
}

function overlap(refs: Uint32Array, isSelected: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < refs.length; at++) if (isSelected[refs[at]] === 1) count++;
  return count;
}
