// `npm run sim -- --mutants`: breaks a copy of the sources with each patch of mutants/ in turn, and runs seeds
// until the simulation notices. A mutant that lives means that the checkers or the workload miss something.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { bundle } from './bundle.mjs';

const SEEDS_MAX = 150;
const STEPS = 24;
/** A seed takes half a second; one that is not done by then goes round in circles. */
const PATIENCE_MS = 60_000;

export function mutantFiles(root) {
  const dir = join(root, 'test', 'simulation', 'mutants');
  const names = readdirSync(dir).filter((name) => name.endsWith('.patch'));
  return names.sort().map((name) => join(dir, name));
}

/** The lines before the patch itself: what it breaks. */
export function describeMutant(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const end = lines.findIndex((line) => line.startsWith('diff ') || line.startsWith('--- '));
  return lines.slice(0, end).join(' ').trim();
}

/** Throws when the patch no longer applies to the tree. */
export function checkMutant(root, file) {
  execFileSync('git', ['apply', '--check', file], { cwd: root, stdio: 'pipe' });
}

/** Resolves with whether every mutant was caught. `only` is a part of a name. */
export async function runMutants(root, { only = '', jobs = 1 } = {}) {
  const files = mutantFiles(root).filter((file) => basename(file).includes(only));
  const living = [];
  const dir = mkdtempSync(join(root, 'node_modules', '.weir-mutants-'));
  const unchanged = join(dir, 'simulation.mjs');
  await bundle(root, unchanged);
  const work = async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      const name = basename(file, '.patch');
      const caught = await runMutant(root, file, unchanged);
      if (caught === undefined) living.push(name);
      const verdict =
        caught === undefined ? `NOT CAUGHT in ${SEEDS_MAX} seeds` : `caught: ${caught}`;
      console.log(`${name}: ${verdict}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work)).finally(() =>
    rmSync(dir, { recursive: true, force: true }),
  );
  console.log(living.length === 0 ? 'all mutants were caught' : `alive: ${living.join(', ')}`);
  return living.length === 0;
}

async function runMutant(root, file, unchanged) {
  const copy = mkdtempSync(join(tmpdir(), 'weir-mutant-'));
  try {
    for (const part of ['libs', 'apps', 'test', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true, filter: isSource });
    }
    execFileSync('git', ['apply', file], { cwd: copy, stdio: 'pipe', env: withoutRepository() });
    const outfile = join(copy, 'simulation.mjs');
    linkPackages(root, copy);
    await bundle(copy, outfile);
    return await firstFailure(outfile, unchanged);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function isSource(path) {
  return !/[/](node_modules|dist)([/]|$)/.test(path);
}

/** Else git would look for a repository above, and skip files outside of it. */
function withoutRepository() {
  return { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() };
}

/** Packages of the workspace are the copy's, all others the tree's. */
function linkPackages(root, copy) {
  const modules = join(copy, 'node_modules');
  execFileSync('mkdir', ['-p', join(modules, '@weir')]);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@weir') symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  for (const kind of ['libs', 'apps']) {
    for (const name of readdirSync(join(copy, kind))) {
      const { name: full } = JSON.parse(
        readFileSync(join(copy, kind, name, 'package.json'), 'utf8'),
      );
      symlinkSync(join(copy, kind, name), join(modules, full));
    }
  }
}

function failsAlone(unchanged, seed) {
  const args = [unchanged, '--seed', `${seed}`, '--steps', `${STEPS}`, '--json'];
  return spawnSync(process.execPath, args).status !== 0;
}

/** Runs seeds until one fails; returns what it said. A seed that fails without the mutant, too, is no proof. */
function firstFailure(outfile, unchanged) {
  return new Promise((resolve, reject) => {
    const args = [outfile, '--seeds', `1..${SEEDS_MAX}`, '--steps', `${STEPS}`, '--json'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let pending = '';
    let errors = '';
    let found;
    let seeds = 0;
    const impatience = setTimeout(() => {
      if (found === undefined && !failsAlone(unchanged, seeds + 1)) {
        found = `seed ${seeds + 1}: it does not end`;
      }
      child.kill('SIGKILL');
    }, PATIENCE_MS);
    child.stderr.on('data', (bytes) => {
      errors += bytes;
    });
    child.stdout.on('data', (bytes) => {
      const lines = (pending + bytes).split('\n');
      pending = lines.pop();
      for (const line of lines) {
        if (!line.startsWith('{') || found !== undefined) continue;
        seeds++;
        impatience.refresh();
        const { seed, failure } = JSON.parse(line);
        if (failure === undefined || failsAlone(unchanged, seed)) continue;
        found = `seed ${seed}: ${failure.split('\n')[0]}`.slice(0, 200);
        child.kill('SIGKILL');
      }
    });
    child.once('close', () => {
      clearTimeout(impatience);
      if (found === undefined && seeds < SEEDS_MAX) reject(new Error(`no result: ${errors}`));
      else resolve(found);
    });
  });
}
