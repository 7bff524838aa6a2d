// info(): adds to each series the data labels of the info series with the same `instance` and `job`
// (documentation of info(): experimental). Of several versions of an info series the newest sample counts.
import {
  type LabelBytes,
  LabelReader,
  labelValue,
  type Matcher,
  type MatcherSpec,
  printLabels,
} from '@weir/model';
import { setValue, valueAt } from './binary-histograms.ts';
import type { Context } from './context.ts';
import { executionError } from './errors.ts';
import { LabelProjection, LabelTable, withLabels } from './label-sets.ts';
import { ABSENT, forEachRow, MergedRows, Row, RowSet, type RowStream, streamOf } from './rows.ts';

const IDENTIFYING = ['instance', 'job'];
const NOT_DATA: ReadonlySet<string> = new Set(['__name__', ...IDENTIFYING]);

export interface InfoLabels {
  /** What an info metric is called. */
  readonly names: readonly Matcher[];
  /** Which labels are added, and with which values; none: all. */
  readonly data: readonly MatcherSpec[];
  /** Whether all of `data` match a label that isn't there. */
  readonly optional: boolean;
}

/** Versions of one info series: its rows hold the times of its samples, in seconds. */
interface InfoSeries {
  readonly versions: Row[];
}

/** `infos` are rows of sample times. */
export async function addInfo(
  base: RowStream,
  infos: RowStream,
  labels: InfoLabels,
  context: Context,
): Promise<RowStream> {
  const identity = new LabelProjection(IDENTIFYING, 'keep');
  const groups = new LabelTable();
  const byGroup: InfoSeries[][] = [];
  await gather(infos, identity, groups, byGroup, context);
  const merged = new MergedRows(context);
  const count = base.row.v.length;
  await forEachRow(base, context, (row) => {
    if (isInfo(row.labels, labels.names)) {
      merged.add(row);
      return;
    }
    const series = byGroup[groups.find(identity.project(row.labels))] ?? [];
    for (const out of enriched(row, series, labels)) merged.add(out);
  });
  return streamOf(merged.rows, count);
}

/** By identifying labels: the info series, by name. */
async function gather(
  infos: RowStream,
  identity: LabelProjection,
  groups: LabelTable,
  byGroup: InfoSeries[][],
  context: Context,
): Promise<void> {
  const named = new LabelProjection(['__name__', ...IDENTIFYING], 'keep');
  const names = new LabelTable();
  const byName: InfoSeries[] = [];
  const kept = new RowSet(context);
  await forEachRow(infos, context, (row) => {
    const copy = kept.add(row);
    const name = names.add(named.project(row.labels));
    if (byName[name] === undefined) {
      byName[name] = { versions: [] };
      const group = groups.add(identity.project(row.labels));
      byGroup[group] ??= [];
      byGroup[group].push(byName[name]);
    }
    byName[name].versions.push(copy);
  });
}

function isInfo(labels: LabelBytes, names: readonly Matcher[]): boolean {
  const name = labelValue(labels, '__name__') ?? '';
  return name !== '' && names.every((matcher) => matcher.matches(name));
}

/** One row per set of labels that the series has over the steps. */
function enriched(row: Row, series: readonly InfoSeries[], labels: InfoLabels): Row[] {
  const out = new Map<string, Row>();
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === ABSENT) continue;
    const found = series.flatMap((info) => newest(info, step) ?? []);
    const key = found.map((info) => printLabels(info.labels)).join();
    let into = out.get(key);
    if (into === undefined) {
      const { changes, any } = dataLabels(row.labels, found, labels);
      if (!any && !labels.optional) continue;
      into = new Row(row.p.length);
      into.labels = changes.size === 0 ? row.labels.slice() : withLabels(row.labels, changes);
      into.dropName = row.dropName;
      out.set(key, into);
    }
    setValue(into, step, valueAt(row, step));
  }
  return [...out.values()];
}

function newest({ versions }: InfoSeries, step: number): Row | undefined {
  let found: Row | undefined;
  for (const row of versions) {
    if (row.p[step] === ABSENT) continue;
    if (found !== undefined && row.v[step] === found.v[step]) {
      const times = `@ ${found.v[step]! * 1000}, new ${printLabels(row.labels)} @ ${row.v[step]! * 1000}`;
      throw executionError(
        `found duplicate series for info metric: existing ${printLabels(found.labels)} ${times}`,
      );
    }
    if (found === undefined || row.v[step]! > found.v[step]!) found = row;
  }
  return found;
}

/** Labels that the base series lacks, and whether there were any; two infos that differ in one are an error. */
function dataLabels(
  base: LabelBytes,
  infos: readonly Row[],
  { data }: InfoLabels,
): { readonly changes: Map<string, string>; readonly any: boolean } {
  const wanted = new Set(data.map(({ name }) => name));
  const added = new Map<string, string>();
  for (const info of infos) {
    const reader = new LabelReader().reset(info.labels);
    while (reader.next()) {
      const name = reader.nameText();
      if (NOT_DATA.has(name) || (wanted.size > 0 && !wanted.has(name))) continue;
      const value = reader.valueText();
      const known = added.get(name);
      if (known !== undefined && known !== value)
        throw executionError(`conflicting label: ${name}`);
      added.set(name, value);
    }
  }
  const any = added.size > 0;
  for (const name of [...added.keys()]) {
    if (labelValue(base, name) !== undefined) added.delete(name);
  }
  return { changes: added, any };
}
