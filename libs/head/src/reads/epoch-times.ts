// Which checkpoints can have written chunks of a time range. A chunk that is in the store after a
// checkpoint is not newer than the tenant's event time at its commit, so a read that begins after that
// time can leave out the rows of this and of all earlier checkpoints. Only checkpoints of this process
// are known; of those before nothing is left out.

interface Committed {
  readonly epoch: number;
  /** The tenant's event time then, ms. */
  readonly eventTime: number;
}

/** Reads that reach back further than this many checkpoints look at all rows. */
const KEPT_MAX = 64;

export class EpochTimes {
  readonly #byTenant = new Map<number, Committed[]>();

  /** To be called at each commit; event times never go back. */
  committed(tenant: number, epoch: number, eventTime: number): void {
    const known = this.#byTenant.get(tenant);
    if (!known) {
      this.#byTenant.set(tenant, [{ epoch, eventTime }]);
      return;
    }
    // An idle tenant's checkpoints change nothing: its list stays as it is.
    if (known[known.length - 1].eventTime === eventTime) return;
    known.push({ epoch, eventTime });
    if (known.length > KEPT_MAX) known.shift();
  }

  /** The first checkpoint whose rows may hold a sample of the tenant at minT or later; 0 when not known. */
  firstSince(tenant: number, minT: number): number {
    const known = this.#byTenant.get(tenant) ?? [];
    for (let at = known.length - 1; at >= 0; at--) {
      if (known[at].eventTime < minT) return known[at].epoch + 1;
    }
    return 0;
  }
}
