// What an error of S3 means to who uses a bucket. Refused credentials and a missing bucket are not the
// caller's fault but the configuration's: `unavailable`, with S3's own words.
import { S3ServiceException } from '@aws-sdk/client-s3';
import { WeirError } from '@weir/errors';
import { conditionFailed, noObject } from '../keys.ts';

export function s3Error(error: unknown, key: string): WeirError {
  if (error instanceof WeirError) return error;
  const name = error instanceof Error ? error.name : '';
  const reason = error instanceof Error ? error.message : String(error);
  if (name === 'AbortError') {
    return new WeirError('canceled', `reading ${key} was canceled`, { cause: error });
  }
  const status = statusOf(error);
  if (status === 412) return conditionFailed(key, error);
  if (status === 404 && name !== 'NoSuchBucket') return noObject(key, error);
  if (status === 416) {
    return new WeirError('invalid', `object ${key} is shorter than the range`, { cause: error });
  }
  return new WeirError('unavailable', `S3 object ${key}: ${name} ${reason}`, { cause: error });
}

export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
