// promtool reads the blocks that Weir writes: the analysis counts them right, and the dump gives every
// sample back, those with start timestamps too. WEIR_PROMTOOL is the path of a Prometheus 3 promtool.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareBytes, utf8 } from '@weir/bytes';
import { compareLabels, decodeLabels, labelsOf, SampleColumns } from '@weir/model';
import { type BlockSeries, writeBlock } from '@weir/tsdb/block';
import { encodeFloatChunk } from '@weir/tsdb/chunk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockSink } from '../support/block-sink.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const START = 1_700_006_400_000;
const SAMPLES = 480;
const SERIES = 300;
const run = promisify(execFile);

describe('promtool on a block of Weir', () => {
  let directory = '';
  const wanted: string[] = [];

  beforeAll(async () => {
    if (process.env.WEIR_PROMTOOL === undefined) {
      throw new Error('WEIR_PROMTOOL is not set: run this through `npm run test:peers`');
    }
    directory = await mkdtemp(join(tmpdir(), 'weir-promtool-'));
    // promtool opens a data directory, which has a write-ahead log.
    await mkdir(join(directory, 'wal'));
    await write(join(directory, ULID), wanted);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const promtool = async (...args: string[]) => {
    const options = { maxBuffer: 1 << 28 };
    return (await run(process.env.WEIR_PROMTOOL!, ['tsdb', ...args, directory], options)).stdout;
  };

  it('analyzes it', async () => {
    const report = await promtool('analyze');
    expect(report).toContain(`Block ID: ${ULID}`);
    expect(report).toContain(`Total Series: ${SERIES}`);
  });

  it('dumps every sample', async () => {
    const lines = (await promtool('dump')).trimEnd().split('\n');
    expect(lines.length).toBe(SERIES * SAMPLES);
    expect(lines).toEqual(wanted);
  });

  it('finds series by matcher', async () => {
    const lines = (await promtool('dump', '--match', '{odd=~"yes|",instance="host-7"}')).trimEnd();
    expect(lines.split('\n')).toEqual(wanted.filter((line) => line.includes('instance="host-7"')));
  });
});

async function write(directory: string, wanted: string[]): Promise<void> {
  const sorted = Array.from({ length: SERIES }, (_, n) => {
    const odd: Record<string, string> = n % 2 === 1 ? { odd: 'yes' } : {};
    return labelsOf({ __name__: `metric_${n % 3}`, instance: `host-${n}`, utf8: 'ünï', ...odd });
  }).sort(compareLabels);
  const texts = new Set(['']);
  for (const labels of sorted) {
    for (const { name, value } of decodeLabels(labels)) texts.add(name).add(value);
  }
  await writeBlock(blockSink(directory), {
    ulid: ULID,
    minTime: START,
    maxTime: START + 7_200_000,
    symbols: [...texts].map(utf8).sort(compareBytes),
    series: seriesOf(sorted, wanted),
    // Several segments, to see that promtool follows.
    segmentSizeMax: 100_000,
  });
}

async function* seriesOf(
  sorted: readonly Uint8Array[],
  wanted: string[],
): AsyncIterable<readonly BlockSeries[]> {
  const samples = new SampleColumns(SAMPLES, true);
  const { t, v } = samples;
  for (const [n, labels] of sorted.entries()) {
    samples.clear();
    for (let at = 0; at < SAMPLES; at++) {
      // Every third series has starts, some of them from the second chunk on.
      const start = n % 3 === 0 && at >= n ? START - 1 + Math.floor(at / 50) : 0;
      samples.push(START + at * 15_000, n * 100 + (at % 7) * 0.25, start);
    }
    const printed = decodeLabels(labels).map(({ name, value }) => `${name}="${value}"`);
    for (let at = 0; at < SAMPLES; at++) wanted.push(`{${printed.join(', ')}} ${v[at]} ${t[at]}`);
    const chunks = [0, 120, 240, 360].map((from) => encodeFloatChunk(samples, from, from + 120));
    yield [{ labels, chunks }];
  }
}
