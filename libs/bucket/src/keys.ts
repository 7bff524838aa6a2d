// What an object key may be, for every adapter alike, so that a key that works on one works on all.
import { WeirError } from '@weir/errors';

const KEY_LENGTH_MAX = 1024;

/** Rejects keys that a file system or an object store would refuse or read as something else. */
export function checkKey(key: string): void {
  const parts = key.split('/');
  const bad =
    key.length > KEY_LENGTH_MAX ||
    key.includes('\0') ||
    parts.some((part) => part === '' || part === '.' || part === '..');
  if (bad) throw new WeirError('invalid', `object key ${JSON.stringify(key)} is not allowed`);
}

export function noObject(key: string, cause?: unknown): WeirError {
  return new WeirError('not-found', `no object ${key} in the bucket`, { cause });
}

export function conditionFailed(key: string, cause?: unknown): WeirError {
  return new WeirError('fenced', `object ${key} was changed by somebody else`, { cause });
}

export function tooShort(key: string, offset: number, length: number, cause?: unknown): WeirError {
  const message = `object ${key} is shorter than bytes [${offset}, ${offset + length})`;
  return new WeirError('invalid', message, { cause });
}

export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new WeirError('canceled', 'reading the bucket was canceled', { cause: signal.reason });
  }
}
