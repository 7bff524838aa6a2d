// Types of the part of `rocksdb` 5.2.1 (abstract-leveldown's interface) that the adapter uses.
declare module 'rocksdb' {
  export type Callback<T> = (error: Error | null | undefined, result: T) => void;

  export interface OpenOptions {
    createIfMissing?: boolean;
    compression?: boolean;
    cacheSize?: number;
    writeBufferSize?: number;
    blockSize?: number;
    maxOpenFiles?: number;
    infoLogLevel?: 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'header' | null;
  }

  export interface IteratorOptions {
    gte?: Buffer;
    lt?: Buffer;
    keyAsBuffer?: boolean;
    valueAsBuffer?: boolean;
    highWaterMark?: number;
    fillCache?: boolean;
  }

  export interface Iterator {
    /** What a call read beyond what it answered: pairs of value and key, the next one last. */
    readonly cache?: Buffer[] | null;
    next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void;
    end(callback: (error?: Error | null) => void): void;
  }

  /** What the public methods of a chained batch call, without their checks. */
  export interface ChainedBatch {
    _put(key: Buffer, value: Buffer): void;
    _del(key: Buffer): void;
    _clear(): void;
    _write(options: { sync: boolean }, callback: (error?: Error | null) => void): void;
  }

  export interface Database {
    open(options: OpenOptions, callback: (error?: Error | null) => void): void;
    close(callback: (error?: Error | null) => void): void;
    getMany(keys: Buffer[], callback: Callback<(Buffer | undefined)[]>): void;
    batch(): ChainedBatch;
    iterator(options: IteratorOptions): Iterator;
  }

  export default function rocksdb(path: string): Database;
}
