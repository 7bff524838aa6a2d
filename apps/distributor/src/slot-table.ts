// From a series' hash to its partition in one array access. Each of 4,096 slots belongs to the active
// partition that wins its rendezvous, so that a change of one partition in n moves about 1/n of the
// slots. Not Mimir's ring: reads ask every partition, so the two need not agree.

const SLOT_BITS = 12;
const SLOTS = 1 << SLOT_BITS;

export class SlotTable {
  #active: readonly number[] = [];
  #slots = new Int32Array(SLOTS);

  /** Follows the active partitions; cheap when they haven't changed. */
  follow(active: readonly number[]): void {
    if (active === this.#active || sameNumbers(active, this.#active)) return;
    this.#active = [...active];
    for (let slot = 0; slot < SLOTS; slot++) this.#slots[slot] = winner(slot, active);
  }

  get isEmpty(): boolean {
    return this.#active.length === 0;
  }

  partitionOf(hash: number): number {
    return this.#slots[hash >>> (32 - SLOT_BITS)]!;
  }
}

function winner(slot: number, active: readonly number[]): number {
  let best = -1;
  let bestScore = -1;
  for (const partition of active) {
    const score = mix(Math.imul(slot + 1, 0x9e3779b1) ^ mix(partition + 1));
    if (score > bestScore || (score === bestScore && partition < best)) {
      best = partition;
      bestScore = score;
    }
  }
  return best;
}

/** The finalizer of MurmurHash3 (public domain, Austin Appleby), unsigned. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
