// Tells of a failure once when it begins and once when it is over, however often it is tried between.
import { toWeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';

export interface StateLine {
  /** The reason while failing. */
  readonly failing: string | undefined;
  failed(error: unknown): void;
  recovered(): void;
}

export function createStateLine(log: Logger, what: string): StateLine {
  let failing: string | undefined;
  return {
    get failing() {
      return failing;
    },
    failed(error) {
      if (failing === undefined) log.error({ err: error }, `${what} fails; trying again`);
      failing = toWeirError(error).message;
    },
    recovered() {
      if (failing !== undefined) log.info(`${what} works again`);
      failing = undefined;
    },
  };
}
