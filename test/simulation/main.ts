// The command line of the simulation: runs seeds, prints what happened and, of a failing one, the line that
// repeats it and the end of its trace. Bundled by bundle.mjs; started by `npm run sim`.
import { Coverage } from './coverage.ts';
import { type RunResult, runSeed } from './run.ts';

interface Options {
  from: number;
  to: number;
  steps: number;
  trace: boolean;
  json: boolean;
}

const options = parse(process.argv.slice(2));
const total = new Coverage();
const startedMs = performance.now();
let failures = 0;
for (let seed = options.from; seed <= options.to; seed++) {
  const result = await runSeed({
    seed,
    steps: options.steps,
    ...(options.trace && { print: (line: string) => console.log(line) }),
  });
  total.add(result.coverage);
  if (result.failure !== undefined) {
    failures++;
    report(result);
  }
  if (options.json)
    console.log(JSON.stringify({ seed, hash: result.traceHash, ok: !result.failure }));
}
const seeds = options.to - options.from + 1;
const seconds = (performance.now() - startedMs) / 1000;
if (!options.json) {
  for (const [what, times] of total.sorted()) console.log(`${String(times).padStart(9)} ${what}`);
}
console.log(
  `${seeds - failures} of ${seeds} seeds passed in ${seconds.toFixed(1)} s (${((seconds / seeds) * 1000).toFixed(0)} ms a seed)`,
);
process.exitCode = failures === 0 ? 0 : 1;

function report({ seed, failure, traceTail }: RunResult): void {
  if (!options.trace) for (const line of traceTail.slice(-60)) console.log(`  ${line}`);
  console.log(failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
  console.log(`FAILED: npm run sim -- --seed ${seed} --steps ${options.steps}`);
}

function parse(args: readonly string[]): Options {
  const parsed: Options = { from: 1, to: 1, steps: 150, trace: false, json: false };
  for (let at = 0; at < args.length; at++) {
    const value = args[at + 1] ?? '';
    switch (args[at]) {
      case '--seed':
        parsed.from = parsed.to = Number(value);
        at++;
        break;
      case '--seeds': {
        const [from, to] = value.split('..').map(Number);
        parsed.from = from!;
        parsed.to = to ?? from!;
        at++;
        break;
      }
      case '--steps':
        parsed.steps = Number(value);
        at++;
        break;
      case '--trace':
        parsed.trace = true;
        break;
      case '--json':
        parsed.json = true;
        break;
      default:
        throw new Error(`unknown option ${args[at]}`);
    }
  }
  return parsed;
}
