// Rows of small scans that were read and checked lately, until the store is written to: a dashboard asks for the same ones again and
// again between two checkpoints, and to read, copy and check a row costs more than what a query does with it.
//
// A scan that began before a write has ended may have seen the rows of before: it is not kept.

const SCAN_BYTES_MAX = 1024 * 1024;
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
/** Of a row beside its bytes: two views with memory of their own. */
const ROW_BYTES = 400;

type Rows = readonly [Uint8Array, Uint8Array][];

interface KeptScan {
  readonly batches: readonly Rows[];
  readonly sizeBytes: number;
}

/** What is read of a scan, as long as it may be kept. */
export class ScanRecord {
  readonly batches: Rows[] = [];
  sizeBytes = 0;
  readonly version: number;

  constructor(version: number) {
    this.version = version;
  }

  add(rows: Rows): void {
    if (this.sizeBytes > SCAN_BYTES_MAX) return;
    for (const [key, value] of rows) this.sizeBytes += key.length + value.length + ROW_BYTES;
    if (this.sizeBytes > SCAN_BYTES_MAX) this.batches.length = 0;
    else this.batches.push(rows);
  }
}

export class KeptScans {
  /** By range, the one used last behind the others. */
  readonly #scans = new Map<string, KeptScan>();
  #sizeBytes = 0;
  #version = 0;

  /** To be called when a write begins and when it has ended. */
  changed(): void {
    this.#version++;
    this.#scans.clear();
    this.#sizeBytes = 0;
  }

  /** The rows of a range, where they are kept. */
  find(range: string): readonly Rows[] | undefined {
    const found = this.#scans.get(range);
    if (found === undefined) return undefined;
    this.#scans.delete(range);
    this.#scans.set(range, found);
    return found.batches;
  }

  /** To be called before the scan begins. */
  begin(): ScanRecord {
    return new ScanRecord(this.#version);
  }

  /** Keeps a scan that was read to its end. */
  keep(range: string, { batches, sizeBytes, version }: ScanRecord): void {
    if (version !== this.#version || sizeBytes > SCAN_BYTES_MAX || this.#scans.has(range)) return;
    this.#scans.set(range, { batches, sizeBytes });
    this.#sizeBytes += sizeBytes;
    for (const [oldest, scan] of this.#scans) {
      if (this.#sizeBytes <= KEPT_BYTES_MAX) return;
      this.#scans.delete(oldest);
      this.#sizeBytes -= scan.sizeBytes;
    }
  }
}

export function rangeName(from: Uint8Array, to: Uint8Array): string {
  return `${Buffer.from(from).toString('hex')}-${Buffer.from(to).toString('hex')}`;
}
