// Which group of an aggregation a row belongs to. Labels are looked at once: of a series of the storage the next query
// knows, by its number, another one of the same group (SeriesMemo), and needs no label but one set a group.
import type { LabelBytes, SeriesLeaders, SeriesMemo } from '@weir/model';
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
  #leaders: SeriesLeaders | undefined;
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
    const leaders = this.#leaders!;
    const leader = leaders.of(series);
    if (leader !== undefined) {
      const known = this.#groups.get(leader);
      if (known !== undefined) return known;
    }
    const group = this.#add(labels);
    if (leader === undefined) {
      this.#leaderOf[group] ??= series;
      leaders.set(series, this.#leaderOf[group]);
      this.#groups.set(this.#leaderOf[group], group);
    } else {
      this.#leaderOf[group] ??= leader;
      this.#groups.set(leader, group);
    }
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
