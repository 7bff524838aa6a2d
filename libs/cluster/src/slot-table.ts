// From a series' hash to its partition in one array access. Each slot belongs to the partition that wins its
// rendezvous among those that take part, so that a change of one in n moves about 1/n of the slots, and a
// table doesn't depend on how it came to be. Not Mimir's ring: reads ask every partition a tenant may have
// written, so the two need not agree.

import { assert } from '@weir/errors';

/** Spreads the numbers of slots over all bits. */
const SLOT_FACTOR = 0x9e3779b1;
const NOBODY = 0xffff;

export class SlotTable {
  readonly #shift: number;
  readonly #slots: Uint16Array;
  #partitions: readonly number[] = [];

  /** Slots are 2 to the power of `slotBits`, 1 to 20. */
  constructor(slotBits: number) {
    this.#shift = 32 - slotBits;
    this.#slots = new Uint16Array(2 ** slotBits).fill(NOBODY);
  }

  /** 256 slots a partition or more up to 256 partitions, so that the largest share is not far above the mean. */
  static slotBitsFor(partitions: number): number {
    return Math.min(16, Math.max(10, Math.ceil(Math.log2(partitions)) + 8));
  }

  get isEmpty(): boolean {
    return this.#partitions.length === 0;
  }

  get sizeBytes(): number {
    return this.#slots.byteLength;
  }

  /** The partition of a series, by the high bits of its hash (unsigned, 32 bits). */
  partitionOf(hash: number): number {
    return this.#slots[hash >>> this.#shift]!;
  }

  /** Follows the partitions that take part; costs one comparison when it is the array of last time. */
  follow(partitions: readonly number[]): void {
    if (partitions === this.#partitions) return;
    assert(
      partitions.every((partition) => partition < NOBODY),
      'partitions are numbered below 65,535',
    );
    const before = new Set(this.#partitions);
    const after = new Set(partitions);
    const added = challengersOf(partitions.filter((partition) => !before.has(partition)));
    this.#partitions = partitions;
    if (added.partitions.length === 0 && after.size === before.size) return;
    const all = challengersOf(partitions);
    const slots = this.#slots;
    for (let slot = 0; slot < slots.length; slot++) {
      const holder = slots[slot]!;
      slots[slot] = after.has(holder) ? winner(slot, holder, added) : winner(slot, NOBODY, all);
    }
  }
}

interface Challengers {
  readonly partitions: readonly number[];
  readonly hashes: Int32Array;
}

function challengersOf(partitions: readonly number[]): Challengers {
  return { partitions, hashes: Int32Array.from(partitions, (each) => mix(each + 1)) };
}

/** Of the holder of a slot and its challengers; of equal scores the lowest number's counts. */
function winner(slot: number, holder: number, { partitions, hashes }: Challengers): number {
  const seed = Math.imul(slot + 1, SLOT_FACTOR);
  let best = holder;
  let bestScore = holder === NOBODY ? -1 : rendezvousScore(seed, holder);
  for (let at = 0; at < hashes.length; at++) {
    const score = mix(seed ^ hashes[at]!);
    if (score < bestScore) continue;
    const partition = partitions[at]!;
    if (score === bestScore && partition > best) continue;
    best = partition;
    bestScore = score;
  }
  return best;
}

/** Of a partition for a seed: unsigned, 32 bits. */
export function rendezvousScore(seed: number, partition: number): number {
  return mix(seed ^ mix(partition + 1));
}

/** The finalizer of MurmurHash3 (public domain, Austin Appleby), unsigned. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
