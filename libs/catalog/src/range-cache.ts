// Ranges of immutable files that were read lately, bounded by bytes; the least recently used go first.

export class RangeCache {
  readonly #ranges = new Map<string, Uint8Array>();
  readonly #sizeMax: number;
  #sizeBytes = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(key: string): Uint8Array | undefined {
    const bytes = this.#ranges.get(key);
    if (bytes === undefined) return undefined;
    this.#ranges.delete(key);
    this.#ranges.set(key, bytes);
    return bytes;
  }

  /** A range larger than a sixteenth of the cache would push too much out, and isn't kept. */
  add(key: string, bytes: Uint8Array): void {
    if (bytes.length > this.#sizeMax / 16 || this.#ranges.has(key)) return;
    this.#ranges.set(key, bytes);
    this.#sizeBytes += bytes.length;
    for (const [oldest, old] of this.#ranges) {
      if (this.#sizeBytes <= this.#sizeMax) break;
      this.#ranges.delete(oldest);
      this.#sizeBytes -= old.length;
    }
  }
}
