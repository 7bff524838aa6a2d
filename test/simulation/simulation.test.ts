// The simulation as a suite: 200 seeds in memory and 20 on RocksDB, that a seed repeats itself, and that a
// run is not idle. The mutants (`npm run sim -- --mutants`) are looked at by test/tidy.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './bundle.mjs';

const root = join(import.meta.dirname, '..', '..');
/** In the tree, so that packages are found from there. */
let dir = '';

beforeAll(async () => {
  dir = mkdtempSync(join(root, 'node_modules', '.weir-simulation-'));
  await bundle(root, join(dir, 'simulation.mjs'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function simulate(...args: string[]): { status: number | null; output: string } {
  const program = ['--enable-source-maps', join(dir, 'simulation.mjs'), ...args];
  const options = { encoding: 'utf8', maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, program, options);
  return { status, output: stdout + stderr };
}

const times = (output: string, what: string) =>
  Number(new RegExp(`^ *(\\d+) ${what}$`, 'm').exec(output)?.[1] ?? 0);

/** The lines that repeat a failed seed, and what it violated. */
const failures = (output: string) =>
  output.split('\n').filter((line) => /^(FAILED|Violation)/.test(line));

describe('simulation', () => {
  it('holds all invariants in 200 seeds, which are not idle', () => {
    const { status, output } = simulate('--seeds', '1..200', '--jobs', '2');
    expect(failures(output)).toEqual([]);
    expect(output).toContain('200 of 200 seeds passed');
    expect(status).toBe(0);
    for (const what of [
      'block shipped',
      'checkpoint',
      'crash',
      'disk lost',
      'early cut',
      'eventual read answered',
      'exemplars checked',
      'group commit moved',
      'head replayed and compared',
      'head restored and compared',
      'head restored from a snapshot',
      'histogram refused by a head',
      'histograms read',
      'idle tenant cut',
      'log truncated',
      'instance drains',
      'instance taken away',
      'metadata checked',
      'metadata over a limit',
      'parked tenants taken up again',
      'partition handed over',
      'partition turned ACTIVE',
      'partition turned INACTIVE',
      'partition turned INACTIVE, drained',
      'partitions scaled',
      'pause',
      'power lost',
      'produce logged, answer lost',
      'record of version 2',
      'replicas compared',
      "sample over a metric's series limit",
      'sample over the series limit',
      'samples accounted for',
      'series limit changed',
      'stale claim ignored',
      'staleness markers read',
      'store damaged',
      'strong read answered',
      'synthetic zeros',
      'tenant parked',
      'view of the cluster held back',
      'views of the cluster compared',
      'window dropped',
    ]) {
      expect(times(output, what), what).toBeGreaterThan(10);
    }
  });

  it('holds them on RocksDB in 20 seeds', () => {
    const { output } = simulate('--seeds', '1..20', '--store', 'rocksdb', '--jobs', '2');
    expect(failures(output)).toEqual([]);
    expect(output).toContain('20 of 20 seeds passed');
  });

  it('repeats a seed event by event, on either store', () => {
    for (const store of ['memory', 'rocksdb']) {
      const run = () => simulate('--seed', '7', '--json', '--store', store).output;
      const first = run();
      expect(first).toContain('"hash"');
      expect(run()).toBe(first);
    }
    expect(simulate('--seed', '7', '--json').output).not.toBe(
      simulate('--seed', '8', '--json').output,
    );
  });
});
