// Native histograms in answers, byte for byte as Prometheus writes them.
import { labelsOf, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import type { Histogram, QueryResult, SeriesColumns } from '@weir/promql';
import { describe, expect, it } from 'vitest';
import { queryAnswerJson } from './answer-json.ts';
import { CHUNK_SIZE_BYTES } from './byte-writer.ts';

const sideOf = (...pairs: [index: number, count: number][]) => ({
  index: Int32Array.from(pairs, ([index]) => index),
  count: Float64Array.from(pairs, ([, count]) => count),
});

const EMPTY: Histogram = {
  ...{ schema: 0, resetHint: 0, zeroThreshold: 0, zeroCount: 0, count: 0, sum: 0 },
  ...{ positive: sideOf(), negative: sideOf(), customValues: new Float64Array(0) },
};

const EXPONENTIAL: Histogram = {
  ...EMPTY,
  ...{ schema: 1, zeroThreshold: 2 ** -128, zeroCount: 2, count: 10.5, sum: -19.25 },
  positive: sideOf([0, 1], [1, 2.5]),
  negative: sideOf([2, 5]),
};

const CUSTOM: Histogram = {
  ...EMPTY,
  ...{ schema: SCHEMA_CUSTOM_BUCKETS, count: 6, sum: Number.NaN },
  positive: sideOf([0, 1], [1, 2], [2, 3]),
  customValues: Float64Array.of(-0.5, 1e21),
};

const notes = { warnings: [], infos: [] };

function result(of: QueryResult): string {
  const whole = Buffer.concat([...queryAnswerJson(of, notes, undefined)]).toString('utf8');
  const [, inside] = /"result":(.*)\}\}$/s.exec(whole)!;
  return inside!;
}

const labels = labelsOf({ a: 'b' });

function instant(...histograms: Histogram[]): string {
  const samples = histograms.map((histogram) => ({ labels, value: Number.NaN, histogram }));
  return result({ type: 'vector', timeMs: 1500, samples, ...notes });
}

function matrix(...series: Omit<SeriesColumns, 'labels'>[]): string {
  const all = series.map((columns) => ({ labels, ...columns }));
  return result({ type: 'matrix', series: all, ...notes });
}

const floats = (...v: number[]) => ({
  t: Float64Array.from(v, (_, at) => at * 1000),
  v: Float64Array.from(v),
  count: v.length,
});

describe('a histogram of an instant', () => {
  it.each([
    [
      'exponential',
      EXPONENTIAL,
      '{"count":"10.5","sum":"-19.25","buckets":[[1,"-2","-1.414213562373095","5"],[3,"-2.938735877055719e-39","2.938735877055719e-39","2"],[0,"0.7071067811865475","1","1"],[0,"1","1.414213562373095","2.5"]]}',
    ],
    [
      'of custom buckets, its sum not a number',
      CUSTOM,
      '{"count":"6","sum":"NaN","buckets":[[3,"-Inf","-0.5","1"],[0,"-0.5","1e+21","2"],[0,"1e+21","+Inf","3"]]}',
    ],
    ['empty', EMPTY, '{"count":"0","sum":"0"}'],
    [
      'whose zero bucket is 0 alone',
      { ...EMPTY, zeroCount: 3, count: 3 },
      '{"count":"3","sum":"0","buckets":[[3,"-0","0","3"]]}',
    ],
    [
      'of infinite sum and counts',
      { ...EMPTY, count: Infinity, sum: -Infinity, positive: sideOf([1024, 1], [1025, Infinity]) },
      '{"count":"+Inf","sum":"-Inf","buckets":[[0,"8.98846567431158e+307","1.7976931348623157e+308","1"],[0,"1.7976931348623157e+308","+Inf","+Inf"]]}',
    ],
  ])('that is %s', (_, histogram, json) => {
    expect(instant(histogram)).toBe(`[{"metric":{"a":"b"},"histogram":[1.500,${json}]}]`);
  });

  it('stands beside floats', () => {
    const samples = [
      { labels, value: 1 },
      { labels, value: Number.NaN, histogram: EMPTY },
      { labels, value: Number.NaN },
    ];
    expect(result({ type: 'vector', timeMs: 2000, samples, ...notes })).toBe(
      '[{"metric":{"a":"b"},"value":[2,"1"]},{"metric":{"a":"b"},"histogram":[2,{"count":"0","sum":"0"}]},{"metric":{"a":"b"},"value":[2,"NaN"]}]',
    );
  });
});

describe('histograms of a range', () => {
  const histograms = [
    { t: 500, histogram: EMPTY },
    { t: 3000, histogram: { ...EMPTY, count: 7 } },
  ];
  const points = '[0.500,{"count":"0","sum":"0"}],[3,{"count":"7","sum":"0"}]';

  it('stand behind values, or alone', () => {
    expect(matrix({ ...floats(1, 2), histograms }, { ...floats(), histograms })).toBe(
      `[{"metric":{"a":"b"},"values":[[0,"1"],[1,"2"]],"histograms":[${points}]},{"metric":{"a":"b"},"histograms":[${points}]}]`,
    );
  });

  it('are not told where there are none', () => {
    const alone = '{"metric":{"a":"b"},"values":[[0,"1"]]}';
    expect(matrix(floats(1), { ...floats(1), histograms: [] })).toBe(`[${alone},${alone}]`);
  });

  it('are written while they are sent', () => {
    const many = Array.from({ length: 5000 }, (_, t) => ({ t, histogram: CUSTOM }));
    const series = [{ labels, ...floats(), histograms: many }];
    const chunks = [...queryAnswerJson({ type: 'matrix', series, ...notes }, notes, undefined)];
    expect(chunks.length).toBeGreaterThan(2);
    for (const chunk of chunks) expect(chunk.length).toBeLessThan(CHUNK_SIZE_BYTES + 1024);
    const { data } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    expect(data.result[0].histograms).toHaveLength(5000);
    expect(data.result[0].histograms[4999][0]).toBe(4.999);
  });
});
