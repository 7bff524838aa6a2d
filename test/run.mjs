// `npm test` and `npm run test:peers`: prepares what the suites need, runs them in order, prints each
// with its result and duration, and ends with one line `N passed, N failed`. A suite that cannot start
// counts as failed. `-- --only=unit,chaos` runs some of them, `--filter=kafka` the files of such a path.
// Node's own modules only at the top, since it runs on a fresh clone; tests that were skipped are listed,
// with their reasons.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../apps/weir/scripts/build.mjs';
import { checkNodeVersion, installIfChanged, root } from '../apps/weir/scripts/install.mjs';
import { createServices } from './providers/services.mjs';
import { run, stopAll } from './runner/process.mjs';
import { readReport } from './runner/report.mjs';

const MINUTE_MS = 60_000;

/** `needs` names services (test/providers/services.mjs); `filter` is a part of the test files' paths. */
const SUITES = [
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'] },
  { name: 'lint', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  { name: 'unit', projects: ['unit', 'tidy'], limitMs: 10 * MINUTE_MS },
  { name: 'simulation', projects: ['simulation'], limitMs: 40 * MINUTE_MS },
  { name: 'conformance', projects: ['conformance'], needs: ['build', 'kafka', 's3'] },
  { name: 'integration', projects: ['integration'], needs: ['build', 'kafka', 's3'] },
  { name: 'fuzz', projects: ['fuzz'], needs: ['build'] },
  { name: 'chaos', projects: ['chaos', 'soak'], needs: ['build', 'kafka', 's3'] },
];

const PEER_SUITES = [
  {
    name: 'peers',
    projects: ['peers'],
    needs: ['build', 'kafka', 'peers'],
    limitMs: 60 * MINUTE_MS,
  },
  { name: 'conformance on MinIO', projects: ['conformance'], filter: 's3', needs: ['minio'] },
];

const peers = process.argv.includes('--peers');
const only = argument('only');
const filter = argument('filter');
const scratch = mkdtempSync(join(tmpdir(), 'weir-test-'));
const services = createServices({ build });
const total = { passed: 0, failed: 0 };

let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    interrupted = true;
    stopAll();
    await finish();
    process.exit(1);
  });
}

checkNodeVersion();
try {
  installIfChanged();
  for (const suite of peers ? PEER_SUITES : SUITES) {
    if (interrupted) break;
    if (only === undefined || only.split(',').includes(suite.name)) await runSuite(suite);
  }
} catch (error) {
  total.failed++;
  console.log(`FAILED: ${messageOf(error)}`);
}
if (total.passed + total.failed === 0) {
  total.failed++;
  console.log(`FAILED: no suite is called ${only}`);
}
await finish();
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);

async function finish() {
  await services.stop();
  rmSync(scratch, { recursive: true, force: true });
}

async function runSuite(suite) {
  console.log(`--- ${suite.name}`);
  const startedMs = Date.now();
  const result = await resultOf(suite);
  total.passed += result.passed;
  total.failed += result.failed;
  for (const line of result.notes) console.log(line);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const verdict = result.failed === 0 ? 'ok' : 'FAILED';
  const skipped = result.skipped ? `, ${result.skipped} skipped` : '';
  console.log(
    `--- ${suite.name}: ${verdict}: ${result.passed} of ${result.passed + result.failed}${skipped} in ${seconds} s`,
  );
}

async function resultOf(suite) {
  let env;
  try {
    env = await services.environment(suite.needs ?? []);
  } catch (error) {
    return failure(`cannot start: ${messageOf(error)}`);
  }
  const limitMs = suite.limitMs ?? 20 * MINUTE_MS;
  if (suite.command) {
    const ended = await run(process.execPath, suite.command, { cwd: root, env, limitMs });
    return ended.problem ? failure(`${ended.output}${ended.problem}`) : success();
  }
  return runVitest(suite, env, limitMs);
}

async function runVitest(suite, env, limitMs) {
  const report = join(scratch, `${suite.name.replaceAll(' ', '-')}.json`);
  const args = ['node_modules/vitest/vitest.mjs', 'run'];
  for (const project of suite.projects) args.push('--project', project);
  if (suite.filter ?? filter) args.push(suite.filter ?? filter);
  args.push('--reporter=default', '--reporter=json', `--outputFile.json=${report}`);
  const ended = await run(process.execPath, args, { cwd: root, env, limitMs });
  if (!existsSync(report)) {
    return failure(`${ended.output}cannot start: ${ended.problem ?? 'vitest wrote no report'}`);
  }
  const result = readReport(JSON.parse(readFileSync(report, 'utf8')), root);
  if (result.passed + result.failed === 0) return failure('has no tests');
  if (ended.problem && result.failed === 0) {
    // All tests passed and yet vitest failed: an error outside of any test.
    return { ...result, failed: 1, notes: [...result.notes, `${ended.output}${ended.problem}`] };
  }
  return result;
}

function argument(name) {
  const prefix = `--${name}=`;
  return process.argv.find((arg) => arg.startsWith(prefix))?.slice(prefix.length);
}

function success() {
  return { passed: 1, failed: 0, skipped: 0, notes: [] };
}

function failure(note) {
  return { passed: 0, failed: 1, skipped: 0, notes: [note] };
}

function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
