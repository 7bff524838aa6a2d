// Remote read's messages against another implementation of protobuf and snappy, and requests of any bytes.
import { crc32c } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { HistogramColumns, labelsOf, RESET_GAUGE, SampleColumns } from '@weir/model';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { uncompressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { histogramOf } from '../histogram/histogram-fixture.ts';
import { chunkFrame } from './chunk-frame.ts';
import { parseReadRequest } from './read-request.ts';
import { ReadResult, readResponseBody } from './sample-response.ts';

const root = protobuf.loadSync(new URL('../../../../proto/remote.proto', import.meta.url).pathname);
const ReadRequest = root.lookupType('prometheus.ReadRequest');
const ReadResponse = root.lookupType('prometheus.ReadResponse');
const encode = (request: object) => new Uint8Array(ReadRequest.encode(request).finish());

const HINTS = { startMs: 5, endMs: 8, func: 'rate', stepMs: 1000, grouping: ['a'], by: true };
const REQUEST = {
  queries: [
    {
      startTimestampMs: -5,
      endTimestampMs: 1_700_000_000_123,
      matchers: [
        { type: 0, name: '__name__', value: 'up' },
        { type: 1, name: 'a', value: '' },
        { type: 2, name: 'b', value: 'ü.*' },
        { type: 3, name: 'c', value: 'x' },
      ],
      hints: { ...HINTS, rangeMs: 60_000 },
    },
    {},
  ],
  acceptedResponseTypes: [1, 0],
};

describe('a read request', () => {
  it('is read as it was written', () => {
    expect(parseReadRequest(encode(REQUEST))).toEqual({
      queries: [
        {
          ...{ startMs: -5, endMs: 1_700_000_000_123 },
          matchers: [
            { name: '__name__', op: '=', value: 'up' },
            { name: 'a', op: '!=', value: '' },
            { name: 'b', op: '=~', value: 'ü.*' },
            { name: 'c', op: '!~', value: 'x' },
          ],
          hints: { startMs: 5, endMs: 8, func: 'rate' },
        },
        { startMs: 0, endMs: 0, matchers: [], hints: undefined },
      ],
      responseType: 1,
    });
  });

  it.each([
    ['', 0],
    ['1000', 0],
    ['1001', 1],
    ['12020100', 1],
    ['12020001', 0],
    ['120305ff0112020001', 0],
    ['1012100710011000', 1],
  ])('that accepts %s is answered with type %i', (hex, type) => {
    expect(parseReadRequest(Buffer.from(hex, 'hex')).responseType).toBe(type);
  });

  it.each([
    [
      '1005',
      'server does not support any of the requested response types: [5]; supported: map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]',
    ],
    [
      '12020506',
      'server does not support any of the requested response types: [5 6]; supported: map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]',
    ],
    ['0a041a020809', 'invalid matcher type'],
    ['ff', 'unexpected end of input in a varint'],
    ['0a0a', 'proto: field 1 reaches past the end of its message'],
    ['0801', 'proto: wrong wire type for Queries: varint, expected length-delimited'],
    ['1201ff', 'proto: AcceptedResponseTypes: truncated varint'],
  ])('of bytes %s is refused: %s', (hex, message) => {
    expect(() => parseReadRequest(Buffer.from(hex, 'hex'))).toThrow(
      new WeirError('invalid', message),
    );
  });

  it('of any bytes is a request or an invalid error', () => {
    const good = encode(REQUEST);
    const mutated = fc
      .tuple(fc.nat(good.length - 1), fc.nat(5), fc.uint8Array({ maxLength: 6 }))
      .map(([at, cut, piece]) =>
        Buffer.concat([good.subarray(0, at), piece, good.subarray(at + cut)]),
      );
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        try {
          const { queries, responseType } = parseReadRequest(bytes);
          expect([0, 1]).toContain(responseType);
          for (const { startMs, endMs } of queries) {
            expect(Number.isInteger(startMs) && Number.isInteger(endMs)).toBe(true);
          }
        } catch (error) {
          if (!(error instanceof WeirError)) throw error;
          expect(error.kind).toBe('invalid');
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('means what another decoder says it means', () => {
    const int64 = fc.integer({ min: -(2 ** 45), max: 2 ** 45 });
    const matcher = fc.record({ type: fc.nat(3), name: fc.string(), value: fc.string() });
    const query = fc.record({
      startTimestampMs: int64,
      endTimestampMs: int64,
      matchers: fc.array(matcher, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(query, { maxLength: 3 }), (queries) => {
        const ops = ['=', '!=', '=~', '!~'];
        expect(parseReadRequest(encode({ queries })).queries).toEqual(
          queries.map(({ startTimestampMs, endTimestampMs, matchers }) => ({
            ...{ startMs: startTimestampMs, endMs: endTimestampMs, hints: undefined },
            matchers: matchers.map(({ type, name, value }) => ({ name, op: ops[type], value })),
          })),
        );
      }),
    );
  });
});

function columns(samples: readonly (readonly [number, number])[]): SampleColumns {
  const out = new SampleColumns();
  for (const [t, v] of samples) out.push(t, v);
  return out;
}

const STALE_BITS = 0x7ff0000000000002n;
const NONE = new HistogramColumns();

function decoded(results: readonly ReadResult[]) {
  const body = Buffer.concat([...readResponseBody(results)]);
  const message = ReadResponse.decode(uncompressSync(body) as Buffer);
  return ReadResponse.toObject(message, { longs: Number, defaults: false }) as {
    results: {
      timeseries: {
        labels: object[];
        samples?: { value: number; timestamp: number }[];
        histograms?: object[];
      }[];
    }[];
  };
}

describe('an answer with samples', () => {
  it('holds series, floats to the bit, and histograms, query by query', () => {
    const histograms = new HistogramColumns();
    const positive = [[1, [1, 3]]] as const;
    histograms.push(7, histogramOf({ positive, sum: 2.5, schema: 2 }));
    histograms.push(9, histogramOf({ positive, isFloat: true, sum: 1, resetHint: RESET_GAUGE }));
    const [first, second] = [new ReadResult(), new ReadResult()];
    const samples = columns([
      [-3, -0],
      [5, 0],
    ]);
    new BigUint64Array(samples.v.buffer)[1] = STALE_BITS;
    first.add(labelsOf({ __name__: 'a', x: 'ü' }), samples, NONE);
    second.add(labelsOf({ __name__: 'h' }), columns([]), histograms);
    const { results } = decoded([first, new ReadResult(), second]);
    expect(results).toHaveLength(3);
    expect(results[0]!.timeseries).toHaveLength(1);
    const [floats] = results[0]!.timeseries;
    expect(floats!.labels).toEqual([
      { name: '__name__', value: 'a' },
      { name: 'x', value: 'ü' },
    ]);
    expect(floats!.samples!.map(({ timestamp }) => timestamp)).toEqual([-3, 5]);
    expect(floats!.samples![0]!.value).toBe(-0);
    const body = uncompressSync(Buffer.concat([...readResponseBody([first])])) as Buffer;
    expect(body.includes(Buffer.from('020000000000f07f', 'hex'))).toBe(true);
    expect(results[1]).toEqual({});
    expect(results[2]!.timeseries[0]!.histograms).toEqual([
      {
        ...{ countInt: 4, sum: 2.5, schema: 2, zeroCountInt: 0, timestamp: 7 },
        positiveSpans: [{ offset: 1, length: 2 }],
        positiveDeltas: [1, 2],
      },
      {
        ...{ countFloat: 4, sum: 1, zeroCountFloat: 0, timestamp: 9, resetHint: 3 },
        positiveSpans: [{ offset: 1, length: 2 }],
        positiveCounts: [1, 3],
      },
    ]);
  });

  it('is one snappy block however large, compressed piece by piece', () => {
    const result = new ReadResult();
    const t = columns(Array.from({ length: 1000 }, (_, at) => [at, Math.sin(at)]));
    for (let at = 0; at < 200; at++) result.add(labelsOf({ at: String(at) }), t, NONE);
    const empty = new ReadResult();
    const { results } = decoded([result, empty]);
    expect([...readResponseBody([result, empty])].length).toBeGreaterThan(4);
    expect(results[0]!.timeseries.map(({ labels }) => labels)).toEqual(
      Array.from({ length: 200 }, (_, at) => [{ name: 'at', value: String(at) }]),
    );
    expect(results[0]!.timeseries[199]!.samples![999]).toEqual({
      timestamp: 999,
      value: Math.sin(999),
    });
  });

  it('of no query is the empty message', () => {
    expect(Buffer.concat([...readResponseBody([])]).toString('hex')).toBe('00');
  });
});

describe('chunkFrame', () => {
  it('puts length and checksum in front of the message', () => {
    const message = new Uint8Array(300).fill(7);
    const frame = Buffer.from(chunkFrame(message));
    expect(frame.length).toBe(306);
    expect(frame.readUInt16BE(0)).toBe(0xac02);
    expect(frame.readUInt32BE(2)).toBe(crc32c(message));
    expect(frame.subarray(6).equals(message)).toBe(true);
    // The check value of CRC-32C.
    expect(Buffer.from(chunkFrame(Buffer.from('123456789'))).toString('hex', 1, 5)).toBe(
      'e3069283',
    );
  });
});
