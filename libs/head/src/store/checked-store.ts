// A store whose rows carry a checksum: CRC-32 (zlib's) of the key, then of the value, in four bytes
// behind the value. A row that changed anywhere between its writing and its reading is `corrupt`, never
// an answer, whatever store lies beneath. The first damage found, by this check or by the store itself,
// is remembered, so that the owner can have the head rebuilt. A row that is gone is not noticed here. Slabs
// pass as they are: their checksums stand in rows.
import { crc32 } from 'node:zlib';
import { isKind, toWeirError, WeirError } from '@weir/errors';
import type { HeadStore } from '../head.ts';

const CHECKSUM_BYTES = 4;
/** A batch with more than this gets memory of its own. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

export interface CheckedStore extends HeadStore {
  /** What was found damaged; undefined while nothing was. */
  readonly damage: WeirError | undefined;
  /** Remembers damage that was found elsewhere, and returns it. */
  damaged(error: WeirError): WeirError;
}

export function createCheckedStore(store: HeadStore): CheckedStore {
  let damage: WeirError | undefined;
  let memory: Uint8Array = new Uint8Array(0);

  const noted = (error: unknown): unknown => {
    if (isKind(error, 'corrupt')) damage ??= toWeirError(error);
    return error;
  };
  const noting = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw noted(error);
    }
  };
  const memoryFor = (sizeBytes: number): Uint8Array => {
    if (sizeBytes > KEPT_BYTES_MAX) return new Uint8Array(sizeBytes);
    if (memory.length < sizeBytes) memory = new Uint8Array(sizeBytes);
    return memory;
  };

  return {
    get damage() {
      return damage;
    },
    damaged(error) {
      noted(error);
      return error;
    },
    slabs: {
      read(file, extent, parts) {
        try {
          store.slabs.read(file, extent, parts);
        } catch (error) {
          throw noted(error);
        }
      },
      write: (file, extent, bytes) => noting(store.slabs.write(file, extent, bytes)),
      sync: () => noting(store.slabs.sync()),
      truncate: (file, extents) => noting(store.slabs.truncate(file, extents)),
    },
    // Damage to it is none to the head.
    journal: store.journal,
    get: (key) =>
      noting(
        store.get(key).then((sealed) => (sealed === undefined ? undefined : open(key, sealed))),
      ),
    getMany: (keys) =>
      noting(
        store
          .getMany(keys)
          .then((rows) => rows.map((row, at) => (row === undefined ? row : open(keys[at], row)))),
      ),
    async *scan(from, to) {
      try {
        for await (const rows of store.scan(from, to)) {
          for (const row of rows) row[1] = open(row[0], row[1]);
          yield rows;
        }
      } catch (error) {
        throw noted(error);
      }
    },
    write({ puts, deletes }, sync) {
      let sizeBytes = 0;
      for (const [, value] of puts) sizeBytes += value.length + CHECKSUM_BYTES;
      const sealed = memoryFor(sizeBytes);
      let at = 0;
      const rows = puts.map(([key, value]): [Uint8Array, Uint8Array] => {
        const from = at;
        sealed.set(value, from);
        at += value.length;
        writeChecksum(sealed, at, checksum(key, value));
        at += CHECKSUM_BYTES;
        return [key, sealed.subarray(from, at)];
      });
      return noting(store.write({ puts: rows, deletes }, sync));
    },
    close: () => store.close(),
  };
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  // Of no bytes in memory of their own crc32() answers 0, whatever came before.
  return value.length === 0 ? crc32(key) : crc32(value, crc32(key));
}

function writeChecksum(out: Uint8Array, at: number, sum: number): void {
  out[at] = sum;
  out[at + 1] = sum >>> 8;
  out[at + 2] = sum >>> 16;
  out[at + 3] = sum >>> 24;
}

/** The value without its checksum. */
function open(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  const end = sealed.length - CHECKSUM_BYTES;
  if (end >= 0) {
    const value = sealed.subarray(0, end);
    const written =
      (sealed[end] | (sealed[end + 1] << 8) | (sealed[end + 2] << 16) | (sealed[end + 3] << 24)) >>>
      0;
    if (written === checksum(key, value)) return value;
  }
  const name = Buffer.from(key).toString('hex');
  throw new WeirError('corrupt', `head store: row ${name} is damaged`);
}
