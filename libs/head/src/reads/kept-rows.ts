// Rows of chunks that were read and checked lately, by page: a dashboard asks for the same series again and again, and
// to get a row from the store, copy it and check it costs more than what a query does with it. Rows are never
// changed, so a checkpoint makes nothing stale: what it added is read and put behind. Only where rows are
// deleted they must be forgotten, as a window's generations begin anew when all of it is gone.
import { ChunkEntry, eachChunkEntry } from '../store/rows.ts';

/** Rows of one page in one generation of a window, of checkpoints from one to another. */
export interface PagePlace {
  readonly tenant: number;
  readonly window: number;
  readonly generation: number;
  readonly metric: number;
  readonly page: number;
}

/** Of a page beside its rows' bytes: objects, memory of its own; and of a row. */
const PAGE_BYTES = 600;
const ROW_BYTES = 16;
/** A read keeps at most this part of all, so that a large one leaves something of the others'. */
const READ_PART = 0.75;

export class KeptPage {
  readonly place: PagePlace;
  /** All rows of these checkpoints are here; both inclusive. */
  readonly epochFrom: number;
  readonly epochTo: number;
  readonly sizeBytes: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Of each row. */
  readonly #epochs: readonly number[];
  readonly #ends: readonly number[];

  /** Copies the rows, which are ascending by epoch; they follow those of `before`, where that is given. */
  constructor(
    place: PagePlace,
    span: { readonly epochFrom: number; readonly epochTo: number },
    rows: readonly ReadRow[],
    before?: KeptPage,
  ) {
    this.place = place;
    this.epochFrom = before?.epochFrom ?? span.epochFrom;
    this.epochTo = span.epochTo;
    let at = before === undefined ? 0 : before.#bytes.length;
    let length = at;
    for (const { row } of rows) length += row.length;
    this.#bytes = new Uint8Array(length);
    if (before !== undefined) this.#bytes.set(before.#bytes);
    const epochs = before === undefined ? [] : [...before.#epochs];
    const ends = before === undefined ? [] : [...before.#ends];
    for (const { epoch, row } of rows) {
      this.#bytes.set(row, at);
      at += row.length;
      epochs.push(epoch);
      ends.push(at);
    }
    this.#view = new DataView(this.#bytes.buffer);
    this.#epochs = epochs;
    this.#ends = ends;
    this.sizeBytes = length + epochs.length * ROW_BYTES + PAGE_BYTES;
  }

  /** Calls `each` with the entries of checkpoints from one to another, both inclusive; `entry` is reused. */
  entries(
    epochFrom: number,
    epochTo: number,
    each: (epoch: number, entry: ChunkEntry) => void,
  ): void {
    const entry = new ChunkEntry();
    for (let row = 0, from = 0; row < this.#ends.length; row++) {
      const epoch = this.#epochs[row];
      const to = this.#ends[row];
      if (epoch >= epochFrom && epoch <= epochTo) {
        eachChunkEntry(this.#bytes, this.#view, from, to, entry, (one) => each(epoch, one));
      }
      from = to;
    }
  }
}

export interface ReadRow {
  readonly epoch: number;
  readonly row: Uint8Array;
}

export class KeptRows {
  /** By place, the one used last behind the others. */
  readonly #pages = new Map<string, KeptPage>();
  readonly #bytesMax: () => number;
  #sizeBytes = 0;

  /** `bytesMax` may change with the head. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What is kept of a page, if it reaches back to `epochFrom`. */
  find(place: PagePlace, epochFrom: number): KeptPage | undefined {
    const name = nameOf(place);
    const found = this.#pages.get(name);
    if (found === undefined || found.epochFrom > epochFrom) return undefined;
    this.#pages.delete(name);
    this.#pages.set(name, found);
    return found;
  }

  /** What is kept of a page, if its last checkpoint is this one. */
  endingAt(place: PagePlace, epochTo: number): KeptPage | undefined {
    const found = this.#pages.get(nameOf(place));
    return found?.epochTo === epochTo ? found : undefined;
  }

  /** For one read. */
  begin(): Keeping {
    return new Keeping(this, this.#bytesMax() * READ_PART);
  }

  /** To be called by Keeping. */
  keep(page: KeptPage): void {
    const name = nameOf(page.place);
    const known = this.#pages.get(name);
    if (known !== undefined) {
      // Another read has kept more meanwhile.
      if (known.epochFrom <= page.epochFrom && known.epochTo >= page.epochTo) return;
      this.#remove(name, known);
    }
    this.#pages.set(name, page);
    this.#sizeBytes += page.sizeBytes;
    const bytesMax = this.#bytesMax();
    for (const [oldest, other] of this.#pages) {
      if (this.#sizeBytes <= bytesMax) return;
      this.#remove(oldest, other);
    }
  }

  /** To be called when the rows of a window up to some generation are deleted. */
  forget(tenant: number, window: number, through: number): void {
    for (const [name, page] of this.#pages) {
      const { place } = page;
      if (place.tenant !== tenant || place.window !== window) continue;
      if (place.generation <= through) this.#remove(name, page);
    }
  }

  #remove(name: string, page: KeptPage): void {
    this.#pages.delete(name);
    this.#sizeBytes -= page.sizeBytes;
  }
}

/** What one read keeps. */
export class Keeping {
  readonly #kept: KeptRows;
  #left: number;

  constructor(kept: KeptRows, bytesMax: number) {
    this.#kept = kept;
    this.#left = bytesMax;
  }

  /** False once nothing more of this read is kept. */
  get isOpen(): boolean {
    return this.#left > 0;
  }

  keep(page: KeptPage): void {
    this.#left -= page.sizeBytes;
    if (this.#left > 0) this.#kept.keep(page);
  }
}

function nameOf({ tenant, window, generation, metric, page }: PagePlace): string {
  return `${tenant} ${window} ${generation} ${metric} ${page}`;
}
