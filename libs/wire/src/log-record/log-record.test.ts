// Golden records: bytes that must never change meaning, because logs and other readers hold them. The
// independent decoder is protobufjs on proto/write.proto.
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { expandRecordV2 } from './expand-v2.ts';
import { packRecordV2 } from './pack-v2.ts';
import { recordAsV1 } from './record-version.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const bytes = (text: string) => Buffer.from(text);
const decode = (value: Uint8Array) =>
  WriteRequest.toObject(WriteRequest.decode(Buffer.from(value)), { longs: Number });

// up{job="x"} 1.5 @ 1700000000000, and the metadata of up: gauge, help "h".
const GOLDEN_V1 = unhex(`
  0a2c 0a0e 0a085f5f6e616d655f5f 12027570 0a08 0a036a6f62 120178
       1210 09000000000000f83f 1080d095ffbc31
  1a09 0802 12027570 220168`);
// The same as version 2: __name__ is 1 and job is 19 in the common table; up, x, h are 65, 66, 67.
const GOLDEN_V2 = unhex(`
  2200 22027570 220178 220168
  2a18 0a04 01411342 1210 09000000000000f83f 1080d095ffbc31
  2a0a 0a020141 2a04 08021843`);

describe('log records', () => {
  it('golden version 1 says what it should', () => {
    expect(decode(GOLDEN_V1)).toEqual({
      timeseries: [
        {
          labels: [
            { name: bytes('__name__'), value: bytes('up') },
            { name: bytes('job'), value: bytes('x') },
          ],
          samples: [{ value: 1.5, timestamp: 1_700_000_000_000 }],
        },
      ],
      metadata: [{ type: 2, metricFamilyName: bytes('up'), help: bytes('h') }],
    });
  });

  it('packs version 1 as the golden version 2', () => {
    expect(hex(packRecordV2(GOLDEN_V1))).toBe(hex(GOLDEN_V2));
  });

  it('expands the golden version 2 to version 1', () => {
    expect(hex(expandRecordV2(GOLDEN_V2))).toBe(hex(GOLDEN_V1));
    expect(hex(recordAsV1(GOLDEN_V2, 2))).toBe(hex(GOLDEN_V1));
  });

  it('takes versions 0 and 1 as they are and refuses unknown ones', () => {
    expect(recordAsV1(GOLDEN_V1, 0)).toBe(GOLDEN_V1);
    expect(recordAsV1(GOLDEN_V1, 1)).toBe(GOLDEN_V1);
    expect(() => recordAsV1(GOLDEN_V1, 3)).toThrow('record version 3 is not known');
  });

  it('carries histograms, exemplars, flags and metadata attached to series', () => {
    const value = WriteRequest.encode({
      source: 1,
      symbolsV2: ['', 'm', 'help', 'abc'].map(bytes),
      timeseriesV2: [
        {
          labelsRefs: [1, 65, 19, 30],
          histograms: [{ countInt: 2, sum: 3, schema: 1, timestamp: 5, positiveDeltas: [1, -1] }],
          exemplars: [{ labelsRefs: [20, 67], value: 4, timestamp: 6 }],
          metadata: { type: 3, helpRef: 66 },
          createdTimestamp: 9,
        },
        {
          labelsRefs: [1, 65],
          samples: [{ value: 1, timestamp: 7 }],
          metadata: { type: 3, helpRef: 66 },
        },
      ],
      skipLabelValidation: true,
    }).finish();
    expect(decode(expandRecordV2(value))).toEqual({
      source: 1,
      skipLabelValidation: true,
      timeseries: [
        {
          labels: [
            { name: bytes('__name__'), value: bytes('m') },
            { name: bytes('job'), value: bytes('node-exporter') },
          ],
          histograms: [{ countInt: 2, sum: 3, schema: 1, timestamp: 5, positiveDeltas: [1, -1] }],
          exemplars: [
            { labels: [{ name: bytes('instance'), value: bytes('abc') }], value: 4, timestamp: 6 },
          ],
          createdTimestamp: 9,
        },
        {
          labels: [{ name: bytes('__name__'), value: bytes('m') }],
          samples: [{ value: 1, timestamp: 7 }],
        },
      ],
      metadata: [{ type: 3, metricFamilyName: bytes('m'), help: bytes('help') }],
    });
  });

  it('reads references that are not packed, or in several parts', () => {
    const single = unhex('2a1a 0801 0841 0813 0842 1210 09000000000000f83f 1080d095ffbc31');
    const parts = unhex('2a1c 0a0101 0a024113 0a0142 1210 09000000000000f83f 1080d095ffbc31');
    const symbols = GOLDEN_V2.subarray(0, 12);
    const series = GOLDEN_V1.subarray(0, 46);
    for (const record of [single, parts]) {
      expect(hex(expandRecordV2(Buffer.concat([symbols, record])))).toBe(hex(series));
    }
  });

  it.each([
    ['36', '2a040a020124'],
    ['63', '2a040a02013f'],
    ['65 without symbols', '2a040a020141'],
  ])('refuses the reference %s', (_title, record) => {
    expect(() => expandRecordV2(unhex(record))).toThrow(/symbol reference \d+ is out of range/);
  });

  it('comes back from version 2 as it was', () => {
    const word = fc.stringMatching(/^[a-z]{1,6}$/);
    const label = fc.record({
      name: word,
      value: fc.oneof(word, fc.constantFrom('job', 'grafana')),
    });
    const series = fc.record({
      labels: fc.uniqueArray(label, { selector: (one) => one.name, maxLength: 5 }),
      timestamp: fc.integer({ min: 1, max: 2 ** 41 }),
    });
    fc.assert(
      fc.property(fc.array(series, { maxLength: 5 }), (all) => {
        const value = WriteRequest.encode({
          timeseries: all.map(({ labels, timestamp }) => ({
            labels: labels.map((one) => ({ name: bytes(one.name), value: bytes(one.value) })),
            samples: [{ value: 2, timestamp }],
          })),
        }).finish();
        expect(hex(expandRecordV2(packRecordV2(value)))).toBe(hex(value));
      }),
      { numRuns: 500 },
    );
  });

  it('fails on arbitrary bytes with an error only', () => {
    fc.assert(
      fc.property(
        fc.nat(GOLDEN_V2.length - 1),
        fc.nat(255),
        fc.uint8Array({ maxLength: 8 }),
        (at, byte, tail) => {
          const value = Buffer.concat([GOLDEN_V2, tail]);
          value[at] = byte;
          try {
            expandRecordV2(value);
          } catch (error) {
            expect(error).toMatchObject({ kind: 'invalid' });
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
