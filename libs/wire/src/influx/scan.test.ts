// The scan against a slow reference made from what was encoded, against rules at, below and above their
// bounds, and against mutated bytes.
import { hashBytes } from '@weir/bytes';
import { decodeLabels } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldReader, int32At } from '../protobuf/field-reader.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { SeriesRelabel, WriteRules } from '../write-request/write-rules.ts';
import { influxPrecision } from './precision.ts';
import { InfluxScan } from './scan.ts';

const NOW = 1_700_000_000_123;
const SEED = 0x9abcdef0;
const RULES: WriteRules = {
  labelNameBytesMax: 20,
  labelValueBytesMax: 30,
  labelNamesMax: 6,
  labelNamesInfoMax: 8,
  timestampMaxMs: NOW + 1000,
  timestampMinMs: NOW - 10_000_000,
  legacyNames: false,
  metadataBytesMax: 20,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

interface Sample {
  readonly labels: Record<string, string>;
  readonly timeMs: number;
  readonly value: number;
}

function scan(
  body: string | Uint8Array,
  {
    rules = {},
    precision = '',
    budget = 1 << 20,
  }: { rules?: Partial<WriteRules>; precision?: string; budget?: number } = {},
) {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const out = new AcceptedWrite();
  const scanner = new InfluxScan();
  scanner.start(bytes, {
    seed: SEED,
    rules: { ...RULES, ...rules },
    precision: influxPrecision(precision),
    nowMs: NOW,
  });
  while (!scanner.run(budget, out));
  scanner.release();
  return {
    out,
    get samples() {
      return decode(out);
    },
  };
}

function decode(out: AcceptedWrite): Sample[] {
  const bytes = out.rewritten.bytes;
  return Array.from({ length: out.count }, (_, index) => {
    const from = ~out.from[index]!;
    const outer = new FieldReader().reset(bytes, from, from + out.size[index]!);
    outer.next();
    const series = new FieldReader().reset(bytes, outer.from, outer.to);
    let labelsTo = outer.from;
    let value = 0;
    let timeMs = 0;
    while (series.next()) {
      if (series.field === 1) labelsTo = series.to;
      else {
        const sample = new FieldReader().reset(bytes, series.from, series.to);
        while (sample.next()) {
          if (sample.field === 1) {
            const view = new DataView(new ArrayBuffer(8));
            view.setInt32(0, int32At(bytes, sample.from), true);
            view.setInt32(4, int32At(bytes, sample.from + 4), true);
            value = view.getFloat64(0, true);
          } else timeMs = sample.int64();
        }
      }
    }
    const labels = bytes.slice(outer.from, labelsTo);
    expect(out.hash[index]).toBe(hashBytes(labels, 0, labels.length, SEED));
    return {
      labels: Object.fromEntries(decodeLabels(labels).map(({ name, value }) => [name, value])),
      timeMs,
      value,
    };
  });
}

const named = (name: string, tags: Record<string, string> = {}) => ({
  __name__: name,
  __mimir_source__: 'influx',
  ...tags,
});

const failure = (line: string): string => {
  try {
    scan(line);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};

describe('InfluxScan', () => {
  it('makes a series of each numeric field', () => {
    const line =
      'cpu,host=a,Zone=b value=1.5,idle=2i,user=3u,up=t,down=False,text="a, \\" =\nb" 1700000000000999999\n';
    const tags = { host: 'a', Zone: 'b' };
    expect(scan(line).samples).toEqual(
      [
        ['cpu', 1.5],
        ['cpu_idle', 2],
        ['cpu_user', 3],
        ['cpu_up', 1],
        ['cpu_down', 0],
      ].map(([name, value]) => ({
        labels: named(String(name), tags),
        value,
        timeMs: 1_700_000_000_000,
      })),
    );
  });

  it('skips blank lines and comments, takes the time of now, and ends lines as Windows does', () => {
    const { samples } = scan('\n  \n# a "comment, x=1\r\n\tm v=1\r\nm v=2');
    expect(samples.map(({ value, timeMs }) => [value, timeMs])).toEqual([
      [1, NOW],
      [2, NOW],
    ]);
  });

  it('cleans names, one underscore a character, and leaves values as they are', () => {
    const { samples } = scan('1a.b\\ c\\,d,k\\=é-1=v\\,\\ \\=ü\\x,9=z,__name__=q f\\=\\,ö=1');
    expect(samples[0]!.labels).toEqual(named('_1a_b_c_d_f___', { k___1: 'v, =ü\\x', _9: 'z' }));
  });

  it.each([
    ['', '1700000000000999999', 1_700_000_000_000],
    ['ns', '-1', -1],
    ['us', '1700000000000999', 1_700_000_000_000],
    ['u', '-1000', -1],
    ['ms', '1700000000000', 1_700_000_000_000],
    ['s', '1700000000', 1_700_000_000_000],
    ['m', '28333333', 1_699_999_980_000],
    ['h', '472222', 1_699_999_200_000],
  ])('reads times in %j', (precision, time, expected) => {
    const rules = { timestampMinMs: Number.NEGATIVE_INFINITY };
    expect(scan(`m v=1 ${time}`, { precision, rules }).samples[0]!.timeMs).toBe(expected);
  });

  it('refuses other precisions', () => {
    expect(() => influxPrecision('d')).toThrow('precision supplied is not valid: d');
  });

  it.each([
    ['0', 0],
    ['-0', -0],
    ['+1.25', 1.25],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['-1.5E-3', -0.0015],
    ['0.1234567890123456789', Number('0.1234567890123456789')],
    ['123456789012345678', Number('123456789012345678')],
    ['9223372036854775807i', 2 ** 63],
    ['-9223372036854775808i', -(2 ** 63)],
    ['18446744073709551615u', 2 ** 64],
    ['0000000000000000000000001i', 1],
  ])('reads %s', (written, value) => {
    expect(scan(`m v=${written}`).samples[0]!.value).toBe(value);
  });

  it.each([
    ['9223372036854775808i', 'invalid number'],
    ['-9223372036854775809i', 'invalid number'],
    ['18446744073709551616u', 'invalid number'],
    ['-1u', 'invalid number'],
    ['1.5i', 'invalid number'],
    ['1e400', 'invalid number'],
    ['NaN', 'invalid number'],
    ['-', 'invalid number'],
    ['1e', 'invalid number'],
    ['0x10', 'invalid field format'],
    ['1 2 3', 'bad timestamp'],
    ['1 1.5', 'bad timestamp'],
    ['1 9223372036855000000', 'time outside range -9223372036854775806 - 9223372036854775806'],
    ['tru', 'invalid boolean'],
    ['"x', 'unbalanced quotes'],
    ['', 'missing field value'],
    ['1,', 'invalid field format'],
  ])('refuses the value %s', (written, reason) => {
    expect(failure(`m v=1\nm v=${written}`)).toBe(
      `can't parse points: unable to parse 'm v=${written}': ${reason}`,
    );
  });

  it.each([
    [',a=b v=1', 'missing measurement'],
    ['m', 'missing fields'],
    ['m ', 'missing fields'],
    ['m,a=b', 'missing fields'],
    ['m, v=1', 'missing tag key'],
    ['m,a v=1', 'missing tag value'],
    ['m,a= v=1', 'missing tag value'],
    ['m,a=b=c v=1', 'invalid tag format'],
    ['m =1', 'missing field key'],
    ['m v', 'invalid field format'],
  ])('refuses the line %j', (line, reason) => {
    expect(failure(line)).toBe(`can't parse points: unable to parse '${line}': ${reason}`);
  });

  it.each([
    ['below', 'a=1,b=2', 1, undefined],
    ['at', 'a=1,b=2,c=3', 1, undefined],
    ['above', 'a=1,b=2,c=3,d=4', 0, 'max_label_names_per_series'],
  ])('holds the number of labels: %s', (_, tags, accepted, reason) => {
    const { out } = scan(`m,${tags} v=1`, { rules: { labelNamesMax: 5, labelNamesInfoMax: 5 } });
    expect([out.samplesOk, out.firstRejection?.reason]).toEqual([accepted, reason]);
  });

  it('lets info metrics have more labels', () => {
    const { out, samples } = scan('m,a=1,b=2 v=1,x_info=1', { rules: { labelNamesMax: 3 } });
    expect(samples.map(({ labels }) => labels.__name__)).toEqual(['m_x_info']);
    expect(out.firstRejection?.message).toContain('(actual: 4, limit: 3)');
  });

  it.each([
    ['label name', 'm,KEY=a v=1', 16, 'label_name_too_long'],
    ['label value', 'm,a=KEY v=1', 8, 'label_value_too_long'],
    ['metric name', 'm KEY=1', 8, 'label_value_too_long'],
    ['measurement', 'KEY value=1', 8, 'label_value_too_long'],
  ])('holds the length of a %s', (_, line, limit, reason) => {
    const isField = line.startsWith('m KEY');
    const rules = reason.includes('name')
      ? { labelNameBytesMax: limit }
      : { labelValueBytesMax: limit };
    const of = (size: number) =>
      scan(line.replace('KEY', 'k'.repeat(isField ? size - 2 : size)), { rules }).out.firstRejection
        ?.reason;
    expect([of(limit - 1), of(limit), of(limit + 1)]).toEqual([undefined, undefined, reason]);
  });

  it.each([
    [RULES.timestampMaxMs - 1, undefined],
    [RULES.timestampMaxMs, undefined],
    [RULES.timestampMaxMs + 1, 'too_far_in_future'],
    [RULES.timestampMinMs + 1, undefined],
    [RULES.timestampMinMs, undefined],
    [RULES.timestampMinMs - 1, 'too_far_in_past'],
  ])('holds the times: %d', (time, reason) => {
    const { out } = scan(`m v=1,w=2 ${time}`, { precision: 'ms' });
    expect(out.firstRejection?.reason).toBe(reason);
    expect(out.rejectedSamples).toBe(reason === undefined ? 0 : 2);
  });

  it.each([
    ['tags alike once they are cleaned', 'm,a-b=1,a.b=2 v=1', 'duplicate_label_names'],
    ['a tag that becomes the name', 'm,__name--=1 v=1', 'duplicate_label_names'],
  ])('refuses %s', (_, line, reason) => {
    const { out } = scan(`${line}\nm v=1`);
    expect([out.firstRejection?.reason, out.samplesOk]).toEqual([reason, 1]);
  });

  it('refuses values that are no text', () => {
    const { out } = scan(
      Buffer.concat([Buffer.from('m,a='), Buffer.of(0xff), Buffer.from(' v=1')]),
    );
    expect(out.firstRejection?.reason).toBe('label_value_invalid');
  });

  it('gives each series to rules that change labels, before it is judged', () => {
    const relabel: SeriesRelabel = (labels, samples, out) => {
      const metric = labels.find(({ name }) => String(Buffer.from(name)) === '__name__')!;
      if (String(Buffer.from(metric.value)) === 'm_bad') {
        out.discard('left_out', samples);
        return undefined;
      }
      return labels.filter(({ name }) => !String(Buffer.from(name)).startsWith('x'));
    };
    const { out, samples } = scan('m,x1=1,x2=2,y=3 bad=1,good=-2.5 1700000000000000000', {
      rules: { relabel, labelNamesMax: 3 },
    });
    const labels = named('m_good', { y: '3' });
    expect(samples).toEqual([{ labels, value: -2.5, timeMs: 1_700_000_000_000 }]);
    expect([...out.discardedSamples]).toEqual([['left_out', 1]]);
    expect([out.samplesIn, out.rejectedSamples, out.firstRejection]).toEqual([2, 0, undefined]);
  });

  it('bounds the tags and fields of a line', () => {
    const tags = (count: number) => Array.from({ length: count }, (_, i) => `,t${i}=1`).join('');
    expect(failure(`m${tags(1025)} v=1`)).toMatch(/more than 1024 tags$/);
    expect(scan(`m${tags(1024)} v=1`).out.rejectedSamples).toBe(1);
    const fields = (count: number) => Array.from({ length: count }, () => 'v=1').join();
    expect(scan(`m ${fields(65_536)}`).out.samplesOk).toBe(65_536);
    expect(failure(`m ${fields(65_537)}`)).toMatch(/more than 65536 fields$/);
  });

  it('writes what was encoded, whatever it is, in any slices', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'Z', '_', '3', ' ', ',', '=', 'é', '.'),
      minLength: 1,
      maxLength: 5,
    });
    const value = fc.oneof(
      fc
        .double({ noNaN: true, noDefaultInfinity: true })
        .map((v) => [Object.is(v, -0) ? '-0' : String(v), v] as const),
      fc.integer().map((v) => [`${v}i`, v] as const),
      fc.nat().map((v) => [`${v}u`, v] as const),
      fc.boolean().map((v) => [String(v), Number(v)] as const),
      fc.string().map((v) => [`"${v.replace(/["\\]/g, '\\$&')}"`, undefined] as const),
    );
    const line = fc.record({
      measurement: word,
      tags: fc.uniqueArray(fc.tuple(word, word), {
        maxLength: 4,
        selector: ([key]) => cleaned(key),
      }),
      fields: fc.array(fc.tuple(word, value), { minLength: 1, maxLength: 4 }),
      timeMs: fc.option(fc.integer({ min: NOW - 1000, max: NOW })),
    });
    const property = fc.property(fc.array(line, { maxLength: 5 }), fc.nat(60), (lines, slice) => {
      const body = lines.map(encode).join('\n');
      const expected = lines.flatMap(({ measurement, tags, fields, timeMs }) =>
        fields
          .filter(([, [, sent]]) => sent !== undefined)
          .map(([key, [, sent]]) => ({
            labels: named(
              cleaned(key === 'value' ? measurement : `${measurement}_${key}`),
              Object.fromEntries(tags.map(([name, text]) => [cleaned(name), text])),
            ),
            timeMs: timeMs ?? NOW,
            value: sent,
          })),
      );
      expect(scan(body, { budget: slice + 1 }).samples).toEqual(expected);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('answers mutated bytes with samples or a refusal', () => {
    const whole = Buffer.from('cpu,host=a\\ b,z=ü v=1.5,t="x",n=3i,b=true 1700000000000\nm v=2\n');
    const mutation = fc.array(
      fc.record({
        at: fc.nat(whole.length - 1),
        byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('\\", =\n\r#-'))),
      }),
      { minLength: 1, maxLength: 6 },
    );
    const property = fc.property(mutation, fc.nat(whole.length), (changes, size) => {
      const bytes = Buffer.from(whole);
      for (const { at, byte } of changes) bytes[at] = byte;
      const body = bytes.subarray(0, size);
      try {
        const { out, samples } = scan(body, { precision: 'ms' });
        expect(out.samplesIn).toBe(samples.length + out.rejectedSamples);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'invalid', status: 400 });
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});

function encode({
  measurement,
  tags,
  fields,
  timeMs,
}: {
  measurement: string;
  tags: (readonly [string, string])[];
  fields: (readonly [string, readonly [string, unknown]])[];
  timeMs: number | null;
}): string {
  const key = [
    measurement.replace(/[, ]/g, '\\$&'),
    ...tags.map(([name, text]) => `${escaped(name)}=${escaped(text)}`),
  ].join();
  const values = fields.map(([name, [written]]) => `${escaped(name)}=${written}`).join();
  return `${key} ${values}${timeMs === null ? '' : ` ${timeMs}000000`}`;
}

function escaped(text: string): string {
  return text.replace(/[,= ]/g, '\\$&');
}

function cleaned(name: string): string {
  return [...name]
    .map((c) => (/[a-zA-Z0-9_]/.test(c) ? c : '_'))
    .join('')
    .replace(/^\d/, '_$&');
}
