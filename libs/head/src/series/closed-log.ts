// Chunks that are closed but not yet in the store. Two logs take turns: a checkpoint freezes the one in
// use, writes it to the store, and empties it at its commit, while new chunks go to the other one.
// Each series links its entries, newest first. An address is (index of the entry's first int × 2 + log)
// + 1; 0 is none. Entries are immutable but for their link.

const SLAB_INTS = 1 << 16;
const SLAB_BITS = 16;
const HEADER_INTS = 7;
const NEXT = 0;
const PAGE_SLOT = 1;
const WINDOW = 2;
const GENERATION = 3;
const MIN = 4;
const MAX = 5;
const SIZE = 6;
const SIZE_BITS = 24;
const SIZE_MASK = (1 << SIZE_BITS) - 1;
const OUT_OF_ORDER = 1 << 30;

/** One entry as readers see it; the object is reused. */
export interface ClosedEntry {
  next: number;
  pageSlot: number;
  window: number;
  generation: number;
  /** Milliseconds from the window's start. */
  minRel: number;
  maxRel: number;
  outOfOrder: boolean;
  /** Of the chunk, as @weir/tsdb/chunk numbers them. */
  encoding: number;
  /** A view of the chunk's bytes. */
  bytes: Uint8Array;
}

interface Log {
  slabs: Int32Array[];
  used: number[];
  entries: number;
}

export class ClosedLog {
  readonly #logs: [Log, Log] = [emptyLog(), emptyLog()];
  #current = 0;
  readonly #entry: ClosedEntry = {
    next: 0,
    pageSlot: 0,
    window: 0,
    generation: 0,
    minRel: 0,
    maxRel: 0,
    outOfOrder: false,
    encoding: 0,
    bytes: new Uint8Array(0),
  };

  /** What no checkpoint holds, nor the one that runs. */
  get currentBytes(): number {
    return this.#logs[this.#current].slabs.length * SLAB_INTS * 4;
  }

  get sizeBytes(): number {
    return (this.#logs[0].slabs.length + this.#logs[1].slabs.length) * SLAB_INTS * 4;
  }

  /** Adds a chunk whose bytes stand in words[0…] in memory order, and returns its address. */
  append(entry: Omit<ClosedEntry, 'bytes'>, words: Int32Array, sizeBytes: number): number {
    const log = this.#logs[this.#current];
    const wordCount = (sizeBytes + 3) >>> 2;
    const size = HEADER_INTS + wordCount;
    let slabIndex = log.slabs.length - 1;
    if (slabIndex < 0 || log.used[slabIndex] + size > SLAB_INTS) {
      // A chunk of a large histogram gets a slab of its own.
      log.slabs.push(new Int32Array(Math.max(SLAB_INTS, size)));
      log.used.push(0);
      slabIndex++;
    }
    const slab = log.slabs[slabIndex];
    const at = log.used[slabIndex];
    slab[at + NEXT] = entry.next;
    slab[at + PAGE_SLOT] = entry.pageSlot;
    slab[at + WINDOW] = entry.window;
    slab[at + GENERATION] = entry.generation;
    slab[at + MIN] = entry.minRel;
    slab[at + MAX] = entry.maxRel;
    slab[at + SIZE] =
      sizeBytes | (entry.encoding << SIZE_BITS) | (entry.outOfOrder ? OUT_OF_ORDER : 0);
    for (let index = 0; index < wordCount; index++) slab[at + HEADER_INTS + index] = words[index];
    log.used[slabIndex] += size;
    log.entries++;
    return ((((slabIndex << SLAB_BITS) | at) << 1) | this.#current) + 1;
  }

  /** Page × 64 + slot of the series of an entry. */
  pageSlot(address: number): number {
    return this.#field(address, PAGE_SLOT);
  }

  /** Bytes of the chunk of an entry. */
  chunkSize(address: number): number {
    return this.#field(address, SIZE) & SIZE_MASK;
  }

  #field(address: number, field: number): number {
    const index = (address - 1) >>> 1;
    const slab = this.#logs[(address - 1) & 1].slabs[index >>> SLAB_BITS];
    return slab[(index & (SLAB_INTS - 1)) + field];
  }

  /** The entry at an address; valid until the next call. */
  read(address: number): ClosedEntry {
    const index = (address - 1) >>> 1;
    const slab = this.#logs[(address - 1) & 1].slabs[index >>> SLAB_BITS];
    const at = index & (SLAB_INTS - 1);
    const entry = this.#entry;
    entry.next = slab[at + NEXT];
    entry.pageSlot = slab[at + PAGE_SLOT];
    entry.window = slab[at + WINDOW];
    entry.generation = slab[at + GENERATION];
    entry.minRel = slab[at + MIN];
    entry.maxRel = slab[at + MAX];
    entry.outOfOrder = (slab[at + SIZE] & OUT_OF_ORDER) !== 0;
    entry.encoding = (slab[at + SIZE] >>> SIZE_BITS) & 7;
    const from = (at + HEADER_INTS) * 4;
    entry.bytes = new Uint8Array(slab.buffer, from, slab[at + SIZE] & SIZE_MASK);
    return entry;
  }

  /** Freezes the log in use and returns the addresses of its entries, oldest first. */
  freeze(): Int32Array {
    const frozen = this.#current;
    this.#current = 1 - frozen;
    return this.#addresses(frozen);
  }

  /** Whether an address lies in the frozen log. */
  isFrozen(address: number): boolean {
    return address !== 0 && ((address - 1) & 1) !== this.#current;
  }

  /** Forgets the frozen log; the caller has cleared the series' links to it. */
  releaseFrozen(): void {
    for (const address of this.#addresses(this.#current)) {
      const index = (address - 1) >>> 1;
      const slab = this.#logs[this.#current].slabs[index >>> SLAB_BITS];
      const at = (index & (SLAB_INTS - 1)) + NEXT;
      if (this.isFrozen(slab[at])) slab[at] = 0;
    }
    this.#logs[1 - this.#current] = emptyLog();
  }

  /**
   * After a checkpoint that failed: moves the newer entries behind the frozen ones and makes that log
   * the current one again. Returns the new address of each moved entry.
   */
  thaw(): Map<number, number> {
    const newer = this.#current;
    const addresses = this.#addresses(newer);
    const moved = new Map<number, number>();
    const log = this.#logs[newer];
    this.#current = 1 - newer;
    for (const address of addresses) {
      const { bytes, ...entry } = this.read(address);
      const words = new Int32Array((bytes.length + 3) >>> 2);
      new Uint8Array(words.buffer).set(bytes);
      const next = moved.get(entry.next) ?? entry.next;
      moved.set(address, this.append({ ...entry, next }, words, bytes.length));
    }
    log.slabs = [];
    log.used = [];
    log.entries = 0;
    return moved;
  }

  #addresses(which: number): Int32Array {
    const log = this.#logs[which];
    const addresses = new Int32Array(log.entries);
    let count = 0;
    for (const [slabIndex, slab] of log.slabs.entries()) {
      for (let at = 0; at < log.used[slabIndex]; ) {
        addresses[count++] = ((((slabIndex << SLAB_BITS) | at) << 1) | which) + 1;
        at += HEADER_INTS + (((slab[at + SIZE] & SIZE_MASK) + 3) >>> 2);
      }
    }
    return addresses;
  }
}

function emptyLog(): Log {
  return { slabs: [], used: [], entries: 0 };
}
