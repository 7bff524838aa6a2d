// Which traced records are told of, and how loudly.
import type { LogRecord } from '@weir/log';
import type { Logger } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createTracedRecords } from './traced-records.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = (flags: string) => `00-${TRACE}-00f067aa0ba902b7-${flags}`;
const NOW_MS = 100_000;

function setUp(serving = true) {
  const told: [string, object][] = [];
  const time = { steadyMs: 0 };
  // Of pino's logger only what is called here.
  const log = {
    warn: (line: object) => told.push(['warn', line]),
    debug: (line: object) => told.push(['debug', line]),
  } as unknown as Logger;
  const applied = createTracedRecords(3, {
    ...{ log, serving: () => serving },
    clock: { nowMs: () => NOW_MS, steadyMs: () => time.steadyMs },
  });
  const apply = (ageMs: number, header: string | undefined) => {
    const bytes = new Uint8Array(0);
    const record: LogRecord = {
      ...{ offset: 7, timestampMs: NOW_MS - ageMs, key: bytes, value: bytes, version: 1 },
      traceparent: header,
    };
    applied([record]);
    return told.splice(0);
  };
  return { apply, time };
}

describe('traced records', () => {
  it('are told of by their trace id where the trace is recorded', () => {
    const { apply } = setUp();
    const line = {
      ...{ partition: 3, offset: 7, delayMs: 20 },
      ...{ trace_id: TRACE, span_id: '00f067aa0ba902b7' },
    };
    expect(apply(20, traceparent('01'))).toEqual([['debug', line]]);
    expect(apply(20, traceparent('00'))).toEqual([]);
    expect(apply(20, undefined)).toEqual([]);
    expect(apply(20, 'nonsense')).toEqual([]);
  });

  it.each([
    [4_999, 'debug'],
    [5_000, 'warn'],
  ])('that waited %i ms: %s', (ageMs, level) => {
    expect(setUp().apply(ageMs, traceparent('01'))[0]?.[0]).toBe(level);
    expect(setUp(false).apply(ageMs, traceparent('01'))[0]?.[0]).toBe('debug');
  });

  it('are warned of now and then', () => {
    const { apply, time } = setUp();
    expect(apply(9_000, traceparent('00'))).toHaveLength(1);
    time.steadyMs += 9_999;
    expect(apply(9_000, traceparent('00'))).toEqual([]);
    time.steadyMs += 1;
    expect(apply(9_000, traceparent('00'))).toHaveLength(1);
  });
});
