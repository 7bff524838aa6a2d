// The budget of pushes being handled at once, in requests and bytes. Nobody waits here: a push over the
// budget is refused with 503 at once, because its sender has the better buffer.
//
// Where several tenants push, one alone can't fill the budget, however slow the log is: it may hold at most
// four times what is free, so that a fifth stays free beside one that floods, a ninth beside two. A tenant's
// only push is not held to that.
//
// What a sender only announces is looked at and not taken, or a few that announce much and send nothing would
// keep everybody else out.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { withId } from '@weir/wire';
import type { InstanceLimits } from './instance-limits-flags.ts';
import type { PushMetrics } from './push-metrics.ts';

const FLAG_PREFIX = 'distributor.instance-limits';
/** What one tenant may hold, in multiples of what is free. */
const TENANT_SHARE = 4;
/** A tenant that pushed within this time is one for whom something is kept free. */
const REMEMBERED_MS = 60_000;

/** One push's share of the budget. */
export interface InflightShare {
  /** Takes more bytes, or throws `unavailable`. */
  add(sizeBytes: number): void;
  /** Throws as add() would, and takes nothing. */
  expect(sizeBytes: number): void;
  /** Gives everything back. */
  release(): void;
}

export interface Inflight {
  /** Throws `unavailable` when too many pushes are being handled, or none is admitted. */
  enter(tenant: string): InflightShare;
}

/** Read at each push: they may change. */
export type InflightSettings = Pick<InstanceLimits, 'inflightBytesMax' | 'inflightPushesMax'>;

interface Holding {
  pushes: number;
  bytes: number;
  lastMs: number;
}

export function createInflight(
  settings: InflightSettings,
  metrics: Pick<PushMetrics, 'inflight' | 'shed'>,
  clock: Pick<Clock, 'steadyMs'>,
  /** Throws where this process takes no more: before anything of a push is read. */
  admit: () => void = () => {},
): Inflight {
  let pushes = 0;
  let bytes = 0;
  const tenants = new Map<string, Holding>();
  let sweptMs = clock.steadyMs();

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

  function holdingOf(tenant: string): Holding {
    const nowMs = clock.steadyMs();
    if (nowMs - sweptMs >= REMEMBERED_MS) {
      sweptMs = nowMs;
      for (const [name, { pushes, lastMs }] of tenants) {
        if (pushes === 0 && nowMs - lastMs >= REMEMBERED_MS) tenants.delete(name);
      }
    }
    let found = tenants.get(tenant);
    if (found === undefined) {
      found = { pushes: 0, bytes: 0, lastMs: nowMs };
      tenants.set(tenant, found);
    }
    found.lastMs = nowMs;
    return found;
  }

  /** Whether `more` fits, for one that holds `held` beside what this push has. 0 is no limit. */
  function fits(max: number, total: number, held: number, more: number): boolean {
    if (max <= 0) return true;
    if (total + more > max) return false;
    return held === 0 || tenants.size === 1 || held + more <= TENANT_SHARE * (max - total);
  }

  return {
    enter(tenant) {
      admit();
      const holding = holdingOf(tenant);
      if (!fits(settings.inflightPushesMax, pushes, holding.pushes, 1)) {
        throw shed(
          'max-inflight-push-requests',
          'the distributor exceeded the allowed number of inflight push requests',
        );
      }
      pushes++;
      holding.pushes++;
      metrics.inflight(pushes, bytes);
      let own = 0;
      let open = true;
      const expect = (sizeBytes: number): void => {
        const max = settings.inflightBytesMax;
        if (fits(max, bytes, holding.bytes - own, sizeBytes)) return;
        throw shed(
          'max-inflight-push-requests-bytes',
          'the distributor exceeded the allowed total size in bytes of inflight push requests',
        );
      };
      return {
        expect,
        add(sizeBytes) {
          expect(sizeBytes);
          own += sizeBytes;
          bytes += sizeBytes;
          holding.bytes += sizeBytes;
          metrics.inflight(pushes, bytes);
        },
        release() {
          if (!open) return;
          open = false;
          pushes--;
          bytes -= own;
          holding.pushes--;
          holding.bytes -= own;
          metrics.inflight(pushes, bytes);
        },
      };
    },
  };
}
