// What an error of RocksDB or of the file system means to a head: damage, or a disk that fails for now.
import { WeirError } from '@weir/errors';

/** A file that is missing is damage, too; what else the system says may be over when tried again. */
const DAMAGE = /corruption|no such file|^(invalid argument|not ?found|not implemented)/i;

/** What the reading of the files beside RocksDB throws. */
export async function fromDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof WeirError ? error : failure(error as Error);
  }
}

export function failure(cause: Error): WeirError {
  const kind = DAMAGE.test(cause.message) ? 'corrupt' : 'unavailable';
  return new WeirError(kind, `head store: ${cause.message}`, { cause });
}
