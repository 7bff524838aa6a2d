// Traces end here: where a record's push had a trace context, the log says by its trace id when the record was applied,
// and warns of one that waited long. Records without one cost nothing.
import type { LogRecord } from '@weir/log';
import type { Clock } from '@weir/runtime';
import { type Logger, parseTraceparent } from '@weir/telemetry';

/** From the log's acknowledgement to the apply, while the partition is served. */
const SLOW_MS = 5_000;
/** Of slow ones, one is told of in so long. */
const TOLD_EVERY_MS = 10_000;

export interface TracedRecordsParts {
  readonly clock: Pick<Clock, 'nowMs' | 'steadyMs'>;
  readonly log: Logger;
  /** What was read before is late by nobody's fault. */
  readonly serving: () => boolean;
}

/** Called with records that have been applied. */
export function createTracedRecords(
  partition: number,
  { clock, log, serving }: TracedRecordsParts,
): (records: readonly LogRecord[]) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (records) => {
    for (const { traceparent, offset, timestampMs } of records) {
      const trace = traceparent === undefined ? undefined : parseTraceparent(traceparent);
      if (trace === undefined) continue;
      const delayMs = Math.max(0, Math.round(clock.nowMs() - timestampMs));
      const line = { partition, offset, delayMs, trace_id: trace.traceId, span_id: trace.spanId };
      const steadyMs = clock.steadyMs();
      if (delayMs >= SLOW_MS && serving() && steadyMs - toldMs >= TOLD_EVERY_MS) {
        toldMs = steadyMs;
        log.warn(line, 'a traced record was applied late');
      } else if (trace.isSampled) log.debug(line, 'traced record applied');
    }
  };
}
