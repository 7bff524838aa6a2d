// How lines of the client's log become reasons; that real brokers cause these lines is tested in
// test/integration/kafka-security.test.ts.

import { EventEmitter } from 'node:events';
import { defaultsOf } from '@weir/config';
import type { Clock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kafkaFlags } from './flags.ts';
import { createTrouble, reasonOf } from './trouble.ts';

const line = (text: string) => `[thrd:x/bootstrap]: ssl://kafka-1.example:9093/${text}`;

describe('reasonOf', () => {
  it('takes broker and text out of a line, and leaves out the state of the client', () => {
    expect(
      reasonOf(
        line(
          '7: Connect to ipv4#1.2.3.4:9093 failed: Connection refused (after 0ms in state CONNECT)',
        ),
      ),
    ).toEqual({
      broker: 'kafka-1.example:9093',
      text: 'Connect to ipv4#1.2.3.4:9093 failed: Connection refused',
      refused: false,
    });
  });

  it('counts credentials and certificates as refused, whatever the client repeats', () => {
    const texts = [
      'SASL authentication error: Authentication failed: Invalid username or password',
      'SSL handshake failed: error:0A000086:SSL routines::certificate verify failed',
      'Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42',
    ];
    for (const text of texts) {
      const suffix = ' (after 3ms in state AUTH_REQ, 2 identical error(s) suppressed)';
      expect(reasonOf(line(`bootstrap: ${text}${suffix}`))).toMatchObject({ text, refused: true });
    }
  });

  it('says what a closed connection may mean', () => {
    const closed = 'Disconnected: connection closed by peer: receive 0 after POLLIN';
    expect(reasonOf(line(`bootstrap: ${closed}`))!.text).toContain('leave out TLS or SASL');
  });

  it('takes any text, and nothing for a line of no broker', () => {
    expect(reasonOf('[thrd:main]: something else')).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => void reasonOf(text)));
  });
});

describe('a refusal', () => {
  /** How a connection fails after the client's log has said these texts of one broker. */
  const failureAfter = (...texts: string[]) => {
    const events = new EventEmitter();
    const client = Object.assign(events, {
      connect(_options: unknown, done: (error?: Error) => void) {
        for (const text of texts)
          events.emit('event.log', { severity: 3, fac: 'FAIL', message: line(text) });
        done(new Error('Local: Broker transport failure'));
      },
      disconnect: (done: () => void) => done(),
    });
    // Of a clock only what is asked here; its timer never ends.
    const clock = { steadyMs: () => 0, after: () => ({ cancel() {} }) } as unknown as Clock;
    const { log } = silentTelemetry();
    const trouble = createTrouble(defaultsOf(kafkaFlags), { clock, log });
    trouble.watch(client as never);
    return trouble.connect(client as never, 1000);
  };

  it('is not hidden by what follows from it', async () => {
    await expect(
      failureAfter('1: SSL handshake failed: certificate verify failed', 'bootstrap: Disconnected'),
    ).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('certificate verify failed'),
    });
  });

  it('does not hide that the broker is gone', async () => {
    // A broker that stops breaks off handshakes, too.
    await expect(
      failureAfter(
        'bootstrap: SSL handshake failed: Disconnected',
        'bootstrap: Connect to ipv4#127.0.0.1:9093 failed: Connection refused',
      ),
    ).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('Connection refused'),
    });
  });
});
