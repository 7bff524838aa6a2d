// Records as a distributor writes them, for tests with the real head.
import { labelsOf } from '@weir/model';
import { encodeWriteRequest as encode } from '../rehearsal/write-request.ts';
import type { FakeSample } from './fake-head.ts';

export function encodeWriteRequest(samples: readonly FakeSample[]): Uint8Array {
  return encode(samples.map(({ labels, t, v }) => ({ labels: labelsOf(labels), t, v })));
}
