// Telemetry as a part that is passed in: a logger and a metrics registry, no globals.
import { type Logger, pino } from 'pino';
import { Registry } from 'prom-client';

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
