// The versions of a log record's value. 0 and 1 are the same bytes; an unknown version is refused, so
// that whoever applies records counts and passes it instead of guessing.
import { WeirError } from '@weir/errors';
import { expandRecordV2 } from './expand-v2.ts';

/** The value as a version-1 WriteRequest; not copied when it is one. Unknown versions are `invalid`. */
export function recordAsV1(value: Uint8Array, version: number): Uint8Array {
  if (version === 0 || version === 1) return value;
  if (version === 2) return expandRecordV2(value);
  throw new WeirError('invalid', `record version ${version} is not known`);
}
