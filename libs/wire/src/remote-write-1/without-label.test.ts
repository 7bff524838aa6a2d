// Series without a label, by the plain path and by the slow one: the same as a body that never had it, whatever
// its labels are, in both versions of remote write.
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it, vi } from 'vitest';
import { RemoteWrite2Scan } from '../remote-write-2/scan.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import { SeriesDraft } from '../write-request/series-draft.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { RemoteWrite1Scan } from './scan.ts';
import { copyWithout } from './without-label.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const Request = schema.lookupType('weir.write.Request');
const NOW = 1_700_000_000_000;
const RULES: WriteRules = {
  ...{ labelNameBytesMax: 100, labelValueBytesMax: 300, labelNamesMax: 4, labelNamesInfoMax: 4 },
  ...{ timestampMaxMs: NOW + 1000, timestampMinMs: 0, legacyNames: false, metadataBytesMax: 0 },
  ...{ histogramsEnabled: true, histogramBucketsMax: 0, histogramsReduced: true },
  exemplarsEnabled: true,
};
const DROPPED = Buffer.from('__replica__');

type Labels = readonly (readonly [string, string])[];

function scanOf(version: 1 | 2, series: readonly Labels[], rules: WriteRules) {
  const out = new AcceptedWrite();
  const samples = [{ value: 1, timestamp: NOW }];
  if (version === 1) {
    const timeseries = series.map((labels) => ({
      labels: labels.map(([name, value]) => ({
        name: Buffer.from(name),
        value: Buffer.from(value),
      })),
      samples,
    }));
    const body = WriteRequest.encode({ timeseries }).finish();
    const scan = new RemoteWrite1Scan();
    scan.start(body, body.length, 7);
    while (!scan.run(64, rules, out));
    return seen(out, body);
  }
  const symbols: Uint8Array[] = [Buffer.alloc(0)];
  const timeseries = series.map((labels) => ({
    labelsRefs: labels.flat().map((text) => symbols.push(Buffer.from(text)) - 1),
    samples,
  }));
  const body = Request.encode({ symbols, timeseries }).finish();
  const scan = new RemoteWrite2Scan();
  scan.start(body, body.length, 7);
  while (!scan.run(64, rules, out));
  return seen(out, body);
}

function seen(out: AcceptedWrite, body: Uint8Array) {
  const runs = Array.from({ length: out.count }, (_, index) => {
    const from = out.from[index]!;
    const [bytes, start] = from < 0 ? [out.rewritten.bytes, ~from] : [body, from];
    const run = Buffer.from(bytes.subarray(start, start + out.size[index]!)).toString('hex');
    return { run, hash: out.hash[index], samples: out.samples[index] };
  });
  const { samplesIn, samplesOk, firstRejection } = out;
  return { runs, samplesIn, samplesOk, firstRejection };
}

const name = fc.constantFrom(
  '__name__',
  '__replica__',
  '__replica_',
  'a',
  'b',
  'é',
  'z'.repeat(130),
);
const value = fc.constantFrom('m', 'x'.repeat(127), 'x'.repeat(200), 'x'.repeat(301), '☃', '');
const labels = fc.array(fc.tuple(name, value), { maxLength: 6 });

describe('a label that is dropped', () => {
  it.each([1, 2] as const)('is as if it never had been there: version %i', (version) => {
    fc.assert(
      fc.property(fc.array(labels, { maxLength: 5 }), fc.boolean(), (made, isSorted) => {
        const series = isSorted
          ? made.map((one) => [...one].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
          : made;
        const without = series.map((one) => one.filter(([label]) => label !== '__replica__'));
        const found = scanOf(version, series, { ...RULES, dropped: DROPPED });
        expect(found).toEqual(scanOf(version, without, RULES));
      }),
    );
  });

  it.each([1, 2] as const)('takes the plain path: version %i', (version) => {
    const slow = vi.spyOn(SeriesDraft.prototype, 'finish');
    const series: Labels = [
      ['__name__', 'm'],
      ['__replica__', 'r'.repeat(250)],
      ['a', '1'],
    ];
    const found = scanOf(version, [series, series.slice(0, 2)], { ...RULES, dropped: DROPPED });
    expect(found).toEqual(scanOf(version, [[series[0]!, series[2]!], [series[0]!]], RULES));
    expect(found.samplesOk).toBe(2);
    expect(slow).not.toHaveBeenCalled();
    slow.mockRestore();
  });
});

describe('copyWithout', () => {
  it('stays within any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const out = new Uint8Array(bytes.length + 8).fill(0xee);
        const end = copyWithout(DROPPED, bytes, 0, bytes.length, out, 4);
        expect(end).toBeLessThanOrEqual(bytes.length + 4);
        expect(out.subarray(bytes.length + 4)).toEqual(new Uint8Array(4).fill(0xee));
      }),
    );
  });
});
