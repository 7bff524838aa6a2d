// The kernel's expansion of 2.0 requests against the plain scan: the same runs, counts and refusals, for
// whatever is sent; and records gathered from runs of the body, of the kernel and of the plain way.
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { RemoteWrite2Scan } from '../remote-write-2/scan.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import { NARROW_RULES } from '../write-request/narrow-rules-fixture.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { PushKernel } from './push-kernel.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
const Request = schema.lookupType('weir.write.Request');
const TimeSeries = schema.lookupType('weir.write.TimeSeriesRefs');
const SERIES_TAG = 0x2a;

interface Series {
  readonly labelsRefs: number[];
  readonly samples: readonly object[];
  readonly exemplars?: readonly object[];
  readonly metadata?: object;
}

/** An entry of a request; fields may come in any order. */
function entryOf({ labelsRefs, metadata, ...rest }: Series, metadataFirst: boolean): Buffer {
  const described = TimeSeries.encode(metadata === undefined ? {} : { metadata }).finish();
  const filled = TimeSeries.encode(rest).finish();
  const labels = TimeSeries.encode({ labelsRefs }).finish();
  const parts = metadataFirst ? [labels, described, filled] : [labels, filled, described];
  const writer = protobuf.Writer.create().uint32(SERIES_TAG).bytes(Buffer.concat(parts));
  return Buffer.from(writer.finish());
}

function runBytes(
  out: AcceptedWrite,
  index: number,
  body: (from: number, size: number) => Uint8Array,
) {
  const from = out.from[index]!;
  const size = out.size[index]!;
  return Buffer.from(
    from < 0 ? out.rewritten.bytes.subarray(~from, ~from + size) : body(from, size),
  );
}

function scan(body: Uint8Array, budget: number, rules: WriteRules, kernel?: PushKernel) {
  const out = new AcceptedWrite();
  const scanner = new RemoteWrite2Scan();
  let error: string | undefined;
  try {
    scanner.start(body, body.length, 0x9abcdef0, kernel);
    while (!scanner.run(budget, rules, out));
  } catch (thrown) {
    expect(thrown).toMatchObject({ kind: 'invalid' });
    error = String(thrown);
  }
  const runs = Array.from({ length: out.count }, (_, index) => ({
    bytes: runBytes(out, index, (from, size) => kernel!.run(from, size)).toString('latin1'),
    hash: out.hash[index],
    samples: out.samples[index],
  }));
  const { samplesIn, samplesOk, metadataIn, metadataOk, exemplarsOk, histogramsOk } = out;
  const { discardedSamples, discardedMetadata, firstRejection, expandedBytes } = out;
  const counts = { samplesIn, samplesOk, metadataIn, metadataOk, exemplarsOk, histogramsOk };
  const told = { ...counts, discardedSamples, discardedMetadata, firstRejection };
  return { outcome: { error, runs, ...told }, out, expandedBytes };
}

const NAMES = ['__name__', 'a', 'b', 'job', 'jobs', 'zz', 'ü', 'name_is_too_long', ''];
const VALUES = ['up', 'x', 'é', 'y'.repeat(127), 'y'.repeat(128), 'y'.repeat(201)];
const SYMBOLS = ['', ...NAMES.slice(0, -1), ...VALUES];
const nameOf = fc
  .oneof({ weight: 9, arbitrary: fc.constantFrom(...NAMES.slice(1, 6)) }, fc.constantFrom(...NAMES))
  .map((name) => SYMBOLS.indexOf(name));
const valueRefOf = fc
  .oneof({ weight: 9, arbitrary: fc.constantFrom('up', 'x') }, fc.constantFrom('', ...VALUES))
  .map((value) => SYMBOLS.indexOf(value));
const timeOf = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(3, 127, 128, 2 ** 28, 2 ** 44, 2 ** 45) },
  fc.constantFrom(-1, 0, 2, 2 ** 46),
);
const rare = (max: number) => fc.nat(max).map((value) => value === 0);

const seriesOf = fc
  .record({
    labels: fc.uniqueArray(fc.tuple(nameOf, valueRefOf), {
      selector: ([name]) => name,
      maxLength: 4,
    }),
    unnamed: rare(9),
    unsorted: rare(5),
    times: fc.uniqueArray(timeOf, { maxLength: 3 }),
    start: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 3, -1, 2 ** 44),
    value: fc.constantFrom(0, 1.5, -7),
    metadata: fc.option(fc.record({ type: fc.nat(3), helpRef: fc.nat(3), unitRef: fc.nat(9) })),
    hasExemplar: rare(9),
    strayReference: rare(40),
    metadataFirst: fc.boolean(),
  })
  .map(({ labels, unnamed, unsorted, times, start, value, metadata, ...rest }) => {
    const all = unnamed
      ? labels
      : [[1, SYMBOLS.indexOf('up')], ...labels.filter(([name]) => name !== 1)];
    if (!unsorted) {
      all.sort(([x], [y]) => Buffer.compare(Buffer.from(SYMBOLS[x!]!), Buffer.from(SYMBOLS[y!]!)));
      times.sort((x, y) => x - y);
    }
    const series = {
      labelsRefs: [...all.flat(), ...(rest.strayReference ? [1, 400] : [])],
      samples: times.map((timestamp) => ({ timestamp, value, startTimestamp: start })),
      exemplars: rest.hasExemplar ? [{ labelsRefs: [1, 2], value: 1, timestamp: 5 }] : [],
      ...(metadata === null ? {} : { metadata }),
    };
    return entryOf(series, rest.metadataFirst);
  });

const requestOf = fc
  .record({
    timeseries: fc.array(seriesOf, { maxLength: 12 }),
    edits: fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 2 }),
    edited: fc.boolean(),
    symbolsLast: rare(9),
  })
  .map(({ timeseries, edits, edited, symbolsLast }) => {
    const symbols = Request.encode({ symbols: SYMBOLS.map((text) => Buffer.from(text)) }).finish();
    const parts = symbolsLast ? [...timeseries, symbols] : [symbols, ...timeseries];
    const body = Buffer.concat(parts);
    if (edited) for (const [at, byte] of edits) body[at % body.length] = byte;
    return body;
  });

describe('the push kernel, of series that refer to symbols', () => {
  const kernel = new PushKernel();
  const hold = (body: Uint8Array) => kernel.uncompress(compressSync(Buffer.from(body)), true);

  it('expands as the plain scan does', () => {
    const seen = { expanded: 0, refused: 0 };
    fc.assert(
      fc.property(
        requestOf,
        fc.integer({ min: 1, max: 500 }),
        fc.nat(9),
        (body, budget, legacy) => {
          const rules = { ...NARROW_RULES, legacyNames: legacy === 0 };
          const wanted = scan(body, budget, rules);
          const { outcome, expandedBytes } = scan(hold(body), budget, rules, kernel);
          expect(outcome).toEqual(wanted.outcome);
          if (expandedBytes > 0) seen.expanded++;
          if (wanted.outcome.error !== undefined) seen.refused++;
        },
      ),
      { numRuns: 4000 },
    );
    expect(seen.expanded).toBeGreaterThan(1500);
    expect(seen.refused).toBeGreaterThan(100);
  });

  it('takes metadata once, and expands all series of its metric', () => {
    const metadata = { type: 1, helpRef: 3, unitRef: 0 };
    const timeseries = [1, 2, 3].map((value) => ({
      labelsRefs: [1, 2],
      samples: [{ timestamp: 5, value }],
      metadata,
    }));
    const symbols = ['', '__name__', 'up', 'help'].map((text) => Buffer.from(text));
    const held = hold(Request.encode({ symbols, timeseries }).finish());
    const { outcome, out } = scan(held, 1 << 20, NARROW_RULES, kernel);
    expect(outcome).toMatchObject({ metadataOk: 1, samplesOk: 3 });
    const isExpanded = [...out.from.subarray(0, out.count)].map((from) => from >= 0);
    expect(isExpanded).toEqual([false, true, true, true]);
  });

  it('expands series whose metadata stands before their samples', () => {
    const entries = [1, 2, 3].map((value) =>
      entryOf(
        { labelsRefs: [1, 2], samples: [{ timestamp: 5, value }], metadata: { type: 1 } },
        true,
      ),
    );
    const symbols = ['', '__name__', 'up'].map((text) => Buffer.from(text));
    const body = Buffer.concat([Request.encode({ symbols }).finish(), ...entries]);
    const wanted = scan(body, 1 << 20, NARROW_RULES);
    const { outcome, out } = scan(hold(body), 1 << 20, NARROW_RULES, kernel);
    expect(outcome).toEqual(wanted.outcome);
    expect(outcome).toMatchObject({ metadataOk: 1, samplesOk: 3 });
    const isExpanded = [...out.from.subarray(0, out.count)].map((from) => from >= 0);
    expect(isExpanded).toEqual([false, true, true, true]);
  });

  it('expands as far as there is room, and more than its columns hold', () => {
    const symbols = [
      '',
      '__name__',
      'up',
      'n',
      ...Array.from({ length: 6 }, (_, at) => `${at}`.repeat(200)),
    ];
    const timeseries = Array.from({ length: 30_000 }, (_, at) => ({
      labelsRefs: [1, 2, 3, 4 + (at % 6)],
      samples: [{ timestamp: 5 + at, value: at }],
    }));
    const body = Request.encode({
      symbols: symbols.map((text) => Buffer.from(text)),
      timeseries,
    }).finish();
    const wanted = scan(body, 1 << 20, NARROW_RULES);
    const { outcome, out } = scan(hold(body), 1 << 20, NARROW_RULES, kernel);
    expect(outcome.runs.length).toBe(30_000);
    expect(outcome).toEqual(wanted.outcome);
    const rewritten = out.from.subarray(0, out.count).filter((from) => from < 0).length;
    expect(rewritten).toBeGreaterThan(1000);
    expect(out.count - rewritten).toBeGreaterThan(5000);
  });

  it('gathers runs of all origins into records', () => {
    fc.assert(
      fc.property(requestOf, fc.integer({ min: 1, max: 3 }), (body, records) => {
        const held = hold(body);
        const { out } = scan(held, 1 << 20, NARROW_RULES, kernel);
        const parts: Buffer[][] = Array.from({ length: records }, () => []);
        const recordOf = Int32Array.from(
          { length: out.count },
          (_, at) => (at % (records + 1)) - 1,
        );
        for (let at = 0; at < out.count; at++) {
          const run = runBytes(out, at, (from, size) => kernel.run(from, size));
          parts[recordOf[at]!]?.push(run);
        }
        const wanted = parts.map((part) => Buffer.concat(part));
        expect(kernel.gathers(out, held, records)).toBe(true);
        const gathered = kernel.gather(
          out,
          recordOf,
          wanted.map((part) => part.length),
        );
        expect(gathered.map((part) => Buffer.from(part))).toEqual(wanted);
      }),
      { numRuns: 1000 },
    );
  });

  it('gathers what was rewritten without a body of its own', () => {
    const { out } = scan(hold(Request.encode({}).finish()), 1, NARROW_RULES, kernel);
    out.rewritten.append(Buffer.from('abcdef'));
    out.push(~0, 3, 1, 1);
    out.push(~3, 3, 1, 1);
    const other = Buffer.from('some body');
    expect(kernel.gathers(out, other, 2)).toBe(true);
    const [one, two] = kernel.gather(out, Int32Array.of(1, 0), [3, 3]);
    expect([one, two].map((part) => Buffer.from(part!).toString())).toEqual(['def', 'abc']);
    out.push(4, 1, 1, 1);
    expect(kernel.gathers(out, other, 2)).toBe(false);
  });
});
