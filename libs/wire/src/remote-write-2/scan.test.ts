// The 2.0 scanner against the 1.0 scanner: the same data sent either way becomes the same runs, hashes
// and refusals. (The 1.0 scanner has an independent decoder to answer to.)
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { RemoteWrite1Scan } from '../remote-write-1/scan.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { familyOf } from './metric-family.ts';
import { RemoteWrite2Scan } from './scan.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const Request = schema.lookupType('weir.write.Request');
const NOW = 1_700_000_000_000;
const RULES: WriteRules = {
  labelNameBytesMax: 10,
  labelValueBytesMax: 300,
  labelNamesMax: 4,
  labelNamesInfoMax: 6,
  timestampMaxMs: NOW,
  timestampMinMs: -1000,
  legacyNames: false,
  metadataBytesMax: 20,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

interface Sent {
  labels: { name: string; value: string }[];
  samples: { timestamp: number; value: number }[];
  histograms?: object[];
  exemplars?: { labels: Sent['labels']; timestamp: number; value: number }[];
  createdTimestamp?: number;
}

const bytes = (value: string) => Buffer.from(value);

function scan(
  scanner: RemoteWrite1Scan | RemoteWrite2Scan,
  body: Uint8Array,
  rules: WriteRules,
  budget: number,
) {
  const accepted = new AcceptedWrite();
  scanner.start(body, body.length, 5);
  while (!scanner.run(budget, rules, accepted));
  const runs = Array.from({ length: accepted.count }, (_, index) => {
    const from = accepted.from[index]!;
    const source = from < 0 ? accepted.rewritten.bytes : body;
    const start = from < 0 ? ~from : from;
    const run = WriteRequest.decode(
      Buffer.from(source.slice(start, start + accepted.size[index]!)),
    );
    return {
      run: JSON.stringify(run),
      hash: accepted.hash[index],
      samples: accepted.samples[index],
    };
  });
  const { samplesIn, samplesOk, histogramsOk, exemplarsIn, exemplarsOk } = accepted;
  const { discardedSamples, discardedExemplars, extras, firstRejection } = accepted;
  const counts = { samplesIn, samplesOk, histogramsOk, exemplarsIn, exemplarsOk };
  return { runs, ...counts, discardedSamples, discardedExemplars, extras, firstRejection };
}

function encode1(series: readonly Sent[]): Uint8Array {
  const encoded = (labels: Sent['labels']) =>
    labels.map(({ name, value }) => ({ name: bytes(name), value: bytes(value) }));
  const timeseries = series.map((one) => ({
    ...one,
    labels: encoded(one.labels),
    exemplars: (one.exemplars ?? []).map((x) => ({ ...x, labels: encoded(x.labels) })),
  }));
  return WriteRequest.encode({ timeseries }).finish();
}

function encode2(series: readonly Sent[]): Uint8Array {
  const symbols = [''];
  const reference = (symbol: string) => {
    const found = symbols.indexOf(symbol);
    return found >= 0 ? found : symbols.push(symbol) - 1;
  };
  const references = (labels: Sent['labels']) =>
    labels.flatMap(({ name, value }) => [reference(name), reference(value)]);
  const timeseries = series.map((one) => ({
    labelsRefs: references(one.labels),
    samples: one.samples.map((x) => ({ ...x, startTimestamp: one.createdTimestamp })),
    histograms: (one.histograms ?? []).map((x) => ({ ...x })),
    exemplars: (one.exemplars ?? []).map(({ labels, ...x }) => ({
      ...x,
      labelsRefs: references(labels),
    })),
  }));
  return Request.encode({ symbols: symbols.map(bytes), timeseries }).finish();
}

describe('RemoteWrite2Scan', () => {
  it('makes of the same data what the 1.0 scanner makes', () => {
    const text = fc.constantFrom(
      '',
      'a',
      'b',
      'a:b',
      'Z',
      'ü',
      'm_info',
      'n'.repeat(11),
      'v'.repeat(200),
    );
    const name = fc.oneof(fc.constant('__name__'), text);
    const labels = fc.array(fc.record({ name, value: text }), { maxLength: 7 });
    const timestamp = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(NOW, NOW + 1, -2000),
    );
    const value = fc.constantFrom(0, 1, -2.5);
    const samples = fc.array(fc.record({ timestamp, value }), { maxLength: 4 });
    // Those of 2.0 tell their start themselves; here it is the series' own.
    const histogram = fc.record({
      timestamp,
      countInt: fc.nat(2),
      zeroCountInt: fc.nat(2),
      schema: fc.constantFrom(0, 8, 9),
    });
    const exemplar = fc.record({
      labels: fc.array(fc.record({ name: text, value: text }), { maxLength: 2 }),
      timestamp,
      value,
    });
    const one = fc.record({
      labels,
      samples,
      histograms: fc.array(histogram, { maxLength: 2 }),
      exemplars: fc.array(exemplar, { maxLength: 2 }),
      createdTimestamp: fc.constantFrom(0, 1, 2, -1),
    });
    // A series of 2.0 has no start but those of its samples.
    const series = fc.array(
      one.map((sent) => (sent.histograms.length > 0 ? { ...sent, createdTimestamp: 0 } : sent)),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(
        series,
        fc.boolean(),
        fc.integer({ min: 1, max: 300 }),
        (sent, legacyNames, budget) => {
          const rules = { ...RULES, legacyNames };
          const expected = scan(new RemoteWrite1Scan(), encode1(sent), rules, budget);
          expect(scan(new RemoteWrite2Scan(), encode2(sent), rules, budget)).toEqual(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('fails on arbitrary bytes with an error for the client only', () => {
    const body = encode2([
      { labels: [{ name: '__name__', value: 'm' }], samples: [{ timestamp: 1, value: 2 }] },
    ]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 20 }),
        (edits, tail) => {
          const edited = Buffer.concat([body, tail]);
          for (const [index, byte] of edits) edited[index] = byte;
          try {
            scan(new RemoteWrite2Scan(), edited, RULES, 100);
          } catch (error) {
            expect(error).toMatchObject({ kind: 'invalid' });
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['m_bucket', 3, 'm'],
    ['m_count', 5, 'm'],
    ['m_sum', 4, 'm'],
    ['m_total', 1, 'm_total'],
    ['m_count', 1, 'm_count'],
    ['m', 3, 'm'],
  ])('finds the family of %s of type %i', (metric, type, family) => {
    expect(Buffer.from(familyOf(bytes(metric), type)).toString()).toBe(family);
  });
});
