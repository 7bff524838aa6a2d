// The command line of the simulation: runs seeds, prints what happened and, of a failing one, the line that
// repeats it and the end of its trace. Bundled by bundle.mjs; started by `npm run sim`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Coverage } from './coverage.ts';
import { createRocksdbStores } from './disk/rocksdb-store-node.ts';
import { type RunResult, runSeed } from './run.ts';

interface Options {
  from: number;
  to: number;
  steps: number;
  jobs: number;
  store: string;
  trace: boolean;
  /** One line of JSON a seed, for the process that started this one. */
  json: boolean;
}

interface SeedLine {
  readonly seed: number;
  readonly hash: string;
  readonly failure: string | undefined;
  readonly coverage: Readonly<Record<string, number>>;
}

const PROGRESS_SEEDS = 500;
/** Seeds that a child gets at a time. */
const CHUNK_SEEDS = 100;

const options = parse(process.argv.slice(2));
const total = new Coverage();
const failed: SeedLine[] = [];
let done = 0;
const startedMs = performance.now();
// Of many seeds nobody reads where each simulated error came from.
if (options.from < options.to) Error.stackTraceLimit = 0;
if (options.jobs > 1) await runInChildren();
else await runHere();
if (!options.json) summarize();
process.exitCode = failed.length === 0 ? 0 : 1;

async function runHere(): Promise<void> {
  for (let seed = options.from; seed <= options.to; seed++) {
    const rocksdb = options.store === 'rocksdb' ? createRocksdbStores() : undefined;
    const result = await runSeed({
      seed,
      steps: options.steps,
      ...(rocksdb && { createStore: rocksdb.create }),
      ...(options.trace && { print: (line: string) => console.log(line) }),
    });
    await rocksdb?.remove();
    const line = lineOf(result);
    if (options.json) console.log(JSON.stringify(line));
    else if (line.failure !== undefined && !options.trace) {
      for (const text of result.traceTail.slice(-60)) console.log(`  ${text}`);
    }
    take(line);
  }
}

/** Each child runs some seeds after the other; the next one that is free takes the next. */
async function runInChildren(): Promise<void> {
  let next = options.from;
  const work = async () => {
    while (next <= options.to) {
      const from = next;
      const to = Math.min(options.to, from + CHUNK_SEEDS - 1);
      next = to + 1;
      await runChild(from, to);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
}

async function runChild(from: number, to: number): Promise<void> {
  const { steps, store } = options;
  const args = ['--seeds', `${from}..${to}`, '--steps', `${steps}`, '--store', store, '--json'];
  const child = spawn(process.execPath, [
    ...process.execArgv,
    fileURLToPath(import.meta.url),
    ...args,
  ]);
  let pending = '';
  let told = from;
  let problems = '';
  child.stderr.on('data', (bytes) => {
    problems += bytes;
  });
  child.stdout.on('data', (bytes) => {
    const lines = (pending + bytes).split('\n');
    pending = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith('{')) continue;
      take(JSON.parse(line) as SeedLine);
      told++;
    }
  });
  await new Promise((resolve) => child.once('close', resolve));
  for (; told <= to; told++) {
    const failure = `the process that ran it ended: ${problems.slice(-2000)}`;
    take({ seed: told, hash: '', failure, coverage: {} });
  }
}

function lineOf({ seed, traceHash: hash, failure, coverage }: RunResult): SeedLine {
  const text = failure instanceof Error ? (failure.stack ?? failure.message) : undefined;
  return {
    ...{ seed, hash },
    failure: text ?? (failure === undefined ? undefined : String(failure)),
    coverage: Object.fromEntries(coverage),
  };
}

function take(line: SeedLine): void {
  done++;
  total.add(line.coverage);
  if (line.failure !== undefined) {
    failed.push(line);
    if (!options.json) {
      console.log(line.failure);
      console.log(`FAILED: npm run sim -- --seed ${line.seed} ${flags()}`);
    }
  }
  const seeds = options.to - options.from + 1;
  if (options.json || done % PROGRESS_SEEDS !== 0 || done === seeds) return;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(`${done} of ${seeds} seeds in ${seconds} s, ${failed.length} failed`);
}

function flags(): string {
  return `--steps ${options.steps}${options.store === 'memory' ? '' : ` --store ${options.store}`}`;
}

function summarize(): void {
  for (const [what, times] of total.sorted()) console.log(`${String(times).padStart(9)} ${what}`);
  const seeds = options.to - options.from + 1;
  if (failed.length > 0) console.log(`failed seeds: ${failed.map(({ seed }) => seed).join(' ')}`);
  const seconds = (performance.now() - startedMs) / 1000;
  const each = ((seconds / seeds) * 1000).toFixed(0);
  console.log(
    `${seeds - failed.length} of ${seeds} seeds passed in ${seconds.toFixed(1)} s (${each} ms a seed)`,
  );
}

function parse(args: readonly string[]): Options {
  const parsed: Options = {
    ...{ from: 1, to: 1, steps: 11, jobs: 1, store: 'memory', trace: false, json: false },
  };
  const numbers = { '--steps': 'steps', '--jobs': 'jobs' } as const;
  const switches = { '--trace': 'trace', '--json': 'json' } as const;
  for (let at = 0; at < args.length; at++) {
    const name = args[at]!;
    if (name in switches) parsed[switches[name as keyof typeof switches]] = true;
    else {
      const value = args[++at] ?? '';
      if (name === '--seed' || name === '--seeds') {
        const [from, to = from] = value.split('..').map(Number);
        parsed.from = from!;
        parsed.to = to!;
      } else if (name === '--store' && (value === 'memory' || value === 'rocksdb')) {
        parsed.store = value;
      } else if (name in numbers) parsed[numbers[name as keyof typeof numbers]] = Number(value);
      else throw new Error(`unknown option ${name} ${value}`);
    }
  }
  return parsed;
}
