// The budget of pushes being handled at once, in requests and bytes. Nobody waits here: a push over the
// budget is refused with 503 at once, because its sender has the better buffer.
import { WeirError } from '@weir/errors';
import { withId } from '@weir/wire';
import type { DistributorSettings } from './distributor-flags.ts';
import type { PushMetrics } from './push-metrics.ts';

const FLAG_PREFIX = 'distributor.instance-limits';

/** One push's share of the budget. */
export interface InflightShare {
  /** Takes more bytes, or throws `unavailable`. */
  add(sizeBytes: number): void;
  /** Gives everything back. */
  release(): void;
}

export interface Inflight {
  /** Throws `unavailable` when too many pushes are being handled. */
  enter(): InflightShare;
}

export function createInflight(settings: DistributorSettings, metrics: PushMetrics): Inflight {
  let pushes = 0;
  let bytes = 0;
  const shed = (kind: string, what: string): WeirError => {
    metrics.shed(`distributor_${kind.replaceAll('-', '_')}`);
    const message = withId(
      `the write request has been rejected because ${what}`,
      `distributor-${kind}`,
    );
    return new WeirError(
      'unavailable',
      `${message}. To adjust the related limit, configure -${FLAG_PREFIX}.${kind}, or contact your service administrator.`,
    );
  };
  return {
    enter() {
      if (settings.inflightPushesMax > 0 && pushes >= settings.inflightPushesMax) {
        throw shed(
          'max-inflight-push-requests',
          'the distributor exceeded the allowed number of inflight push requests',
        );
      }
      pushes++;
      metrics.inflight(pushes, bytes);
      let own = 0;
      let open = true;
      return {
        add(sizeBytes) {
          if (settings.inflightBytesMax > 0 && bytes + sizeBytes > settings.inflightBytesMax) {
            throw shed(
              'max-inflight-push-requests-bytes',
              'the distributor exceeded the allowed total size in bytes of inflight push requests',
            );
          }
          own += sizeBytes;
          bytes += sizeBytes;
        },
        release() {
          if (!open) return;
          open = false;
          pushes--;
          bytes -= own;
          metrics.inflight(pushes, bytes);
        },
      };
    },
  };
}
