// Telemetry as a part that is passed in: a logger and a metrics registry, no globals.
import { type Logger, pino } from 'pino';
import { Counter, Registry } from 'prom-client';

export interface Telemetry {
  readonly log: Logger;
  readonly metrics: Registry;
}

export function createTelemetry(settings: { readonly level: string }): Telemetry {
  return { log: pino({ level: settings.level, base: null }), metrics: new Registry() };
}

/** For tests: metrics that can be read, and no output. */
export function silentTelemetry(): Telemetry {
  return createTelemetry({ level: 'silent' });
}

/** `cortex_discarded_metadata_total`; as discardedSamplesCounter(). */
export function discardedMetadataCounter(metrics: Registry): Counter<'user' | 'reason'> {
  const name = 'cortex_discarded_metadata_total';
  const known = metrics.getSingleMetric(name);
  if (known !== undefined) return known as Counter<'user' | 'reason'>;
  return new Counter({
    name,
    help: 'The total number of metadata entries that were discarded.',
    labelNames: ['user', 'reason'],
    registers: [metrics],
  });
}

/**
 * `cortex_discarded_samples_total`, which both the write services and the ingesters count: whoever asks
 * first registers it.
 */
export function discardedSamplesCounter(metrics: Registry): Counter<'user' | 'group' | 'reason'> {
  const name = 'cortex_discarded_samples_total';
  const known = metrics.getSingleMetric(name);
  if (known !== undefined) return known as Counter<'user' | 'group' | 'reason'>;
  return new Counter({
    name,
    help: 'The total number of samples that were discarded.',
    labelNames: ['user', 'group', 'reason'],
    registers: [metrics],
  });
}
