// Which group of an aggregation a row belongs to. Labels are looked at once: of a series of the storage the next query
// knows, by its number, another one of the same group (SeriesMemo), and needs no label but one set a group.
import { type LabelBytes, SeriesLeaders, type SeriesMemo } from '@weir/model';
import type { AggregateNode } from '../plan/nodes.ts';
import { LabelProjection, LabelTable } from './label-sets.ts';
import type { Row } from './rows.ts';

/** Group labels of a series; `without` never keeps the metric name. */
export function groupProjection(node: Grouping): LabelProjection {
  if (!node.without) return new LabelProjection(node.grouping, 'keep');
  return new LabelProjection([...node.grouping, '__name__'], 'drop');
}

type Grouping = Pick<AggregateNode, 'without' | 'grouping'>;

/** Groups by consecutive numbers from 0, in order of first sight. */
export class GroupNumbers {
  readonly #projection: LabelProjection;
  readonly #table = new LabelTable();
  readonly #name: string;
  #memo: SeriesMemo | undefined;
  #leaders = new SeriesLeaders();
  /** Of series of the memo: groups by leaders, and the other way round. */
  readonly #groups = new Map<number, number>();
  readonly #leaderOf: number[] = [];

  constructor(node: Grouping) {
    this.#projection = groupProjection(node);
    this.#name = JSON.stringify([node.without, node.grouping]);
  }

  of({ labels, origin, originLabels }: Row): number {
    const memo = origin?.memo;
    const series = origin?.number;
    if (memo === undefined || series === undefined || labels !== originLabels) {
      return this.#add(labels);
    }
    if (memo !== this.#memo) this.#begin(memo);
    const leader = this.#leaders.of(series);
    const known = leader < 0 ? undefined : this.#groups.get(leader);
    return known ?? this.#find(labels, series, leader);
  }

  /** Apart, so that of() stays small and is of one kind from the second query on. */
  #find(labels: LabelBytes, series: number, leader: number): number {
    const group = this.#add(labels);
    const first = this.#leaderOf[group] ?? (leader < 0 ? series : leader);
    this.#leaderOf[group] = first;
    if (leader < 0) this.#leaders.set(series, first);
    this.#groups.set(leader < 0 ? first : leader, group);
    return group;
  }

  labelsOf(group: number): LabelBytes {
    return this.#table.keys[group]!;
  }

  #add(labels: LabelBytes): number {
    return this.#table.add(this.#projection.project(labels));
  }

  #begin(memo: SeriesMemo): void {
    this.#memo = memo;
    this.#leaders = memo.leaders(this.#name);
    this.#groups.clear();
    this.#leaderOf.length = 0;
  }
}
