// A whole distributor in one process, over a log that looks at everything it gets: each record goes into a head,
// as an ingester would do it, and a share of them is decoded by another decoder than ours.
import { defaultsOf } from '@weir/config';
import { createDistributor, type Distributor, distributorFlags } from '@weir/distributor';
import { openPartitionHead, type PartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { createLimits, limitsFlags } from '@weir/limits';
import type { PartitionLog, ProduceRecord } from '@weir/log';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { decodeMimirRecord } from '@weir/wire/mimir-record-fixture.ts';

/** One of so many records is decoded by the other decoder, too. */
const DECODED_SHARE = 8;
const RECORD_MAX_BYTES = 1 << 20;
export const TENANT = 'fuzz';

/** What tenants and operators may choose, in turn. */
const CHOICES = [
  {},
  {
    ...{
      otelDeltas: true,
      otelStrategy: 'UnderscoreEscapingWithSuffixes',
      labelValueBytesMax: 100,
    },
    ...{ labelValueStrategy: 'truncate', histogramBucketsMax: 3, otelScopeLabels: true },
  },
  {
    ...{ nameValidationScheme: 'legacy', labelValueStrategy: 'drop', labelValueBytesMax: 80 },
    ...{ otelCustomBuckets: true, exemplarsPerSeriesMax: 1, labelNamesMax: 6 },
  },
  {
    otelPromotedAttributes: ['host'],
    dropLabels: ['job'],
    exemplarsMax: 0,
    pastGraceMs: 3_600_000,
  },
];

export interface Target {
  readonly distributor: Distributor;
  /** Records that were logged. */
  readonly records: () => number;
}

/** The `turn`th target of a run. */
export async function createTarget(turn: number): Promise<Target> {
  const head = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
  const defaults = defaultsOf(limitsFlags);
  let offset = 0;
  const log: Partial<PartitionLog> = {
    recordSizeMaxBytes: RECORD_MAX_BYTES,
    async produce(records: readonly ProduceRecord[]) {
      for (const record of records) {
        const { value, version } = record;
        if (offset % DECODED_SHARE === 0) checkRecord(value, version);
        const timestampMs = systemClock.nowMs();
        head.apply([{ offset, timestampMs, tenant: TENANT, value, version }], ++offset);
        checkHead(head, value);
      }
      return records.map(() => offset);
    },
  };
  const distributor = createDistributor(
    { ...defaultsOf(distributorFlags), influxEnabled: true, recordVersion: 1 + (turn % 2) },
    {
      ...{ clock: systemClock, random: seededRandom(turn), telemetry: silentTelemetry() },
      log: log as PartitionLog,
      routing: { active: () => [0] },
      limits: createLimits({
        ...defaults,
        ...{ ingestionRate: 1e12, ingestionBurstSize: 1e12 },
        ...CHOICES[Math.floor(turn / 2) % CHOICES.length],
      }),
      tenantOf: () => TENANT,
    },
  );
  return { distributor, records: () => offset };
}

/** What is logged must decode, with canonical labels: nobody validates it again. */
function checkRecord(value: Uint8Array, version: number): void {
  const { series } = decodeMimirRecord(value, version);
  for (const { labels, samples, histograms, exemplars } of series) {
    // Prometheus sends exemplars as entries of their own.
    if (samples.length + histograms.length + exemplars.length === 0) {
      throw new Error('a series without samples');
    }
    for (const [index, [name, text]] of labels.entries()) {
      const isSorted =
        index === 0 || Buffer.compare(Buffer.from(labels[index - 1]![0]), Buffer.from(name)) < 0;
      if (!isSorted || text === '') throw new Error('labels that are not canonical');
    }
  }
}

/** Refusals for what only the head can know; any other says that a record wasn't what it should be. */
const HEADS_OWN = ['sample_out_of_order', 'sample_timestamp_too_old', 'sample_duplicate_timestamp'];

function checkHead(head: PartitionHead, value: Uint8Array): void {
  const strange = head.discarded(TENANT).reasons.find(({ reason }) => !HEADS_OWN.includes(reason));
  const isParked = head.parked().length > 0;
  if (strange === undefined && !isParked) return;
  const hex = Buffer.from(value).toString('hex');
  throw new Error(`the head refused what was logged (${strange?.reason ?? 'parked'}): ${hex}`);
}
