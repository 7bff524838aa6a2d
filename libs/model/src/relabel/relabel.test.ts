// Each action of relabelling at its edges, rules that build on each other, and configurations that are refused.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the notation itself is meant
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compileRelabel } from './relabel.ts';
import { parseRelabelConfig } from './relabel-config.ts';

const LABELS = { __name__: 'http_total', a: 'foo', b: 'bar', c: 'Baz' };

function relabel(rules: object[], labels: Record<string, string> = LABELS) {
  const map = new Map(Object.entries(labels));
  return compileRelabel(rules.map(parseRelabelConfig))(map) ? Object.fromEntries(map) : undefined;
}

const md5Modulo = (value: string, modulus: bigint) =>
  String(createHash('md5').update(value).digest().readBigUInt64BE(8) % modulus);

describe('compileRelabel', () => {
  it.each<[string, object[], object | undefined]>([
    [
      'replaces with groups',
      [{ source_labels: ['a'], regex: 'f(.*)', target_label: 'd', replacement: 'ch$1-ch${1}$$' }],
      { ...LABELS, d: 'choo-choo$' },
    ],
    [
      'replaces with named groups',
      [{ source_labels: ['a'], regex: '(?P<x>f).*', target_label: 'd', replacement: '${x}-$x' }],
      { ...LABELS, d: 'f-f' },
    ],
    [
      'takes the longest name after $',
      [{ source_labels: ['a'], regex: '(f).*', target_label: 'd', replacement: 'x$1y' }],
      { ...LABELS, d: 'x' },
    ],
    ['matches whole values', [{ source_labels: ['a'], regex: 'o', target_label: 'd' }], LABELS],
    [
      'lets a dot match a line feed',
      [{ source_labels: ['a'], regex: 'x.y', target_label: 'd', replacement: '1' }],
      LABELS,
    ],
    [
      'joins with the separator',
      [{ source_labels: ['a', 'none', 'b'], target_label: 'd' }],
      { ...LABELS, d: 'foo;;bar' },
    ],
    [
      'joins with another separator',
      [{ source_labels: ['a', 'b'], separator: '', target_label: 'd' }],
      { ...LABELS, d: 'foobar' },
    ],
    ['sets a constant', [{ target_label: 'd', replacement: 'x' }], { ...LABELS, d: 'x' }],
    [
      'deletes with nothing',
      [{ source_labels: ['none'], target_label: 'a' }],
      { __name__: 'http_total', b: 'bar', c: 'Baz' },
    ],
    [
      'makes a name of groups',
      [{ source_labels: ['a'], regex: '(f)(.*)', target_label: '${1}_x', replacement: '$2' }],
      { ...LABELS, f_x: 'oo' },
    ],
    ['keeps', [{ action: 'keep', source_labels: ['a'], regex: 'fo+' }], LABELS],
    ['does not keep', [{ action: 'keep', source_labels: ['a'], regex: 'fo' }], undefined],
    ['drops', [{ action: 'drop', source_labels: ['a', 'b'], regex: 'foo;bar' }], undefined],
    ['does not drop', [{ action: 'DROP', source_labels: ['a'], regex: 'oo' }], LABELS],
    ['keeps equal', [{ action: 'keepequal', source_labels: ['a'], target_label: 'a' }], LABELS],
    [
      'does not keep unequal',
      [{ action: 'keepequal', source_labels: ['a'], target_label: 'b' }],
      undefined,
    ],
    [
      'drops equal',
      [{ action: 'dropequal', source_labels: ['none'], target_label: 'no' }],
      undefined,
    ],
    [
      'does not drop unequal',
      [{ action: 'dropequal', source_labels: ['a'], target_label: 'b' }],
      LABELS,
    ],
    [
      'hashes',
      [{ action: 'hashmod', source_labels: ['a'], modulus: 1000, target_label: 'd' }],
      { ...LABELS, d: md5Modulo('foo', 1000n) },
    ],
    [
      'maps names',
      [{ action: 'labelmap', regex: '([ab])', replacement: 'x_$1' }],
      { ...LABELS, x_a: 'foo', x_b: 'bar' },
    ],
    [
      'drops labels',
      [{ action: 'labeldrop', regex: '[ab]' }],
      { __name__: 'http_total', c: 'Baz' },
    ],
    [
      'keeps labels',
      [{ action: 'labelkeep', regex: '__.*|c' }],
      { __name__: 'http_total', c: 'Baz' },
    ],
    [
      'lowers',
      [{ action: 'lowercase', source_labels: ['c'], target_label: 'c' }],
      { ...LABELS, c: 'baz' },
    ],
    [
      'raises',
      [{ action: 'uppercase', source_labels: ['c'], target_label: 'd' }],
      { ...LABELS, d: 'BAZ' },
    ],
    [
      'goes on with what was made',
      [
        { source_labels: ['a'], target_label: 'd' },
        { action: 'drop', source_labels: ['d'], regex: 'foo' },
      ],
      undefined,
    ],
  ])('%s', (_, rules, expected) => {
    expect(relabel(rules)).toEqual(expected);
  });

  it.each<[object, RegExp]>([
    [{}, /requires 'target_label'/],
    [{ action: 'nothing' }, /unknown relabel action "nothing"/],
    [{ action: 'hashmod', target_label: 'a' }, /non-zero modulus/],
    [{ action: 'hashmod', target_label: '$1', modulus: 2 }, /invalid 'target_label'/],
    [{ action: 'labeldrop', source_labels: ['a'] }, /requires only 'regex'/],
    [{ action: 'labelkeep', replacement: 'x' }, /requires only 'regex'/],
    [{ action: 'keepequal', target_label: 'a', regex: 'x' }, /requires only 'source_labels'/],
    [{ action: 'uppercase', target_label: 'a', replacement: 'x' }, /'replacement' can not be set/],
    [{ action: 'drop', regexp: 'x' }, /unknown field regexp/],
    [{ action: 'drop', source_labels: 'a' }, /source_labels is a list/],
    [{ action: 'drop', regex: '(' }, /error parsing regexp/],
  ])('refuses %j', (rule, message) => {
    expect(() => relabel([rule])).toThrow(message);
  });
});
