// Arbitrary writes for property tests of records: everything that a record may carry, canonical (labels
// sorted, times ascending), so that what comes out must equal what went in.
import fc from 'fast-check';
import {
  bitsOf,
  encodeMimirHistogram,
  type Labels,
  type MimirMetadata,
  type MimirSeries,
  type MimirWrite,
  plainHistogram,
} from './mimir-record-fixture.ts';

export const WRITE_FROM_MS = 1_700_000_000_000;
/** Staleness: a NaN with a payload. */
const STALE_BITS = 0x7ff0000000000002n.toString();

const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/);
/** Some are in the table that both sides of version 2 know. */
const text = fc.oneof(
  word,
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.constantFrom('job', 'grafana', 'le', 'default/kubernetes', '<aggregated>'),
);
const bits = fc.oneof(fc.double().map(bitsOf), fc.constant(STALE_BITS), fc.constant(bitsOf(-0)));
const labelName = fc.oneof(word, fc.constantFrom('job', 'instance', 'le'));

function sortedLabels(extra: Record<string, string>): Labels {
  return Object.entries(extra).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

const times = (maxLength: number) =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: 60_000 }), { maxLength })
    .map((offsets) => offsets.sort((a, b) => a - b).map((offset) => WRITE_FROM_MS + offset));

const side = fc.array(fc.nat(1000), { minLength: 1, maxLength: 5 }).chain((counts) =>
  fc.record({
    counts: fc.constant(counts),
    offset: fc.integer({ min: -20, max: 20 }),
    gap: fc.nat(9),
    firstLength: fc.integer({ min: 1, max: counts.length }),
  }),
);
type Side = typeof side extends fc.Arbitrary<infer Value> ? Value : never;

const spansOf = ({ counts, offset, gap, firstLength }: Side) =>
  firstLength === counts.length
    ? [{ offset, length: firstLength }]
    : [
        { offset, length: firstLength },
        { offset: gap, length: counts.length - firstLength },
      ];
const deltasOf = ({ counts }: Side) =>
  counts.map((count, index) => String(count - (counts[index - 1] ?? 0)));
const sumOf = ({ counts }: Side) => counts.reduce((sum, count) => sum + count, 0);

const histogramAt = (timestampMs: number) =>
  fc
    .record({
      kind: fc.constantFrom('integer', 'float', 'custom'),
      sum: fc.double({ noNaN: true }),
      schema: fc.integer({ min: -4, max: 8 }),
      zeroCount: fc.nat(100),
      resetHint: fc.nat(3),
      positive: side,
      negative: side,
    })
    .map(({ kind, sum, schema, zeroCount, resetHint, positive, negative }) => {
      const shared = { sum: bitsOf(sum), resetHint, timestamp: String(timestampMs) };
      const all = sumOf(positive) + sumOf(negative) + zeroCount;
      if (kind === 'custom') {
        const only = { ...positive, offset: 0 };
        const reach = spansOf(only).reduce((at, span) => at + span.offset + span.length, 0);
        return {
          ...shared,
          schema: -53,
          countInt: String(sumOf(only)),
          positiveSpans: spansOf(only),
          positiveDeltas: deltasOf(only),
          customValues: Array.from({ length: reach }, (_, index) => bitsOf(index / 4)),
        };
      }
      const sides = { positiveSpans: spansOf(positive), negativeSpans: spansOf(negative) };
      const rest = { ...shared, ...sides, schema, zeroThreshold: bitsOf(2 ** -128) };
      if (kind === 'integer') {
        const counted = { countInt: String(all), zeroCountInt: String(zeroCount) };
        const deltas = { positiveDeltas: deltasOf(positive), negativeDeltas: deltasOf(negative) };
        return { ...rest, ...counted, ...deltas };
      }
      return {
        ...rest,
        countFloat: bitsOf(all),
        zeroCountFloat: bitsOf(zeroCount),
        positiveCounts: positive.counts.map(bitsOf),
        negativeCounts: negative.counts.map(bitsOf),
      };
    })
    .map((histogram) => plainHistogram(encodeMimirHistogram(histogram)));

const exemplarAt = (timestampMs: number) =>
  fc.record({
    labels: fc
      .dictionary(word, text, { minKeys: 1, maxKeys: 2 })
      .map((labels) => sortedLabels(labels)),
    value: bits,
    timestamp: fc.constant(String(timestampMs)),
  });

const each = <Value>(at: readonly number[], one: (t: number) => fc.Arbitrary<Value>) =>
  fc.tuple(...at.map(one));

const seriesNamed = (name: string): fc.Arbitrary<MimirSeries> =>
  fc
    .tuple(times(4), times(3), times(2), fc.boolean())
    .filter(([samples, histograms]) => samples.length + histograms.length > 0)
    .chain(([samples, histograms, exemplars, hasCreated]) =>
      fc.record({
        labels: fc
          .dictionary(labelName, text, { maxKeys: 4 })
          .map((extra) => sortedLabels({ ...extra, __name__: name })),
        samples: each(samples, (t) => bits.map((value) => ({ value, timestamp: String(t) }))),
        histograms: each(histograms, histogramAt),
        exemplars: each(exemplars, exemplarAt),
        created: fc.constant(hasCreated ? String(WRITE_FROM_MS - 1000) : '0'),
      }),
    );

const metadataOf = (family: string): fc.Arbitrary<MimirMetadata> =>
  fc.record({
    type: fc.integer({ min: 1, max: 7 }),
    family: fc.constant(family),
    help: fc.oneof(fc.constant(''), text),
    unit: fc.oneof(fc.constant(''), word),
  });

/** Series of different names, some of which have metadata; and metadata of names without series. */
export const mimirWrite: fc.Arbitrary<MimirWrite> = fc
  .record({
    named: fc.uniqueArray(fc.nat(50), { maxLength: 6 }),
    described: fc.uniqueArray(fc.nat(50), { maxLength: 4 }),
  })
  .chain(({ named, described }) =>
    fc.record({
      series: fc.tuple(...named.map((index) => seriesNamed(`metric_${index}`))),
      metadata: fc.tuple(...described.map((index) => metadataOf(`metric_${index}`))),
    }),
  );
