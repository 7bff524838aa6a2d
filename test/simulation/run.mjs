// `npm run sim`: bundles the simulation as the tree stands and runs it.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, 'node_modules', '.cache', 'weir-simulation');
mkdirSync(out, { recursive: true });
const outfile = join(out, `simulation-${process.pid}.mjs`);
await bundle(root, outfile);
const args = ['--enable-source-maps', outfile, ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
process.exitCode = status ?? 1;
