// What the embedded log tells about itself.
import { Counter, Gauge, Histogram, type Registry } from '@weir/telemetry';

export interface LogMetrics {
  readonly syncSeconds: Histogram;
  readonly appendedBytes: Counter;
  readonly appendFailures: Counter;
  readonly damaged: Counter;
  readonly sizeBytes: Gauge;
}

export function createLogMetrics(registry: Registry): LogMetrics {
  const registers = [registry];
  return {
    syncSeconds: new Histogram({
      name: 'weir_embedded_log_sync_duration_seconds',
      help: 'Time of one fdatasync of the embedded log.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    }),
    appendedBytes: new Counter({
      name: 'weir_embedded_log_appended_bytes_total',
      help: 'Bytes made durable by the embedded log, as stored.',
      registers,
    }),
    appendFailures: new Counter({
      name: 'weir_embedded_log_append_failures_total',
      help: 'Appends that the disk refused; their producers were told.',
      registers,
    }),
    damaged: new Counter({
      name: 'weir_embedded_log_damaged_total',
      help: 'Damaged places found in the embedded log, each with a log line.',
      registers,
    }),
    sizeBytes: new Gauge({
      name: 'weir_embedded_log_size_bytes',
      help: 'Size of all segments of the embedded log.',
      registers,
    }),
  };
}
