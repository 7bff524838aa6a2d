// What queries have found out about the labels of numbered series, so that the next one need not look at them:
// most of what an instant query over thousands of series reads would be labels. Whoever numbers the series keeps it,
// and forgets all when a number goes to another series.
import { grown } from '@weir/bytes';

/** Groupings that are remembered, four bytes a series each; dashboards use few. */
const GROUPINGS_MAX = 4;

export class SeriesMemo {
  #prints = new Uint32Array(0);
  /** By grouping, least recently used first: of each series, a series of the same group, + 1; 0 is unknown. */
  readonly #leaders = new Map<string, SeriesLeaders>();

  /** Two words of hash by number, zeros where unknown, for numbers up to `number` at least. */
  prints(number: number): Uint32Array {
    const wanted = 2 * number + 2;
    if (wanted > this.#prints.length) this.#prints = grown(this.#prints, roomFor(wanted));
    return this.#prints;
  }

  /** What is known of a grouping, by a name that tells it from others. */
  leaders(grouping: string): SeriesLeaders {
    const known = this.#leaders.get(grouping) ?? new SeriesLeaders();
    this.#leaders.delete(grouping);
    this.#leaders.set(grouping, known);
    if (this.#leaders.size > GROUPINGS_MAX) {
      const [oldest] = this.#leaders.keys();
      this.#leaders.delete(oldest!);
    }
    return known;
  }

  forget(): void {
    this.#prints = new Uint32Array(0);
    this.#leaders.clear();
  }
}

/** Series of one group name the same leader, mostly: two leaders may have equal groups. */
export class SeriesLeaders {
  #leaders = new Int32Array(0);

  /** A series of the same group; -1 where none is known. */
  of(number: number): number {
    return number < this.#leaders.length ? this.#leaders[number]! - 1 : -1;
  }

  set(number: number, leader: number): void {
    if (number >= this.#leaders.length) {
      this.#leaders = grown(this.#leaders, roomFor(number + 1));
    }
    this.#leaders[number] = leader + 1;
  }
}

/** At least 1024, and half as many again. */
function roomFor(count: number): number {
  return Math.max(1024, count + (count >>> 1));
}
