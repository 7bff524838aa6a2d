// How many series were last active in each of the recent minutes (or how many buckets they have), as a
// ring. What is older than the ring is not counted anywhere, so nothing has to be swept when a series turns idle.

export class MinuteCounts {
  readonly #counts: Float64Array;
  readonly #mask: number;
  /** The newest minute of the ring. */
  #newest: number;

  constructor(minutes: number, newest: number) {
    let size = 4;
    while (size < minutes) size *= 2;
    this.#counts = new Float64Array(size);
    this.#mask = size - 1;
    this.#newest = newest;
  }

  /** Adds `change` to a minute, which is at most `newest`, the clock's. */
  add(minute: number, newest: number, change: number): void {
    if (newest > this.#newest) this.#advance(newest);
    if (minute > this.#newest - this.#counts.length) this.#counts[minute & this.#mask] += change;
  }

  #advance(newest: number): void {
    const from = Math.max(this.#newest + 1, newest - this.#counts.length + 1);
    for (let minute = from; minute <= newest; minute++) this.#counts[minute & this.#mask] = 0;
    this.#newest = newest;
  }

  /** Sum over the minutes from `oldest` on. */
  since(oldest: number): number {
    let sum = 0;
    const from = Math.max(oldest, this.#newest - this.#counts.length + 1);
    for (let minute = from; minute <= this.#newest; minute++) {
      sum += this.#counts[minute & this.#mask];
    }
    return sum;
  }
}
