// `npm run sim`: bundles the simulation as the tree stands and runs it; with `--mutants` it runs the mutants.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { runMutants } from './mutants.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const args = process.argv.slice(2);

if (args.includes('--mutants')) {
  const after = (name) => args[args.indexOf(name) + 1];
  const caught = await runMutants(root, {
    ...(args.includes('--only') && { only: after('--only') }),
    ...(args.includes('--jobs') && { jobs: Number(after('--jobs')) }),
  });
  process.exitCode = caught ? 0 : 1;
} else {
  const out = join(root, 'node_modules', '.cache', 'weir-simulation');
  mkdirSync(out, { recursive: true });
  const outfile = join(out, `simulation-${process.pid}.mjs`);
  await bundle(root, outfile);
  const node = ['--enable-source-maps', '--max-semi-space-size=64', outfile];
  const { status } = spawnSync(process.execPath, [...node, ...args], { stdio: 'inherit' });
  rmSync(outfile, { force: true });
  process.exitCode = status ?? 1;
}
