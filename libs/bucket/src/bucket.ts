// The port of object storage. Keys are `/`-separated without a leading slash; bodies are whole objects
// except where a range or a file is named. Writes are atomic: a reader sees the old object or the new.

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Opaque; equal for equal versions. */
  readonly etag: string;
}

export interface PutCondition {
  /** Replace only this version. */
  readonly ifMatch?: string;
  /** Create only: fails when the object exists. */
  readonly ifNoneMatch?: '*';
}

export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** With a delimiter: the common prefixes, each ending with it. */
  readonly prefixes: readonly string[];
}

export interface Bucket {
  /** Rejects with kind `not-found` when there is no such object. */
  get(key: string, signal?: AbortSignal): Promise<{ body: Uint8Array; etag: string }>;
  /** Exactly `length` bytes from `offset`; rejects with `invalid` when the object is shorter. */
  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  info(key: string): Promise<ObjectInfo | undefined>;
  /** Returns the new etag. A failed condition rejects with kind `fenced`. */
  put(key: string, body: Uint8Array, condition?: PutCondition): Promise<string>;
  /** Streams a local file into an object. */
  putFile(key: string, path: string): Promise<void>;
  /**
   * Streams what is not known in advance into an object, a few MiB in memory at most, whatever its
   * size; returns that size. When the body throws there is no object (or the old one stays).
   */
  putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<number>;
  /** All pages below a prefix, in key order; with '/' as delimiter only one level. */
  list(prefix: string, delimiter?: '/'): AsyncIterable<ListPage>;
  /** Deleting what is not there succeeds. */
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}
