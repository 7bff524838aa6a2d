// The ports through which block files are written and read. Nothing in tsdb does I/O: a directory, a
// bucket or a buffer stands behind these.

/** Where a block is written: files are named relative to the block (`index`, `chunks/000001`). */
export interface BlockSink {
  /** Appends to a file of the block, creating it first. The caller doesn't touch `bytes` until it resolves. */
  write(file: string, bytes: Uint8Array): Promise<void>;
}

/** Where a block is read from. */
export interface BlockSource {
  /** Up to so many bytes that nobody wants are cheaper to read than another call of read(). */
  readonly gapMaxBytes?: number;
  /** Bytes in the file; rejects with `not-found` when there is no such file. */
  size(file: string): Promise<number>;
  /** Exactly `length` bytes from `offset`. The result is never changed afterwards, on either side. */
  read(file: string, offset: number, length: number): Promise<Uint8Array>;
}
