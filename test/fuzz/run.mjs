// `npm run fuzz -- COUNT [PROTOCOL] [SEED]`: so many mutated pushes (default 1,000,000) of one protocol, query strings
// (`promql`), or all of them (`all`), each in turn in a process of its own. A seed repeats a run; without one each run has another.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [count = '1000000', protocol = 'all', seed = String(Date.now() % 2 ** 31)] =
  process.argv.slice(2);
const corpus = readFileSync(new URL('corpus.ts', import.meta.url), 'utf8');
const named = corpus.slice(corpus.indexOf('export const PROTOCOLS'));
const all = [...named.matchAll(/^ {2}'?([a-z0-9-]+)'?: \{/gm)].map(([, name]) => name);
const argsOf = (file) => [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--project',
  'fuzz',
  `test/fuzz/${file}.test.ts`,
];

for (const name of protocol === 'all' ? [...all, 'promql'] : [protocol]) {
  const env = { WEIR_FUZZ_COUNT: count, WEIR_FUZZ_PROTOCOL: name, WEIR_FUZZ_SEED: seed };
  const { status } = spawnSync(process.execPath, argsOf(name === 'promql' ? name : 'push'), {
    ...{ cwd: root, stdio: 'inherit' },
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exitCode = 1;
}
