// The size limit of a push, compressed or not, in Mimir's words.
import { WeirError } from '@weir/errors';

export function checkMessageSize(
  sizeBytes: number,
  kind: 'compressed' | 'uncompressed',
  limitBytes: number,
): void {
  if (sizeBytes <= limitBytes) return;
  throw new WeirError(
    'invalid',
    `the incoming push request has been rejected because its message size of ${sizeBytes} bytes (${kind}) is larger than the allowed limit of ${limitBytes} bytes (err-mimir-distributor-max-write-message-size). To adjust the related limit, configure -distributor.max-recv-msg-size, or contact your service administrator.`,
  );
}
