// What records may look like: other writers' label order, negative times, version 2, damage, refusals.
import { uvarintSize, writeUvarint } from '@weir/bytes';
import { decodeLabels, encodeLabels, SampleColumns } from '@weir/model';
import { decodeXorChunk } from '@weir/tsdb/chunk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { message, record, sampleBytes, series, writeRequest } from './record-fixture.ts';

const label = (name: string, value: string) =>
  message(0x0a, message(0x0a, Buffer.from(name)), message(0x12, Buffer.from(value)));

async function open() {
  return openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
}

async function contents(head: Awaited<ReturnType<typeof open>>) {
  const found: [string, number[]][] = [];
  const all = { tenant: 'one', matchers: [], minT: -1e15, maxT: 1e15 };
  for await (const batch of head.select(all)) {
    for (const { labels, chunks } of batch) {
      const columns = new SampleColumns();
      for (const chunk of chunks) decodeXorChunk(chunk.bytes, columns, -1e15, 1e15);
      const text = decodeLabels(labels).map(({ name, value }) => `${name}=${value}`);
      found.push([text.join(','), [...columns.t.subarray(0, columns.count)]]);
    }
  }
  return found;
}

function uvarints(...values: number[]): Uint8Array {
  const out = new Uint8Array(values.reduce((size, value) => size + uvarintSize(value), 0));
  let at = 0;
  for (const value of values) at = writeUvarint(out, at, value);
  return out;
}

describe('records', () => {
  it('may hold hours of each series: what is too old was so before the record', async () => {
    const head = await open();
    const hours = [0, 1, 2, 3, 4].map((hour) => [hour * 3_600_000, hour] as [number, number]);
    const body = writeRequest(
      series({ __name__: 'a' }, ...hours),
      series({ __name__: 'b' }, ...hours),
    );
    head.apply([record(0, body)], 1);
    const times = hours.map(([t]) => t);
    expect(await contents(head)).toEqual([
      ['__name__=a', times],
      ['__name__=b', times],
    ]);
    head.apply([record(1, writeRequest(series({ __name__: 'c' }, [3_600_000 - 1, 1])))], 2);
    expect(head.takeDiscards()).toEqual([
      { tenant: 'one', reason: 'sample_timestamp_too_old', count: 1 },
    ]);
  });

  it('recognises a series however its labels are written', async () => {
    const head = await open();
    const sorted = encodeLabels([
      { name: '__name__', value: 'up' },
      { name: 'job', value: 'x' },
    ]);
    const bodies = [
      message(0x0a, sorted, sampleBytes(1000, 1)),
      message(0x0a, label('job', 'x'), label('__name__', 'up'), sampleBytes(2000, 1)),
      message(0x0a, sampleBytes(3000, 1), label('job', 'x'), label('__name__', 'up')),
      message(
        0x0a,
        label('__name__', 'up'),
        label('empty', ''),
        sampleBytes(4000, 1),
        label('job', 'x'),
      ),
      message(0x0a, sorted, sampleBytes(5000, 1), sampleBytes(6000, 1)),
    ];
    for (const [offset, body] of bodies.entries()) head.apply([record(offset, body)], offset + 1);
    expect(await contents(head)).toEqual([
      ['__name__=up,job=x', [1000, 2000, 3000, 4000, 5000, 6000]],
    ]);
    expect(head.takeDiscards()).toEqual([]);
  });

  it('takes negative timestamps', async () => {
    const head = await open();
    const up = { __name__: 'up' };
    head.apply([record(0, writeRequest(series(up, [-30_000, 1], [-15_000, 2], [0, 3])))], 1);
    expect(await contents(head)).toEqual([['__name__=up', [-30_000, -15_000, 0]]]);
  });

  it('reads version 2, with the common table and its own symbols', async () => {
    const head = await open();
    const symbols = ['', 'up', 'help text'].map((text) => message(0x22, Buffer.from(text)));
    const metadata = message(0x2a, Uint8Array.of(0x08, 2), Uint8Array.of(0x18, 66));
    const one = message(
      0x2a,
      message(0x0a, uvarints(1, 65, 19, 65)),
      sampleBytes(1000, 1),
      metadata,
    );
    head.apply([record(0, Buffer.concat([...symbols, one]), 'one', 2)], 1);
    expect(await contents(head)).toEqual([['__name__=up,job=up', [1000]]]);
    expect(head.metadata('one')).toEqual([
      { metric: 'up', type: 'gauge', help: 'help text', unit: '' },
    ]);
  });

  it('keeps metadata, each entry once, through a checkpoint', async () => {
    const store = createMemoryHeadStore();
    const head = await openPartitionHead({ partition: 0 }, { store });
    for (const [offset, help] of ['old', 'new', 'old'].entries()) {
      const entry = message(
        0x1a,
        Uint8Array.of(0x08, 1),
        message(0x12, Buffer.from('up')),
        message(0x22, Buffer.from(help)),
      );
      head.apply([record(offset, entry)], offset + 1);
    }
    await head.checkpoint();
    const reopened = await openPartitionHead({ partition: 0 }, { store: store.copy() });
    expect(reopened.metadata('one')).toEqual([
      { metric: 'up', type: 'counter', help: 'old', unit: '' },
      { metric: 'up', type: 'counter', help: 'new', unit: '' },
    ]);
  });

  it('counts what it refuses, and goes on', async () => {
    const head = await open();
    head.configure('one', { outOfOrderWindowMs: 0, seriesMax: 1 });
    const hours = (n: number) => n * 3_600_000;
    head.apply(
      [
        record(0, writeRequest(series({ __name__: 'up' }, [hours(10), 1]))),
        record(1, Uint8Array.of(0x0a, 0xff, 0x01, 3)),
        record(2, writeRequest(), 'one', 7),
        record(3, writeRequest(series({ __name__: 'down' }, [hours(10), 1]))),
        record(4, writeRequest(series({ __name__: 'up' }, [hours(8), 1]))),
        record(5, writeRequest(series({ __name__: 'up' }, [hours(10), 2]))),
        record(6, writeRequest(series({ __name__: 'up' }, [hours(10) - 1000, 2]))),
        record(7, message(0x0a, label('__name__', 'up'), message(0x22, Uint8Array.of(8, 1)))),
        record(8, writeRequest(series({ __name__: 'up' }, [hours(10) + 1, 2]))),
      ],
      9,
    );
    const counts = Object.fromEntries(head.takeDiscards().map((one) => [one.reason, one.count]));
    expect(counts).toEqual({
      undecodable_record: 2,
      per_user_series_limit: 1,
      sample_timestamp_too_old: 1,
      sample_duplicate_timestamp: 1,
      sample_out_of_order: 1,
      invalid_native_histogram: 1,
    });
    expect(await contents(head)).toEqual([['__name__=up', [hours(10), hours(10) + 1]]]);
    expect(head.position).toBe(9);
  });

  it('skips samples of windows that manifests say are shipped', async () => {
    const head = await open();
    const window = { minT: 7_200_000, maxT: 14_400_000 };
    head.markShipped([{ tenant: 'one', ...window, throughOffset: 1 }]);
    const up = (t: number) => writeRequest(series({ __name__: 'up' }, [t, 1]));
    head.apply([record(0, up(7_200_000)), record(1, up(14_400_000)), record(2, up(14_399_999))], 3);
    expect(await contents(head)).toEqual([['__name__=up', [14_400_000]]]);
  });

  it('never throws, whatever a record holds', async () => {
    const head = await open();
    const valid = writeRequest(
      series({ __name__: 'up', a: 'b' }, [1000, 1], [2000, 2]),
      series({ __name__: 'up', a: 'c' }, [1000, 1]),
    );
    let offset = 0;
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat({ max: valid.length - 1 }),
        fc.nat({ max: 255 }),
        fc.integer({ min: 0, max: 2 }),
        (noise, at, byte, version) => {
          const damaged = Uint8Array.from(valid);
          damaged[at] = byte;
          for (const value of [noise, damaged, damaged.subarray(0, at)]) {
            head.apply([record(offset, value, 'one', version)], ++offset);
          }
        },
      ),
      { numRuns: 500 },
    );
    await contents(head);
  });
});
