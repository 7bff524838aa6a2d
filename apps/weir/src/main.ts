// The entry of the program `weir`: the only file that touches arguments, environment, signals and exit.
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { printHelp } from '@weir/config';
import { WeirError } from '@weir/errors';
import { systemClock } from '@weir/runtime';
import { modules, parseCommandLine } from './configuration.ts';
import { type RunningProcess, runProcess } from './process.ts';
import { banner } from './push-example.ts';

/** After that a stop is no longer waited for. */
const STOP_TIMEOUT_MS = 60_000;

async function main(): Promise<void> {
  const { help, settings } = parseCommandLine(process.argv.slice(2), process.env, (path) =>
    readFileSync(path, 'utf8'),
  );
  if (help !== 'none') {
    process.stdout.write(printHelp(modules, { all: help === 'all' }));
    return;
  }
  const host = { name: hostname(), processors: availableParallelism() };
  const running = await runProcess(settings, host);
  stopOnSignal(running);
  // Not stopped in order: what it would write then belongs to a topic that is gone, or to a successor.
  void running.failed?.then(fail);
  await running.started;
  process.stdout.write(banner(running.url, settings.querier.prometheusPrefix, systemClock.nowMs()));
}

function stopOnSignal(running: RunningProcess): void {
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    systemClock.after(STOP_TIMEOUT_MS, () => process.exit(1));
    running.stop().then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function fail(error: unknown): void {
  // What a person can mend is one line; anything else needs its stack.
  const text =
    error instanceof WeirError
      ? `weir: ${error.message}`
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

main().catch(fail);
