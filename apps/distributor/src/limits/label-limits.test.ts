// Lengths and numbers of labels: under, at and over each limit, in each protocol, with Mimir's texts.
import type { TenantLimits } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import {
  ALL,
  PART,
  type Probe,
  type Protocol,
  REMOTE_WRITE,
  send,
  seriesText,
  WHOLE,
  wholeText,
} from './limit-fixture.ts';

interface Case {
  readonly limits: Partial<TenantLimits>;
  readonly probe: Probe;
  /** Absent: it is stored. */
  readonly refusal?: (protocol: Protocol) => string;
  readonly protocols?: readonly Protocol[];
}

const contact = (flag: string) =>
  `. To adjust the related per-tenant limit, configure -validation.${flag}, or contact your service administrator.`;
const cut = (text: string) => [...text].slice(0, 200).join('');

const nameTooLong = (probe: Probe, name: string) => (protocol: Protocol) =>
  `received a series whose label name length exceeds the limit, label: '${cut(name)}' series: '${seriesText(protocol, probe)}' (err-mimir-label-name-too-long)${contact('max-length-label-name')}`;

const valueTooLong = (probe: Probe, label: string, value: string, limit: number) => {
  const size = Buffer.byteLength(value);
  return (protocol: Protocol) =>
    protocol === 'OTLP'
      ? `received a metric whose attribute value length of ${size} exceeds the limit of ${limit}, attribute: '${label}', value: '${cut(value)}' (truncated) metric: '${cut(String(probe.metric))}' (err-mimir-label-value-too-long)${contact('max-length-label-value')}`
      : `received a series whose label value length of ${size} exceeds the limit of ${limit}, label: '${label}', value: '${cut(value)}' (truncated) series: '${seriesText(protocol, probe)}' (err-mimir-label-value-too-long)${contact('max-length-label-value')}`;
};

const tooMany = (probe: Probe, limit: number, kind: 'series' | 'info-series') => {
  const count = (probe.labels?.length ?? 0) + 1;
  return (protocol: Protocol) => {
    const actual = protocol === 'line protocol' ? count + 1 : count;
    const more = wholeText(protocol, probe).length > 200 ? '…' : '';
    return `received a series whose number of labels exceeds the limit (actual: ${actual}, limit: ${limit}) series: '${seriesText(protocol, probe)}${more}' (err-mimir-max-label-names-per-${kind})${contact(`max-label-names-per-${kind}`)}`;
  };
};

/** As many labels with the name and, in line protocol, its mark. */
const withLabels = (count: number, metric = 'm'): Probe => ({
  metric,
  labels: Array.from({ length: count - 1 }, (_, at) => [`l${String(at).padStart(2, '0')}`, 'v']),
});

function lengths(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  const name = (
    title: string,
    label: string,
    over: boolean,
    limits = { labelNameBytesMax: 20 },
  ) => {
    const probe = { metric: 'm', labels: [[label, 'v']] } as const;
    // In line protocol names are ASCII.
    const protocols =
      Buffer.byteLength(label) === label.length ? ALL : ([...REMOTE_WRITE, 'OTLP'] as const);
    cases[`label name: ${title}`] = {
      ...{ limits, probe, protocols },
      ...(over && { refusal: nameTooLong(probe, label) }),
    };
  };
  name('shorter than the limit', 'x'.repeat(19), false);
  name('as long as the limit', 'x'.repeat(20), false);
  name('one longer than the limit', 'x'.repeat(21), true);
  name('as long as the limit in bytes', 'é'.repeat(10), false);
  name('longer than the limit in bytes', `${'é'.repeat(10)}x`, true);
  const none = {} as { labelNameBytesMax: number };
  name('as long as the default limit', 'x'.repeat(1024), false, none);
  name('longer than the default limit', 'x'.repeat(1025), true, none);

  const value = (title: string, text: string, over: boolean, limit?: number) => {
    const limits = limit === undefined ? {} : { labelValueBytesMax: limit };
    const probe = { metric: 'm', labels: [['l', text]] } as const;
    const refusal = valueTooLong(probe, 'l', text, limit ?? 2048);
    cases[`label value: ${title}`] = { ...{ limits, probe }, ...(over && { refusal }) };
  };
  value('shorter than the limit', 'x'.repeat(19), false, 20);
  value('as long as the limit', 'x'.repeat(20), false, 20);
  value('one longer than the limit', 'x'.repeat(21), true, 20);
  value('as long as the limit in bytes', '☃'.repeat(7), false, 21);
  value('longer than the limit in bytes', '☃'.repeat(7), true, 20);
  value('as long as the default limit', 'x'.repeat(2048), false);
  value('longer than the default limit', 'x'.repeat(2049), true);
  value('longer, outside the basic plane', '𝕏'.repeat(513), true);

  const metric = (title: string, length: number, over: boolean, limit?: number) => {
    // OTLP sends metadata of the same name.
    const limits = { metadataBytesMax: 0, ...(limit && { labelValueBytesMax: limit }) };
    const probe = { metric: 'm'.repeat(length) };
    const refusal = valueTooLong(probe, '__name__', probe.metric, limit ?? 2048);
    cases[`metric name: ${title}`] = { ...{ limits, probe }, ...(over && { refusal }) };
  };
  metric('shorter than the limit', 19, false, 20);
  metric('as long as the limit', 20, false, 20);
  metric('one longer than the limit', 21, true, 20);
  metric('as long as the default limit', 2048, false);
  metric('longer than the default limit', 2049, true);
  return cases;
}

function numbers(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  const add = (
    title: string,
    probe: Probe,
    limits: Case['limits'],
    over?: readonly [number, 'series' | 'info-series'],
  ) => {
    // Line protocol adds a label: as many in all.
    for (const protocol of ALL) {
      const own =
        protocol === 'line protocol' ? { ...probe, labels: probe.labels?.slice(1) ?? [] } : probe;
      cases[`${title} (${protocol})`] = {
        ...{ limits, probe: own, protocols: [protocol] },
        ...(over && { refusal: tooMany(own, ...over) }),
      };
    }
  };
  const five = { labelNamesMax: 5 };
  add('one label less than the limit', withLabels(4), five);
  add('as many labels as the limit', withLabels(5), five);
  add('one label more than the limit', withLabels(6), five, [5, 'series']);
  add('as many as the default limit', withLabels(30), {});
  add('one more than the default limit', withLabels(31), {}, [30, 'series']);
  const info = { labelNamesMax: 3, labelNamesInfoMax: 5 };
  add('info: as many as the common limit', withLabels(3, 'm_info'), info);
  add('info: more than the common limit', withLabels(4, 'm_info'), info);
  add('info: as many as its limit', withLabels(5, 'm_info'), info);
  add('info: more than its limit', withLabels(6, 'm_info'), info, [5, 'info-series']);
  add('info: its limit is below the common one', withLabels(5, 'm_info'), {
    labelNamesMax: 5,
    labelNamesInfoMax: 3,
  });
  add('info: as many as the default limit', withLabels(80, 'm_info'), {});
  add('info: more than the default limit', withLabels(81, 'm_info'), {}, [80, 'info-series']);
  add('info as a word is no suffix', withLabels(4, 'minfo'), info, [3, 'series']);
  add('info is a suffix only', withLabels(4, 'm_info_x'), info, [3, 'series']);
  return cases;
}

/** At 200 characters of text nothing is cut, above them it is, and says so. */
function texts(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const length of [199, 200, 201, 202]) {
    // `m{a="", b="", c="v"}` around the value.
    const around = 'm{a="", b="v", c="v"}'.length;
    const labels = [
      ['a', 'x'.repeat(length - around)],
      ['b', 'v'],
      ['c', 'v'],
    ] as const;
    const probe = { metric: 'm', labels };
    const refusal = tooMany(probe, 3, 'series');
    cases[`a text of ${length} characters`] = {
      ...{ limits: { labelNamesMax: 3 }, probe, protocols: REMOTE_WRITE },
      refusal,
    };
  }
  const outside = {
    metric: 'm',
    labels: [
      ['a', '𝕏'.repeat(210)],
      ['b', 'v'],
      ['c', 'v'],
    ],
  } as const;
  cases['a text outside the basic plane'] = {
    ...{ limits: { labelNamesMax: 3 }, probe: outside, protocols: REMOTE_WRITE },
    refusal: tooMany(outside, 3, 'series'),
  };
  return cases;
}

const cases = (group: Record<string, Case>) =>
  Object.entries(group).flatMap(([title, own]) =>
    (own.protocols ?? ALL).map((protocol) => [protocol, title, own] as const),
  );

describe.each([
  ['lengths', lengths()],
  ['numbers', numbers()],
  ['texts', texts()],
])('labels: %s', (_name, group) => {
  it.each(cases(group))('%s: %s', async (protocol, _title, { limits, probe, refusal }) => {
    const outcome = await send(protocol, probe, { limits });
    const refused = refusal?.(protocol);
    expect(outcome).toEqual({
      status: (refused === undefined ? WHOLE : PART)[protocol],
      refusal: refused ?? '',
      stored: refused === undefined ? 1 : 0,
      rejected: refused !== undefined && protocol === 'OTLP' ? 1 : 0,
    });
  });
});
