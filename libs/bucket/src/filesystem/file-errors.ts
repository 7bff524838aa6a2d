// What an error of the file system means to who uses a bucket.
import { WeirError } from '@weir/errors';
import { noObject } from '../keys.ts';

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EISDIR']);

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

export function isAbsent(error: unknown): boolean {
  return ABSENT.has(codeOf(error) ?? '');
}

/** Absent files are `not-found`; anything else (a full disk, a lost mount) may pass: `unavailable`. */
export function fileError(error: unknown, key: string): WeirError {
  if (error instanceof WeirError) return error;
  if (isAbsent(error)) return noObject(key, error);
  const reason = error instanceof Error ? error.message : String(error);
  return new WeirError('unavailable', `bucket object ${key}: ${reason}`, { cause: error });
}
