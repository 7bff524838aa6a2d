// What becomes of label values that are too long, by the tenant's strategy, in each protocol.
import { createHash } from 'node:crypto';
import type { TenantLimits } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { decode, setUp } from '../push-fixture.ts';
import { ALL, answerTo, PART, type Probe, send, WHOLE } from './limit-fixture.ts';

const LIMIT = 100;
const hash = (value: string) => `(hash:${createHash('sha256').update(value).digest('hex')})`;
const limitsOf = (labelValueStrategy: string): Partial<TenantLimits> => ({
  labelValueBytesMax: LIMIT,
  labelValueStrategy,
});
const probeOf = (value: string): Probe => ({ metric: 'm', labels: [['l', value]] });

const FITS = 'x'.repeat(LIMIT);
const LONG = 'x'.repeat(LIMIT + 1);
const HUGE = 'x'.repeat(64 << 10);
/** 29 bytes fit before the hash: in the middle of a character. */
const WIDE = '☃'.repeat(50);

const CASES = [
  ['truncate', FITS, FITS],
  ['truncate', LONG, `${'x'.repeat(29)}${hash(LONG)}`],
  ['truncate', WIDE, `${'☃'.repeat(9)}${hash(WIDE)}`],
  ['truncate', HUGE, `${'x'.repeat(29)}${hash(HUGE)}`],
  ['drop', FITS, FITS],
  ['drop', LONG, hash(LONG)],
  ['drop', WIDE, hash(WIDE)],
] as const;

describe('label values over the limit', () => {
  const all = CASES.flatMap(([strategy, value, kept]) =>
    ALL.map((protocol) => ({
      ...{ protocol, strategy, value, kept, size: Buffer.byteLength(value) },
    })),
  );
  it.each(all)('$protocol, $strategy: $size bytes', async ({ protocol, strategy, value, kept }) => {
    const made = setUp({ limits: limitsOf(strategy), settings: { influxEnabled: true } });
    const { status } = await answerTo(protocol, [probeOf(value)], made);
    expect(status).toBe(WHOLE[protocol]);
    const [series] = decode(made.produced);
    const label = series!.labels.find(({ name }) => String(Buffer.from(name)) === 'l');
    expect(String(Buffer.from(label!.value))).toBe(kept);
  });

  it.each(ALL)('%s: names of metrics are refused', async (protocol) => {
    const probe = { metric: 'm'.repeat(LIMIT + 1) };
    const { status, stored, refusal } = await send(protocol, probe, { limits: limitsOf('drop') });
    expect([status, stored]).toEqual([PART[protocol], 0]);
    expect(refusal).toContain('err-mimir-label-value-too-long');
  });

  it.each(ALL)('%s: what is huge is refused', async (protocol) => {
    const { status, stored } = await send(protocol, probeOf(`${HUGE}x`), {
      limits: limitsOf('drop'),
    });
    expect([status, stored]).toEqual([PART[protocol], 0]);
  });
});
