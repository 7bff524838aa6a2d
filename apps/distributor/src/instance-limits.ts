// The limits of this process as they are now, for those who read them at each push, and for whoever watches them.
import { Gauge, type Telemetry } from '@weir/telemetry';
import type { InstanceLimits } from './instance-limits-flags.ts';

/** An object that always tells the present ones. */
export function followInstanceLimits(now: () => InstanceLimits): InstanceLimits {
  return {
    get inflightBytesMax() {
      return now().inflightBytesMax;
    },
    get inflightPushesMax() {
      return now().inflightPushesMax;
    },
    get ingestionRateMax() {
      return now().ingestionRateMax;
    },
  };
}

export function instanceLimitsGauge({ metrics }: Telemetry, limits: InstanceLimits): void {
  new Gauge({
    name: 'cortex_distributor_instance_limits',
    help: 'Limits of this process; 0 is none.',
    labelNames: ['limit'],
    registers: [metrics],
    collect() {
      this.set({ limit: 'max_inflight_push_requests' }, limits.inflightPushesMax);
      this.set({ limit: 'max_inflight_push_requests_bytes' }, limits.inflightBytesMax);
      this.set({ limit: 'max_ingestion_rate' }, limits.ingestionRateMax);
    },
  });
}
