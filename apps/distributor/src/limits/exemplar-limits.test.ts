// Exemplars and metadata: under, at and over each limit. A bad exemplar is left out and counted, and nobody is told.
import type { TenantLimits } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { bytes, NOW, setUp, VERSION_2, WriteRequest } from '../push-fixture.ts';
import {
  type ExemplarProbe,
  PART,
  type Probe,
  REMOTE_WRITE,
  remoteWrite1,
  remoteWrite2,
  WHOLE,
} from './limit-fixture.ts';

type RemoteWrite = (typeof REMOTE_WRITE)[number];

interface Stored {
  readonly status: number;
  readonly body: string;
  readonly exemplars: number;
  readonly metadata: readonly { readonly help?: Uint8Array; readonly unit?: Uint8Array }[];
  readonly discarded: Readonly<Record<string, number>>;
}

async function push(
  protocol: RemoteWrite,
  probes: readonly Probe[],
  limits: Partial<TenantLimits>,
  metadata?: { readonly help: string; readonly unit: string; readonly name?: string },
): Promise<Stored> {
  const made = setUp({ limits });
  const own = metadata && {
    ...{ type: 1, metricFamilyName: bytes(metadata.name ?? 'm') },
    ...{ help: bytes(metadata.help), unit: bytes(metadata.unit) },
  };
  const { status, body } =
    protocol === 'remote write 1.0'
      ? await made.push(remoteWrite1(probes, own ? [own] : []))
      : await made.push(remoteWrite2(probes, metadata), { contentType: VERSION_2 });
  const requests = made.produced.map(({ value }) =>
    WriteRequest.toObject(WriteRequest.decode(Buffer.from(value))),
  );
  const series: { readonly exemplars?: readonly object[] }[] = requests.flatMap(
    ({ timeseries = [] }) => timeseries,
  );
  const discarded = [
    ...(await made.metric('cortex_discarded_exemplars_total')),
    ...(await made.metric('cortex_discarded_metadata_total')),
  ];
  return {
    ...{ status, body },
    exemplars: series.reduce((sum, one) => sum + (one.exemplars?.length ?? 0), 0),
    metadata: requests.flatMap(({ metadata: entries = [] }) => entries),
    discarded: Object.fromEntries(discarded.map(({ labels, value }) => [labels.reason, value])),
  };
}

const MINUTE = 60_000;
const trace = (value: string): ExemplarProbe['labels'] => [['trace_id', value]];
const good = (timestamp = NOW): ExemplarProbe => ({ labels: trace('1'), timestamp });
/** So many characters with the name. */
const runes = (count: number, letter = 'x') => ({
  labels: trace(letter.repeat(count - 'trace_id'.length)),
  timestamp: NOW,
});

interface ExemplarCase {
  readonly exemplars: readonly ExemplarProbe[];
  readonly limits?: Partial<TenantLimits>;
  readonly kept: number;
  readonly reason?: string;
}

const EXEMPLARS: Readonly<Record<string, ExemplarCase>> = {
  'one that is good': { exemplars: [good()], kept: 1 },
  'without labels': {
    exemplars: [{ labels: [], timestamp: NOW }],
    kept: 0,
    reason: 'exemplar_labels_missing',
  },
  'with an empty label': {
    ...{
      exemplars: [{ labels: [['a', '']], timestamp: NOW }],
      kept: 0,
      reason: 'exemplar_labels_blank',
    },
  },
  'with an empty label beside another': {
    exemplars: [
      {
        labels: [
          ['a', ''],
          ['b', '1'],
        ],
        timestamp: NOW,
      },
    ],
    kept: 1,
  },
  'without a time': { exemplars: [good(0)], kept: 0, reason: 'exemplar_timestamp_invalid' },
  'labels under the limit': { exemplars: [runes(127)], kept: 1 },
  'labels at the limit': { exemplars: [runes(128)], kept: 1 },
  'labels over the limit': { exemplars: [runes(129)], kept: 0, reason: 'exemplar_labels_too_long' },
  'labels at the limit, in characters': { exemplars: [runes(128, '☃')], kept: 1 },
  'labels over the limit, in characters': {
    ...{ exemplars: [runes(129, '☃')], kept: 0, reason: 'exemplar_labels_too_long' },
  },
  'a label that is no text': {
    exemplars: [{ labels: [['a', Uint8Array.of(0xff)]], timestamp: NOW }],
    ...{ kept: 0, reason: 'exemplar_labels_invalid' },
  },
  'a label twice': {
    exemplars: [
      {
        labels: [
          ['a', '1'],
          ['a', '2'],
        ],
        timestamp: NOW,
      },
    ],
    ...{ kept: 0, reason: 'exemplar_labels_invalid' },
  },
  'younger than five minutes': { exemplars: [good(NOW - 5 * MINUTE + 1)], kept: 1 },
  'five minutes old': { exemplars: [good(NOW - 5 * MINUTE)], kept: 1 },
  'older than five minutes': {
    ...{ exemplars: [good(NOW - 5 * MINUTE - 1)], kept: 0, reason: 'exemplar_too_old' },
  },
  'ahead, at the limit': { exemplars: [good(NOW + 10 * MINUTE)], kept: 1 },
  'ahead, over the limit': {
    ...{ exemplars: [good(NOW + 10 * MINUTE + 1)], kept: 0, reason: 'exemplar_too_far_in_future' },
  },
  'where none are kept': {
    limits: { exemplarsMax: 0 },
    ...{ exemplars: [good()], kept: 0, reason: 'exemplars_disabled' },
  },
  'fewer than a series may have': {
    limits: { exemplarsPerSeriesMax: 3 },
    ...{ exemplars: [good(), good(NOW + 1)], kept: 2 },
  },
  'as many as a series may have': {
    limits: { exemplarsPerSeriesMax: 2 },
    ...{ exemplars: [good(), good(NOW + 1)], kept: 2 },
  },
  'more than a series may have': {
    limits: { exemplarsPerSeriesMax: 1 },
    exemplars: [good(), good(NOW + 1)],
    ...{ kept: 1, reason: 'too_many_exemplars_per_series_per_request' },
  },
};

describe('exemplars', () => {
  const all = Object.entries(EXEMPLARS).flatMap(([title, own]) =>
    REMOTE_WRITE.map((protocol) => [protocol, title, own] as const),
  );
  it.each(all)('%s: %s', async (protocol, _title, { exemplars, limits = {}, kept, reason }) => {
    const stored = await push(protocol, [{ metric: 'm', exemplars }], limits);
    expect([stored.status, stored.body, stored.exemplars]).toEqual([WHOLE[protocol], '', kept]);
    expect(stored.discarded).toEqual(reason === undefined ? {} : { [reason]: 1 });
  });
});

const contact =
  '. To adjust the related per-tenant limit, configure -validation.max-metadata-length, or contact your service administrator.';
const tooLongUnit = (unit: string) =>
  `received a metric metadata whose unit name length exceeds the limit, unit: '${unit}' metric name: 'm' (err-mimir-unit-too-long)${contact}`;
const tooLongName = (name: string) =>
  `received a metric metadata whose metric name length exceeds the limit, metric name: '${name}' (err-mimir-metric-name-too-long)${contact}`;

interface MetadataCase {
  readonly limit?: number;
  readonly help?: string;
  readonly unit?: string;
  /** As stored; absent: as it came. */
  readonly cutHelp?: string;
  readonly refusal?: string;
  readonly reason?: string;
}

const METADATA: Readonly<Record<string, MetadataCase>> = {
  'help under the limit': { limit: 10, help: 'x'.repeat(9) },
  'help at the limit': { limit: 10, help: 'x'.repeat(10) },
  'help over the limit is cut': { limit: 10, help: 'x'.repeat(11), cutHelp: 'x'.repeat(10) },
  'help is cut between characters': { limit: 10, help: '☃☃☃☃', cutHelp: '☃☃☃' },
  'help at the default limit': { help: 'x'.repeat(1024) },
  'help over the default limit': { help: 'x'.repeat(1025), cutHelp: 'x'.repeat(1024) },
  'help without a limit': { limit: 0, help: 'x'.repeat(5000) },
  'unit under the limit': { limit: 10, unit: 'x'.repeat(9) },
  'unit at the limit': { limit: 10, unit: 'x'.repeat(10) },
  'unit over the limit': {
    ...{ limit: 10, unit: 'x'.repeat(11), reason: 'unit_too_long' },
    refusal: tooLongUnit('x'.repeat(11)),
  },
  'unit at the default limit': { unit: 'x'.repeat(1024) },
  'unit over the default limit': {
    ...{ unit: 'x'.repeat(1025), reason: 'unit_too_long' },
    refusal: tooLongUnit('x'.repeat(200)),
  },
  'unit without a limit': { limit: 0, unit: 'x'.repeat(5000) },
};

describe('metadata', () => {
  const all = Object.entries(METADATA).flatMap(([title, own]) =>
    REMOTE_WRITE.map((protocol) => [protocol, title, own] as const),
  );
  it.each(all)('%s: %s', async (protocol, _title, { limit, refusal, reason, ...own }) => {
    const { help = 'h', unit = 'u' } = own;
    const limits = limit === undefined ? {} : { metadataBytesMax: limit };
    const stored = await push(protocol, [{ metric: 'm' }], limits, { help, unit });
    const status = (refusal === undefined ? WHOLE : PART)[protocol];
    expect([stored.status, stored.body]).toEqual([status, refusal ?? '']);
    expect(stored.discarded).toEqual(reason === undefined ? {} : { [reason]: 1 });
    const shown = stored.metadata.map((entry) => [
      ...[String(Buffer.from(entry.help ?? [])), String(Buffer.from(entry.unit ?? []))],
    ]);
    expect(shown).toEqual(refusal === undefined ? [[own.cutHelp ?? help, unit]] : []);
  });

  const first = 'remote write 1.0';
  it.each([
    ['under the limit', 'n'.repeat(9), undefined],
    ['at the limit', 'n'.repeat(10), undefined],
    ['over the limit', 'n'.repeat(11), tooLongName('n'.repeat(11))],
    [
      'missing',
      '',
      'received a metric metadata with no metric name (err-mimir-metadata-missing-metric-name)',
    ],
  ])('a name %s', async (_title, name, refusal) => {
    const metadata = { help: 'h', unit: '', name };
    const stored = await push(first, [{ metric: 'm' }], { metadataBytesMax: 10 }, metadata);
    expect([stored.status, stored.body]).toEqual([refusal ? 400 : 200, refusal ?? '']);
    expect(stored.metadata).toHaveLength(refusal ? 0 : 1);
  });

  it('of two refusals that of the series is told', async () => {
    const metadata = { help: 'h', unit: '', name: '' };
    const stored = await push(first, [{ metric: '' }], {}, metadata);
    expect(stored.body).toContain('err-mimir-missing-metric-name');
  });
});
