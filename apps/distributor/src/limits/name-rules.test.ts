// Names and values of labels: which are valid by each scheme, which stand twice, what is no text, in both versions
// of remote write (other protocols make names of theirs).
import type { TenantLimits } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { PART, type Probe, REMOTE_WRITE, send, WHOLE } from './limit-fixture.ts';

interface Case {
  readonly probe: Probe;
  /** Absent: it is stored. */
  readonly refusal?: string;
}

type Cases = Readonly<Record<string, Case>>;
const LATIN = Uint8Array.of(0x61, 0xe9);
const metric = (name: string | Uint8Array): Probe => ({ metric: name });
const label = (name: string | Uint8Array, value: string | Uint8Array = 'v'): Probe => ({
  metric: 'm',
  labels: [[name, value]],
});

const MISSING = 'received series has no metric name (err-mimir-missing-metric-name)';
const invalidMetric = (shown: string, removed = false) =>
  `received a series with invalid metric name: '${shown}'${removed ? ' (non-ascii characters removed)' : ''} (err-mimir-metric-name-invalid)`;
const invalidLabel = (shown: string, series: string) =>
  `received a series with an invalid label: '${shown}' series: '${series}' (err-mimir-label-invalid)`;
const invalidValue = (name: string, shown: string) =>
  `received a series with invalid value in label '${name}': '${shown}' metric: 'm' (err-mimir-label-value-invalid)`;
const twice = (name: string, series: string) =>
  `received a series with duplicate label name, label: '${name}' series: '${series}' (err-mimir-duplicate-label-names)`;

/** Whatever the scheme. */
const BOTH: Cases = {
  'no labels': { probe: {}, refusal: MISSING },
  'no name': { probe: { labels: [['l', 'v']] }, refusal: MISSING },
  'an empty name': { probe: metric(''), refusal: MISSING },
  'a name of one letter': { probe: metric('a') },
  'a name with all that the old alphabet has': { probe: metric('_:aZ09') },
  'a label of one letter': { probe: label('a') },
  'a label with all that the old alphabet has': { probe: label('_aZ09') },
  'a label that begins with two underscores': { probe: label('__x') },
  'a value of any text': { probe: label('l', ' \n"\\é☃𝕏') },
  'a value that is no text': {
    probe: label('l', LATIN),
    refusal: invalidValue('l', 'a\ufffd'),
  },
  'an empty value is no label': { probe: label('l', '') },
  'a label twice': {
    probe: {
      metric: 'm',
      labels: [
        ['l', '1'],
        ['l', '2'],
      ],
    },
    refusal: twice('l', 'm{l="1", l="2"}'),
  },
  'a label twice with one value': {
    probe: {
      metric: 'm',
      labels: [
        ['l', '1'],
        ['l', '1'],
      ],
    },
    refusal: twice('l', 'm{l="1", l="1"}'),
  },
  'a label twice, not side by side': {
    probe: {
      metric: 'm',
      labels: [
        ['l', '1'],
        ['k', '0'],
        ['l', '2'],
      ],
    },
    refusal: twice('l', 'm{k="0", l="1", l="2"}'),
  },
  'a label twice, once without a value': {
    probe: {
      metric: 'm',
      labels: [
        ['l', ''],
        ['l', '2'],
      ],
    },
  },
  'the name twice': {
    probe: { metric: 'm', labels: [['__name__', 'n']] },
    refusal: twice('__name__', 'm{__name__="n"}'),
  },
  'labels in any order': {
    probe: {
      metric: 'm',
      labels: [
        ['b', '1'],
        ['a', '2'],
      ],
    },
  },
  'labels before the name': {
    probe: {
      labels: [
        ['Z', '1'],
        ['__name__', 'm'],
      ],
    },
  },
};

const LEGACY: Cases = {
  'a name that begins with a digit': { probe: metric('9a'), refusal: invalidMetric('9a') },
  'a name with a dot': { probe: metric('a.b'), refusal: invalidMetric('a.b') },
  'a name with a space': { probe: metric('a b'), refusal: invalidMetric('a b') },
  'a name with letters beyond ASCII': { probe: metric('aéb'), refusal: invalidMetric('ab', true) },
  'a name that is no text': { probe: metric(LATIN), refusal: invalidMetric('a', true) },
  'a long name': {
    probe: metric(`${'x'.repeat(250)}.`),
    refusal: invalidMetric('x'.repeat(200)),
  },
  'a label that begins with a digit': {
    probe: label('9a'),
    refusal: invalidLabel('9a', 'm{9a="v"}'),
  },
  'a label with a dot': { probe: label('a.b'), refusal: invalidLabel('a.b', 'm{a.b="v"}') },
  'a label with a colon': { probe: label('a:b'), refusal: invalidLabel('a:b', 'm{a:b="v"}') },
  'a label with letters beyond ASCII': {
    probe: label('é'),
    refusal: invalidLabel('é', 'm{é="v"}'),
  },
  'a label without a name': { probe: label(''), refusal: invalidLabel('', 'm{="v"}') },
};

const UTF8: Cases = {
  'a name that begins with a digit': { probe: metric('9a') },
  'a name with a dot': { probe: metric('a.b') },
  'a name with a space': { probe: metric(' ') },
  'a name with letters beyond ASCII': { probe: metric('aé☃𝕏') },
  'a name that is no text': { probe: metric(LATIN), refusal: invalidMetric('a', true) },
  'a label that begins with a digit': { probe: label('9a') },
  'a label with a dot': { probe: label('a.b') },
  'a label with a colon': { probe: label('a:b') },
  'a label with letters beyond ASCII': { probe: label('é☃𝕏') },
  'a label without a name': { probe: label(''), refusal: invalidLabel('', 'm{="v"}') },
  'a label that is no text': {
    probe: label(LATIN),
    refusal: invalidLabel('a\ufffd', 'm{a\ufffd="v"}'),
  },
};

const cases = (all: Cases) =>
  Object.entries(all).flatMap(([title, own]) =>
    REMOTE_WRITE.map((protocol) => [protocol, title, own] as const),
  );

describe.each([
  ['legacy', { ...BOTH, ...LEGACY }],
  ['utf8', { ...BOTH, ...UTF8 }],
])('names, scheme %s', (nameValidationScheme, all) => {
  it.each(cases(all))('%s: %s', async (protocol, _title, { probe, refusal }) => {
    const limits: Partial<TenantLimits> = { nameValidationScheme };
    const { status, refusal: told, stored } = await send(protocol, probe, { limits });
    expect({ status, told, stored }).toEqual({
      status: (refusal === undefined ? WHOLE : PART)[protocol],
      told: refusal ?? '',
      stored: refusal === undefined ? 1 : 0,
    });
  });
});
