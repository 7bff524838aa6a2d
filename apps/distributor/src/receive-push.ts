// Takes a push of a protocol other than remote write into what is in flight, and gives its share back however it
// ends. Failures of the server are logged here, once for all protocols.
import { toWeirError, type WeirError } from '@weir/errors';
import type { Telemetry } from '@weir/telemetry';
import type { Inflight, InflightShare } from './inflight.ts';

export interface ReceiveParts {
  readonly inflight: Inflight;
  readonly telemetry: Telemetry;
}

interface ReceiveSteps<Answer> {
  readonly count: () => void;
  readonly store: (share: InflightShare) => Promise<Answer>;
  /** Said in the log of a failure that is the server's. */
  readonly failed: string;
  readonly refuse: (failure: WeirError) => Answer;
}

export async function receivePush<Answer>(
  tenant: string,
  { inflight, telemetry }: ReceiveParts,
  { count, store, failed, refuse }: ReceiveSteps<Answer>,
): Promise<Answer> {
  let share: InflightShare | undefined;
  try {
    count();
    share = inflight.enter(tenant);
    return await store(share);
  } catch (error) {
    const failure = toWeirError(error);
    if (failure.status >= 500) telemetry.log.warn({ err: failure, tenant }, failed);
    return refuse(failure);
  } finally {
    share?.release();
  }
}
