// Blocks on both sides of a real promtool: it reads what Weir ships, and Weir answers from a block that
// promtool made.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rawSamples } from '../support/prometheus-api.ts';
import { push, type TestSeries } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const STEP_MS = 15_000;
const STEPS = 500;
const OUTPUT_MAX_BYTES = 256 * 1024 * 1024;
const run = promisify(execFile);

function promtool(...args: string[]): Promise<{ stdout: string }> {
  const binary = process.env.WEIR_PROMTOOL;
  if (!binary) throw new Error('WEIR_PROMTOOL is not set: run npm run test:peers');
  return run(binary, args, { maxBuffer: OUTPUT_MAX_BYTES });
}

/** Lines of `promtool tsdb dump`, `{labels} value timestamp`, as a sorted list. */
function dumpLines(series: readonly TestSeries[]): string[] {
  return series
    .flatMap(({ labels, samples }) => {
      const text = Object.entries(labels)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(', ');
      return samples.map(([t, v]) => `{${text}} ${v} ${t}`);
    })
    .sort();
}

describe('promtool and the bucket', () => {
  let directory: string;
  let weir: WeirProcess;
  let startMs: number;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-promtool-'));
    weir = new WeirProcess({
      port: await freePort(),
      flags: [
        '-target=all',
        `-data-dir=${join(directory, 'weir')}`,
        '-log.level=warn',
        '-blocks-storage.bucket-store.sync-interval=1s',
      ],
    });
    await weir.start();
    startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - STEPS * STEP_MS;
  });

  afterEach(async () => {
    await weir.stop();
    await rm(directory, { recursive: true });
  });

  it('analyzes and dumps shipped blocks: exactly what was pushed', async () => {
    const series: TestSeries[] = Array.from({ length: 50 }, (_, index) => ({
      labels: { __name__: `metric_${index % 5}`, index: String(index), text: 'a"b\\c' },
      samples: Array.from(
        { length: STEPS },
        (_, step) => [startMs + step * STEP_MS + index, step * index] as const,
      ),
    }));
    const answer = await push(weir.base, series);
    expect(answer.status).toBe(200);
    const flush = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
    expect(flush.status).toBe(204);

    const tsdb = join(directory, 'tsdb');
    await cp(join(directory, 'weir', 'blocks', 'test'), tsdb, { recursive: true });
    for (const block of await readdir(tsdb)) {
      const { stdout } = await promtool('tsdb', 'analyze', tsdb, block);
      expect(stdout).toContain(`Block ID: ${block}`);
    }
    await mkdir(join(tsdb, 'wal')); // dump looks for a head as well
    const { stdout } = await promtool('tsdb', 'dump', tsdb);
    expect(stdout.trim().split('\n').sort()).toEqual(dumpLines(series));
  });

  it('makes a block that Weir answers from', async () => {
    const lines = ['# TYPE imported_total counter'];
    for (let index = 0; index < 20; index++) {
      for (let step = 0; step < STEPS; step++) {
        const seconds = (startMs + step * STEP_MS) / 1000;
        lines.push(`imported_total{index="${index}"} ${index * 1000 + step} ${seconds}`);
      }
    }
    const input = join(directory, 'input.om');
    await writeFile(input, `${lines.join('\n')}\n# EOF\n`);
    const output = join(directory, 'made');
    await promtool('tsdb', 'create-blocks-from', 'openmetrics', input, output);
    await mkdir(join(directory, 'weir', 'blocks', 'test'), { recursive: true });
    await cp(output, join(directory, 'weir', 'blocks', 'test'), { recursive: true });

    await expect
      .poll(
        async () => {
          const read = await rawSamples(
            `${weir.base}/prometheus`,
            'imported_total',
            '1d',
            Date.now(),
          );
          return read.map(({ metric, values }) => [metric.index, values.map(([t, v]) => [t, v])]);
        },
        { timeout: 15_000, interval: 500 },
      )
      .toEqual(
        Array.from({ length: 20 }, (_, index) => index)
          .sort((a, b) => (String(a) < String(b) ? -1 : 1))
          .map((index) => [
            String(index),
            Array.from({ length: STEPS }, (_, step) => [
              (startMs + step * STEP_MS) / 1000,
              String(index * 1000 + step),
            ]),
          ]),
      );
  });
});
