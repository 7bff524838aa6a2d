// What the producer does when its client fails for good: a broker can't be made to cause that on demand,
// so the client is a stand-in here; all else is tested on a real broker.
import { EventEmitter } from 'node:events';
import { utf8 } from '@weir/bytes';
import { defaultsOf } from '@weir/config';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { CODE, type Driver } from './driver.ts';
import { kafkaFlags } from './flags.ts';
import { openProducer } from './producer.ts';
import { createTrouble } from './trouble.ts';

interface Sent {
  readonly value: Buffer | null;
  readonly opaque: unknown;
  readonly headers: readonly Record<string, Buffer>[] | undefined;
}

class StandIn extends EventEmitter {
  static made: StandIn[] = [];
  sent: Sent[] = [];
  connected = false;
  constructor() {
    super();
    StandIn.made.push(this);
  }
  connect(_options: object, done: (error: unknown) => void) {
    this.connected = true;
    done(null);
  }
  isConnected = () => this.connected;
  setPollInBackground() {}
  produce(
    _topic: string,
    _partition: number,
    value: Buffer | null,
    _key: Buffer,
    _timeMs: number,
    opaque: unknown,
    headers: Sent['headers'],
  ) {
    this.sent.push({ value, opaque, headers });
  }
  flush(_timeoutMs: number, done: () => void) {
    done();
  }
  disconnect(done: (error: unknown) => void) {
    this.connected = false;
    done(null);
  }
  report(index: number, error: unknown, offset: number) {
    this.emit('delivery-report', error, { offset, opaque: this.sent[index]!.opaque });
  }
}

const open = (emptyIsTombstone = false) => {
  StandIn.made = [];
  // Of the driver only what a producer needs.
  const driver = { Producer: StandIn } as unknown as Driver;
  const settings = defaultsOf(kafkaFlags);
  const parts = { clock: systemClock, log: silentTelemetry().log };
  const trouble = createTrouble(settings, parts);
  return openProducer(driver, settings, { ...parts, emptyIsTombstone, trouble, limits: settings });
};
const record = (value: string, version = 1) => ({
  partition: 0,
  key: utf8('t'),
  value: utf8(value),
  version,
});
const settled = () => systemClock.yield();

describe('kafka producer', () => {
  it('after a fatal error rejects what waits and produces through a new client', async () => {
    const producer = await open();
    const [client] = StandIn.made;
    const doomed = [producer.produce([record('a')]), producer.produce([record('b')])];
    const results = Promise.allSettled(doomed);
    await settled();
    client!.report(0, { code: CODE.fatal, message: 'fatal' }, -1);
    for (const result of await results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable' } });
    }
    expect(client!.connected).toBe(false);
    const next = producer.produce([record('c')]);
    await settled();
    expect(StandIn.made.length).toBe(2);
    StandIn.made[1]!.report(0, null, 42);
    expect(await next).toEqual([42]);
    await producer.close();
  });

  it('resolves only when every record is acknowledged, and rejects when one is not', async () => {
    const producer = await open();
    const [client] = StandIn.made;
    let done = false;
    const both = producer.produce([record('a'), record('b')]).then((offsets) => {
      done = true;
      return offsets;
    });
    await settled();
    client!.report(1, null, 8);
    await settled();
    expect(done).toBe(false);
    client!.report(0, null, 7);
    expect(await both).toEqual([7, 8]);
    const failing = producer.produce([record('c'), record('d')]);
    const outcome = expect(failing).rejects.toMatchObject({ kind: 'invalid' });
    await settled();
    client!.report(2, null, 9);
    client!.report(3, { code: CODE.messageTooLarge, message: 'too large' }, -1);
    await outcome;
    await producer.close();
  });

  it('sends the trace context of a record that has one', async () => {
    const producer = await open();
    const [client] = StandIn.made;
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    void producer.produce([{ ...record('x', 1), traceparent }, record('x', 1)]).catch(() => {});
    await settled();
    const [traced, plain] = client!.sent;
    expect(traced!.headers!.map(Object.keys)).toEqual([['Version'], ['traceparent']]);
    expect(String(traced!.headers![1]!.traceparent)).toBe(traceparent);
    expect(plain!.headers!.map(Object.keys)).toEqual([['Version']]);
    await producer.close();
  });

  it('sends the version as four big-endian bytes, none for version 0, and tombstones where asked', async () => {
    const producer = await open(true);
    const [client] = StandIn.made;
    void producer.produce([record('', 0), record('x', 0x01020304)]).catch(() => {});
    await settled();
    expect(client!.sent[0]).toMatchObject({ value: null, headers: undefined });
    expect(client!.sent[1]!.headers![0]!.Version!.toString('hex')).toBe('01020304');
    await producer.close();
  });
});
