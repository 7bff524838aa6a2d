// What reaches the log of a push, read as Mimir would read it: by another decoder than ours it is exactly
// what was pushed, in either version of remote write and of records.
import {
  decodeMimirRecord,
  encodeMimirRecord,
  encodeRemoteWrite2,
  type MimirMetadata,
  type MimirSeries,
  type MimirWrite,
} from '@weir/wire/mimir-record-fixture.ts';
import { mimirWrite, WRITE_FROM_MS } from '@weir/wire/mimir-write-fixture.ts';
import fc from 'fast-check';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { body1, bytes, NOW, setUp, VERSION_2 } from './push-fixture.ts';

const RUNS = { numRuns: 60 };
const compressed = (body: Uint8Array) => compressSync(Buffer.from(body));
const byFamily = (metadata: readonly MimirMetadata[]) =>
  new Map(metadata.map((entry) => [entry.family, entry]));
const byLabels = (all: readonly MimirSeries[]) =>
  new Map(all.map((one) => [JSON.stringify(one.labels), one]));
/** Remote write 2.0 has start timestamps instead, with each sample. */
const withoutCreated = ({ series: all, ...rest }: MimirWrite) => ({
  ...rest,
  series: all.map((one) => ({ ...one, created: '0' })),
});

async function check(
  write: MimirWrite,
  recordVersion: number,
  send: (push: ReturnType<typeof setUp>['push']) => Promise<{ readonly status: number }>,
): Promise<void> {
  const { push, produced, advance } = setUp({ settings: { recordVersion } });
  advance(WRITE_FROM_MS + 60_000 - NOW);
  expect(await send(push)).toMatchObject({ status: expect.toSatisfy((status) => status < 300) });
  const decoded = produced.map(({ key, value, version }) => {
    expect(Buffer.from(key).toString()).toBe('tenant');
    expect(version).toBe(recordVersion);
    return decodeMimirRecord(value, version);
  });
  const found = decoded.flatMap((record) => record.series);
  expect(found.length).toBe(write.series.length);
  expect(byLabels(found)).toEqual(byLabels(write.series));
  const metadata = decoded.flatMap((record) => record.metadata);
  expect(metadata.length).toBe(write.metadata.length);
  expect(byFamily(metadata)).toEqual(byFamily(write.metadata));
  for (const { source } of decoded) expect(source ?? 0).toBe(0);
}

describe.each([1, 2])('records of version %i, by another decoder', (recordVersion) => {
  it('are what was pushed by remote write 1.0', async () => {
    const one = fc.asyncProperty(mimirWrite, (write) =>
      check(write, recordVersion, (push) => push(compressed(encodeMimirRecord(write, 1)))),
    );
    await fc.assert(one, RUNS);
  });

  it('are what was pushed by remote write 2.0', async () => {
    const one = fc.asyncProperty(mimirWrite.map(withoutCreated), (write) =>
      check(write, recordVersion, (push) =>
        push(compressed(encodeRemoteWrite2(write)), { contentType: VERSION_2 }),
      ),
    );
    await fc.assert(one, RUNS);
  });
});

describe('the version of records', () => {
  it('is 1 where 2 would make a record too large', async () => {
    const body = body1([], [{ type: 1, metricFamilyName: bytes('m') }]);
    const { produced, push } = setUp({ settings: { recordVersion: 1 }, active: [0] });
    await push(body);
    const size = produced[0]!.value.length;
    for (const [recordSizeMaxBytes, versions] of [
      [size, [1]],
      [size + 100, [2]],
    ] as const) {
      const setup = setUp({ settings: { recordVersion: 2 }, active: [0], recordSizeMaxBytes });
      await setup.push(body);
      expect(setup.produced.map((record) => record.version)).toEqual(versions);
    }
  });

  it.each([0, 3])('is not %i', (recordVersion) => {
    expect(() => setUp({ settings: { recordVersion } })).toThrow('producer-record-version');
  });
});
