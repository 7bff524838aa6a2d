// Which records go at once, which wait and for how long, what is joined with what; and that order stays, whatever comes.
import { utf8 } from '@weir/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProduceRecord } from '../partition-log.ts';
import { createGathering } from './gathering.ts';

const LINGER_MS = 5;

interface Sent {
  readonly partition: number;
  readonly key: string;
  readonly version: number;
  readonly value: string;
  readonly parts: readonly string[];
  readonly traceparent: string | undefined;
}

function setUp(lingerMs = LINGER_MS, recordSizeMaxBytes = 1 << 20) {
  const sent: Sent[] = [];
  let due: (() => void) | undefined;
  const waits: number[] = [];
  const gathering = createGathering<string>(
    { lingerMs, recordSizeMaxBytes },
    {
      clock: {
        after(ms, callback) {
          waits.push(ms);
          due = callback;
          return {
            cancel: () => {
              due = undefined;
            },
          };
        },
      },
      send({ partition, key, version, values, parts, traceparent }) {
        const value = Buffer.concat(values).toString();
        sent.push({
          ...{ partition, version, traceparent, value, parts },
          key: Buffer.from(key).toString(),
        });
      },
    },
  );
  const add = (
    value: string,
    more: Partial<Omit<ProduceRecord, 'key'>> & { key?: string } = {},
  ) => {
    const { key = 't', ...rest } = more;
    const record = { partition: 0, version: 1, joinable: true, value: utf8(value), ...rest };
    gathering.add({ ...record, key: utf8(key) }, value.slice(0, 8));
  };
  return {
    add,
    gathering,
    sent,
    waits,
    values: () => sent.map(({ value }) => value),
    due: () => due,
  };
}

describe('createGathering', () => {
  it('lets the first go at once, and joins what comes until it has arrived', () => {
    const { add, gathering, sent, values, due } = setUp();
    add('a');
    for (const value of ['b', 'c', 'd']) add(value);
    expect(values()).toEqual(['a']);
    gathering.done(0);
    expect(values()).toEqual(['a', 'bcd']);
    expect(sent[1]!.parts).toEqual(['b', 'c', 'd']);
    gathering.done(0);
    add('e');
    expect(values()).toEqual(['a', 'bcd', 'e']);
    due()?.();
    expect(values()).toHaveLength(3);
  });

  it('lets nothing wait longer than the linger time', () => {
    const { add, values, due } = setUp();
    add('a');
    add('b');
    due()!();
    expect(values()).toEqual(['a', 'b']);
    add('c');
    add('d');
    due()!();
    expect(values()).toEqual(['a', 'b', 'cd']);
  });

  it.each([
    [0, 5],
    [20, 5],
    [24, 6],
    [100, 25],
    [199, 50],
    [10_000, 50],
  ])('records that take %i ms are gathered for %i', (tookMs, waitMs) => {
    const { add, gathering, waits } = setUp();
    for (let at = 0; at < 500; at++) {
      add('a');
      gathering.done(0, tookMs);
    }
    add('b');
    add('c');
    expect(waits).toEqual([waitMs]);
  });

  it('joins neither tenants, nor versions, nor partitions', () => {
    const { add, gathering, sent } = setUp();
    add('a');
    add('b', { key: 'u' });
    add('c');
    add('d', { version: 3 });
    add('e', { partition: 1 });
    add('f', { key: 'u' });
    gathering.flush();
    expect(
      sent.map(({ partition, key, version, value }) => [partition, key, version, value]),
    ).toEqual([
      [0, 't', 1, 'a'],
      [1, 't', 1, 'e'],
      [0, 'u', 1, 'bf'],
      [0, 't', 1, 'c'],
      [0, 't', 3, 'd'],
    ]);
  });

  it('lets what can not be joined go at once, after what waits', () => {
    const { add, values } = setUp();
    add('a');
    add('b');
    add('c', { joinable: false });
    add('d', { joinable: false });
    expect(values()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets all go at once without a linger time', () => {
    const { add, values } = setUp(0);
    for (const value of ['a', 'b', 'c']) add(value);
    expect(values()).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['below', ['aaaa.', 'bbbb'], ['aaaa.bbbb']],
    ['at', ['aaaa.', 'bbbb.'], ['aaaa.bbbb.']],
    ['above', ['aaaa.', 'bbbb.', 'c'], ['aaaa.bbbb.', 'c']],
  ])('joins up to the largest record: %s', (_name, added, joined) => {
    const { add, gathering, values } = setUp(LINGER_MS, 10);
    add('x');
    for (const value of added) add(value);
    gathering.flush();
    expect(values()).toEqual(['x', ...joined]);
  });

  it('lets a megabyte of a partition go', () => {
    const { add, values, due } = setUp(LINGER_MS, 1 << 24);
    add('x');
    const part = 'y'.repeat(100_000);
    for (let at = 0; at < 10; at++) add(part);
    expect(values()).toHaveLength(1);
    add(part);
    expect(
      values()
        .slice(1)
        .map(({ length }) => length),
    ).toEqual([200_000, 200_000, 200_000, 200_000, 200_000, 100_000]);
    expect(due()).toBeDefined();
  });

  it('keeps the first trace context of what it joins', () => {
    const { add, gathering, sent } = setUp();
    add('a');
    add('b');
    add('c', { traceparent: 'one' });
    add('d', { traceparent: 'two' });
    gathering.flush();
    expect(sent.map(({ traceparent }) => traceparent)).toEqual([undefined, 'one']);
  });

  it('forgets what waits when it is cleared', () => {
    const { add, gathering, values } = setUp();
    add('a');
    add('b');
    gathering.clear();
    gathering.flush();
    add('c');
    expect(values()).toEqual(['a', 'c']);
  });
});

it('every record goes once, in the order of its partition and tenant', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'add', 'add', 'done', 'time'),
    partition: fc.nat(2),
    key: fc.constantFrom('t', 'u'),
    joinable: fc.boolean(),
    size: fc.constantFrom(1, 3, 200, 600, 900),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { add, gathering, sent, due } = setUp(LINGER_MS, 1000);
      const added = new Map<string, string>();
      steps.forEach(({ kind, partition, key, joinable, size }, index) => {
        if (kind === 'done') gathering.done(partition);
        else if (kind === 'time') due()?.();
        else {
          const value = `<${index}${'.'.repeat(size)}>`;
          add(value, { partition, key, joinable });
          const name = `${partition}/${key}`;
          added.set(name, (added.get(name) ?? '') + value);
        }
      });
      gathering.flush();
      const found = new Map<string, string>();
      for (const { partition, key, value } of sent) {
        expect(value.length).toBeLessThanOrEqual(1000);
        const name = `${partition}/${key}`;
        found.set(name, (found.get(name) ?? '') + value);
      }
      expect(found).toEqual(added);
    }),
  );
});
