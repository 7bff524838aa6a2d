// A push as the distributor's core takes it, whatever protocol it came by: bytes, and a scan that finds the
// runs of records in them.
import type { TenantLimits } from '@weir/limits';
import type { WriteRules } from '@weir/wire';
import type { InflightShare } from './inflight.ts';
import type { WrittenCounts } from './push-answer.ts';
import type { PushScratch } from './push-scratch.ts';

export interface ScanStart {
  readonly body: Uint8Array;
  /** The tenant's, for the hashes of series. */
  readonly seed: number;
  readonly rules: WriteRules;
  readonly limits: TenantLimits;
}

export interface ProtocolPush {
  readonly tenant: string;
  /** As metrics name it. */
  readonly protocol: string;
  readonly share: InflightShare;
  /** W3C trace context, for the records; what is none is left out. */
  readonly traceparent?: string | undefined;
  /** Where it is judged otherwise than the tenant's limits say. */
  readonly rules?: Partial<WriteRules>;
  /** Where the scratch memory is known that it may lie in. */
  readonly body: (scratch: PushScratch) => Uint8Array;
  /** Begins the scan; what it returns scans about so many bytes further, and says whether all is done. */
  readonly begin: (scratch: PushScratch, start: ScanStart) => (budgetBytes: number) => boolean;
}

/** What became of it, once it is logged. */
export interface StoredPush {
  readonly written: WrittenCounts;
  /** The first refusal's text, when something was refused. */
  readonly refusal: string | undefined;
  /** Why nothing was stored, where another replica is listened to. */
  readonly deduplicated: string | undefined;
  /** Series that were too large for any record. */
  readonly withdrawn: number;
}
