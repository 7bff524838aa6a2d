// Numbers and strings of answers against Go's and JSON's own rules.
import { encodeLabels } from '@weir/model';
import type { QueryResult } from '@weir/promql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataAnswerJson, queryAnswerJson, seriesAnswerJson } from './answer-json.ts';
import { ByteWriter, CHUNK_SIZE_BYTES, floatText } from './byte-writer.ts';

const written = (write: (out: ByteWriter) => void) => {
  const out = new ByteWriter();
  write(out);
  return Buffer.from(out.take()).toString('utf8');
};
const NONE = { warnings: [], infos: [] };
const textOf = (chunks: Iterable<Uint8Array>) => Buffer.concat([...chunks]).toString('utf8');

describe('floats', () => {
  it.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-17.25, '-17.25'],
    [1e20, '100000000000000000000'],
    [123456789012345680000, '123456789012345680000'],
    [1e21, '1e+21'],
    [-1.5e300, '-1.5e+300'],
    [0.000001, '0.000001'],
    [1e-7, '1e-07'],
    [1.25e-7, '1.25e-07'],
    [5e-324, '5e-324'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [2 ** 53, '9007199254740992'],
    [1000000000, '1000000000'],
    [999999999, '999999999'],
    [-4294967296, '-4294967296'],
  ])('%d is %s', (value, text) => {
    expect(written((out) => out.quotedFloat(value))).toBe(`"${text}"`);
  });

  it('written as digits are those of the runtime', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.double()), (value) => {
        expect(written((out) => out.quotedFloat(value))).toBe(`"${floatText(value)}"`);
      }),
    );
  });
});

describe('timestamps', () => {
  it.each([
    [0, '0'],
    [1435781451781, '1435781451.781'],
    [1435781451000, '1435781451'],
    [1500, '1.500'],
    [1005, '1.005'],
    [-1, '-0.001'],
    [-62135596800000, '-62135596800'],
  ])('%d ms is %s', (ms, text) => {
    expect(written((out) => out.timestamp(ms))).toBe(text);
  });
});

describe('strings', () => {
  it('are JSON whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(9), (text, pad) => {
        const bytes = Buffer.from(`${'x'.repeat(pad)}${text}y`);
        const json = written((out) => out.string(bytes, pad, bytes.length - 1));
        expect(JSON.parse(json)).toBe(text);
      }),
    );
  });
});

describe('answers', () => {
  const labels = encodeLabels([{ name: '__name__', value: 'up"' }]);

  it('have the shapes of Prometheus', () => {
    const json = (result: QueryResult) => textOf(queryAnswerJson(result, NONE, undefined));
    const sample = { labels, value: 2 };
    expect(json({ type: 'vector', timeMs: 1500, samples: [sample], ...NONE })).toBe(
      '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up\\""},"value":[1.500,"2"]}]}}',
    );
    expect(json({ type: 'vector', timeMs: 1500, samples: [], ...NONE })).toBe(
      '{"status":"success","data":{"resultType":"vector","result":[]}}',
    );
    const one = { labels, t: Float64Array.of(1000, 2000), v: Float64Array.of(1, 2), count: 2 };
    expect(json({ type: 'matrix', series: [one], ...NONE })).toBe(
      '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up\\""},"values":[[1,"1"],[2,"2"]]}]}}',
    );
    expect(json({ type: 'scalar', timeMs: 0, value: 1, ...NONE })).toBe(
      '{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}',
    );
    expect(json({ type: 'string', timeMs: 0, value: 'é"', ...NONE })).toBe(
      '{"status":"success","data":{"resultType":"string","result":[0,"é\\""]}}',
    );
  });

  it('carry at most ten warnings, and infos and stats', () => {
    const warnings = Array.from({ length: 12 }, (_, at) => `w${at}`);
    const bytes = dataAnswerJson(['a'], { warnings, infos: ['i'] });
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
      status: 'success',
      data: ['a'],
      warnings: warnings.slice(0, 10),
      infos: ['i'],
    });
    const result: QueryResult = { type: 'scalar', timeMs: 0, value: 1, ...NONE };
    expect(textOf(queryAnswerJson(result, NONE, { x: 1 }))).toContain(
      '"result":[0,"1"],"stats":{"x":1}}',
    );
  });

  it('stay apart where several are written at a time', () => {
    // Labels that fill a chunk before the rows of a batch are used up.
    const wide = encodeLabels([{ name: 'a', value: 'x'.repeat(5000) }]);
    const vector = (seed: number): QueryResult => {
      const samples = Array.from({ length: 300 }, (_, at) => ({ labels: wide, value: seed + at }));
      return { type: 'vector', timeMs: seed * 1000, samples, ...NONE };
    };
    const seeds = [1 / 3, 1000];
    const answers = seeds.map((seed) => queryAnswerJson(vector(seed), NONE, undefined));
    const chunks: Uint8Array[][] = seeds.map(() => []);
    for (let open = true; open; ) {
      open = false;
      for (const [at, answer] of answers.entries()) {
        const { done, value } = answer.next();
        if (done) continue;
        open = true;
        chunks[at]!.push(value);
      }
    }
    for (const [at, seed] of seeds.entries()) {
      expect(chunks[at]!.length).toBeGreaterThan(3);
      const { result } = JSON.parse(textOf(chunks[at]!)).data;
      const time = Math.trunc(seed * 1000) / 1000;
      const expected = Array.from({ length: 300 }, (_, index) => [time, String(seed + index)]);
      expect(result.map(({ value }: { value: unknown }) => value)).toEqual(expected);
    }
  });

  it('come in bounded chunks', () => {
    const count = 10_000;
    const t = Float64Array.from({ length: count }, (_, at) => at * 15_000);
    const one = { labels, t, v: t.map((ms) => ms / 7), count };
    const result: QueryResult = { type: 'matrix', series: [one, one], ...NONE };
    const chunks = [...queryAnswerJson(result, NONE, undefined)];
    expect(chunks.length).toBeGreaterThan(2);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(
      CHUNK_SIZE_BYTES + 16 * 1024,
    );
    const values = JSON.parse(textOf(chunks)).data.result[1].values;
    expect(values.length).toBe(count);
    expect(Number(values[9999][1])).toBe(one.v[9999]);
    expect(textOf(seriesAnswerJson([labels, labels], NONE))).toBe(
      '{"status":"success","data":[{"__name__":"up\\""},{"__name__":"up\\""}]}',
    );
  });
});
