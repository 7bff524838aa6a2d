// Counts what happened in a run, so that a run in which nothing happened is seen to be one.
export class Coverage {
  readonly counts = new Map<string, number>();

  note(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  add(other: ReadonlyMap<string, number> | Readonly<Record<string, number>>): void {
    const entries = other instanceof Map ? other : Object.entries(other);
    for (const [what, times] of entries) this.note(what, times);
  }

  sorted(): [string, number][] {
    return [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
