// Senders behind a proxy that fails some of their requests: a real Prometheus 3 by remote write 1.0 and 2.0.
// What is answered with 429 or 5xx comes again, when it was told to, and nothing is missing, nor doubled where
// Weir had it and only the answer was lost. What is answered with 400 doesn't come again, and the rest goes on.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { expectRepeated, type Fault, startFaultProxy, withBody } from '../support/fault-proxy.ts';
import { sendByPrometheus } from '../support/prometheus-sender.ts';
import { SenderTarget } from '../support/sender-target.ts';

const TENANT = 'sender';
const SECONDS = Math.min(15, Number(process.env.WEIR_PEER_SECONDS ?? 15));
const after = (seconds: number) => ({ 'retry-after': String(seconds) });

/** What Weir doesn't have, and the sender keeps. */
const REPEATED: Readonly<Record<number, Fault>> = {
  2: { status: 429, headers: after(2), text: 'slow down' },
  4: { status: 503, headers: after(1) },
  6: { status: 500 },
  8: { status: 503, isPassed: true },
  10: { status: 0, isPassed: true },
};

const DROPPED: Readonly<Record<number, Fault>> = {
  3: { status: 400, text: 'bad' },
  5: { status: 400, text: 'bad', headers: after(1) },
};

describe('retries', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  /** Lets Prometheus send for a while under that plan. */
  async function sendBehind(plan: Readonly<Record<number, Fault>>, version: 1 | 2) {
    const target = await SenderTarget.start();
    stops.push(() => target.stop());
    const proxy = await startFaultProxy(target.base, (number) => plan[number]);
    stops.push(() => proxy.stop());
    const sent = await sendByPrometheus(proxy.base, { tenant: TENANT, version }, () =>
      sleep(SECONDS * 1000),
    );
    expect(sent.lines.length).toBeGreaterThan(1000);
    const kept = (await target.dump(TENANT)).filter(sent.isSent);
    return { target, seen: proxy.seen, wanted: sent.lines, kept };
  }

  it.each([1, 2] as const)('of Prometheus %d.0 on 429 and 5xx', async (version) => {
    const { seen, wanted, kept, target } = await sendBehind(REPEATED, version);
    const faults = seen.filter(({ fault }) => fault !== undefined);
    expect(faults.map(({ fault }) => fault)).toEqual(Object.values(REPEATED));
    for (const fault of faults) expectRepeated(fault, seen);
    expect(kept).toEqual(wanted);
    expect(await discarded(target)).toEqual([]);
  });

  it.each([1, 2] as const)('of Prometheus %d.0 on 400: none', async (version) => {
    const { seen, wanted, kept, target } = await sendBehind(DROPPED, version);
    const faults = seen.filter(({ fault }) => fault !== undefined);
    expect(faults.map(({ fault }) => fault)).toEqual(Object.values(DROPPED));
    for (const { body } of faults) expect(withBody(seen, body).length).toBe(1);
    expect(seen.indexOf(faults.at(-1)!)).toBeLessThan(seen.length - 1);
    // What was dropped is what is missing.
    for (const { path, headers, body } of faults) {
      const { 'content-type': type, 'content-encoding': encoding } = headers;
      const answer = await fetch(`${target.base}${path}`, {
        method: 'POST',
        headers: {
          ...{ 'content-type': type!, 'content-encoding': encoding! },
          'x-scope-orgid': 'dropped',
        },
        body: Uint8Array.from(body),
      });
      expect(answer.ok).toBe(true);
    }
    const missing = await target.dump('dropped');
    expect(missing.length).toBeGreaterThan(10);
    expect([...kept, ...missing].sort()).toEqual(wanted);
  });
});

async function discarded(target: SenderTarget): Promise<readonly object[]> {
  const answer = await fetch(`${target.base}/api/v1/discarded`, {
    headers: { 'x-scope-orgid': TENANT },
  });
  return ((await answer.json()) as { data: { reasons: object[] } }).data.reasons;
}
