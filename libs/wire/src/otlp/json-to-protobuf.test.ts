// OTLP/JSON against protobufjs: the same data gives the same bytes' meaning; and anything else an error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { otlpJsonToProtobuf } from './json-to-protobuf.ts';
import { OtlpRequest } from './otlp-fixture.ts';

const nanos = '1700000000123456789';
const attributes = [
  { key: 's', value: { stringValue: 'ü' } },
  { key: 'b', value: { boolValue: true } },
  { key: 'i', value: { intValue: '-9007199254740993' } },
  { key: 'd', value: { doubleValue: -0.5 } },
  { key: 'a', value: { arrayValue: { values: [{ stringValue: 'x' }, { intValue: '3' }] } } },
  { key: 'm', value: { kvlistValue: { values: [{ key: 'k', value: { stringValue: 'v' } }] } } },
  { key: 'y', value: { bytesValue: 'AQID' } },
];
const hex = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: 'ff00000000000001' };
const exemplar = { timeUnixNano: nanos, asDouble: 1.5, filteredAttributes: attributes };

function request(ids: object): object {
  const shared = { timeUnixNano: nanos, startTimeUnixNano: nanos, attributes, flags: 1 };
  const exemplars = [{ ...exemplar, ...ids }];
  return {
    resourceMetrics: [
      {
        resource: { attributes },
        schemaUrl: 'r',
        scopeMetrics: [
          {
            scope: { name: 'n', version: 'v', attributes },
            schemaUrl: 's',
            metrics: [
              {
                name: 'g',
                description: 'd',
                unit: 'u',
                gauge: { dataPoints: [{ ...shared, asInt: '-5' }] },
              },
              {
                name: 's',
                sum: {
                  aggregationTemporality: 2,
                  isMonotonic: true,
                  dataPoints: [{ ...shared, asDouble: 0, exemplars }],
                },
              },
              {
                name: 'h',
                histogram: {
                  aggregationTemporality: 1,
                  dataPoints: [
                    {
                      ...shared,
                      count: '3',
                      sum: 0,
                      bucketCounts: ['1', '2'],
                      explicitBounds: [0.5],
                      exemplars,
                    },
                  ],
                },
              },
              {
                name: 'e',
                exponentialHistogram: {
                  aggregationTemporality: 2,
                  dataPoints: [
                    {
                      ...shared,
                      count: '18446744073709551615',
                      scale: -3,
                      zeroCount: '4',
                      positive: { offset: -7, bucketCounts: ['1', '300'] },
                      negative: { offset: 2, bucketCounts: ['0'] },
                      exemplars,
                    },
                  ],
                },
              },
              {
                name: 'q',
                summary: {
                  dataPoints: [
                    {
                      ...shared,
                      count: '3',
                      sum: 2,
                      quantileValues: [{ quantile: 0.5, value: 1 }],
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  };
}

const shown = (bytes: Uint8Array) =>
  OtlpRequest.toObject(OtlpRequest.decode(bytes), { longs: String, bytes: String });

describe('otlpJsonToProtobuf', () => {
  it('means what protobufjs means', () => {
    const base64 = {
      traceId: Buffer.from(hex.traceId, 'hex').toString('base64'),
      spanId: Buffer.from(hex.spanId, 'hex').toString('base64'),
    };
    const expected = OtlpRequest.encode(OtlpRequest.fromObject(request(base64))).finish();
    expect(shown(otlpJsonToProtobuf(JSON.stringify(request(hex))))).toEqual(shown(expected));
  });

  it('takes numbers for 64-bit integers, names of enums, and skips what it does not know', () => {
    const json = (point: object, more: object) =>
      JSON.stringify({
        later: [1],
        resourceMetrics: [
          {
            scopeMetrics: [
              { metrics: [{ name: 'a', sum: { dataPoints: [{ ...point, odd: {} }], ...more } }] },
            ],
          },
        ],
      });
    const plain = otlpJsonToProtobuf(
      json({ asInt: '5', timeUnixNano: '8' }, { aggregationTemporality: 2 }),
    );
    const named = json(
      { asInt: 5, timeUnixNano: 8, flags: null },
      { aggregationTemporality: 'AGGREGATION_TEMPORALITY_CUMULATIVE' },
    );
    expect(otlpJsonToProtobuf(named)).toEqual(plain);
  });

  it.each([
    '',
    '[]',
    'null',
    '{"resourceMetrics":{}}',
    '{"resourceMetrics":[1]}',
    '{"resourceMetrics":[{"schemaUrl":1}]}',
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"isMonotonic":1}}]}]}]}',
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"aggregationTemporality":"x"}}]}]}]}',
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{"timeUnixNano":"1.5"}]}}]}]}]}',
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":""}]}}]}]}]}',
  ])('refuses %s', (json) => {
    expect(() => otlpJsonToProtobuf(json)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it('refuses what is nested without end', () => {
    const value = `${'{"arrayValue":{"values":['.repeat(500)}${']}}'.repeat(500)}`;
    const json = `{"resourceMetrics":[{"resource":{"attributes":[{"value":${value}}]}}]}`;
    expect(() => otlpJsonToProtobuf(json)).toThrow(/nested too deeply/);
  });

  it('takes any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        try {
          otlpJsonToProtobuf(json);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'invalid' });
        }
      }),
      { numRuns: 300 },
    );
  });
});
