// What promtool says of a folder of blocks, Weir's or Prometheus's.
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const OUTPUT_MAX_BYTES = 256 * 1024 * 1024;
const run = promisify(execFile);

/** A line a sample, `{labels} value time`, sorted. */
export async function dumpBlocks(directory: string): Promise<string[]> {
  const binary = process.env.WEIR_PROMTOOL;
  if (!binary) throw new Error('WEIR_PROMTOOL is not set: run npm run test:peers');
  await mkdir(join(directory, 'wal'), { recursive: true });
  const options = { maxBuffer: OUTPUT_MAX_BYTES };
  const { stdout } = await run(binary, ['tsdb', 'dump', directory], options);
  return stdout.trimEnd().split('\n').sort();
}

/** Of a line of a dump. */
export function timeOf(line: string): number {
  return Number(line.slice(line.lastIndexOf(' ')));
}
