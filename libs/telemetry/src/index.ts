// Logs and metrics; the names of metrics are Mimir's (`cortex_*`) where it has them, else `weir_*`.

export type { Logger } from 'pino';
export { Counter, Gauge, Histogram, Registry } from 'prom-client';
export { type StrongConsistencyMetrics, strongConsistencyMetrics } from './strong-consistency.ts';
export {
  createTelemetry,
  discardedMetadataCounter,
  discardedSamplesCounter,
  silentTelemetry,
  type Telemetry,
} from './telemetry.ts';
export { parseTraceparent, type TraceContext } from './trace-context.ts';
