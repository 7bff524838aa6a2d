// npm run bench [-- NAME…] [-- NUMBER…] [-- --vs REVISION]: runs the kernel benchmarks and the end-to-end
// one, with the numbers as their arguments. With --vs each runs in turn on this tree and on another
// revision, three times, and ratios are printed, of the CPU time of whole processes and of each figure
// that both print: these machines are noisy, so only ratios within one run say something.
// They are no tests: nothing here passes or fails.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PAIRS = 3;

/** Stands before each bundle: its CPU seconds go to descriptor 3 when it ends. */
const REPORT_CPU = `import { writeSync as reportTo } from 'node:fs';
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  reportTo(3, String((user + system) / 1e6));
});`;

/** Resolves workspace packages inside `tree`, whatever node_modules links to; leaves others outside. */
function workspaceOf(tree) {
  const entries = new Map();
  for (const group of ['libs', 'apps']) {
    for (const folder of readdirSync(join(tree, group))) {
      const path = join(tree, group, folder, 'package.json');
      if (!existsSync(path)) continue;
      const { name, exports } = JSON.parse(readFileSync(path, 'utf8'));
      for (const [door, file] of Object.entries(exports)) {
        entries.set(join(name, door), join(tree, group, folder, file));
      }
    }
  }
  return {
    name: 'workspace',
    setup(setup) {
      setup.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === 'entry-point') return undefined;
        const inside = entries.get(path);
        return inside ? { path: inside } : { path, external: true };
      });
    },
  };
}

async function bundle(tree, name) {
  const outdir = join(tree, 'node_modules', '.cache', 'weir-bench');
  mkdirSync(outdir, { recursive: true });
  const outfile = join(outdir, `${name}-${process.pid}-${tree === root ? 'this' : 'other'}.mjs`);
  await build({
    entryPoints: [join(tree, 'test', 'bench', `${name}.bench.ts`)],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    logLevel: 'warning',
    banner: { js: REPORT_CPU },
    plugins: [workspaceOf(tree)],
  });
  return outfile;
}

/** Runs a bundle; returns the CPU seconds of its process and what it printed. */
function runOnce(file, tree) {
  const { status, stdout, output } = spawnSync(
    process.execPath,
    ['--expose-gc', file, ...numbers],
    {
      cwd: tree,
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`${file} ended with ${status}`);
  return { cpuSeconds: Number(output[3]), printed: stdout };
}

/** Lines of a name, two or more spaces and a number. */
function figures(printed) {
  const lines = printed.matchAll(/^(\S.*?) {2,}(\d+(?:\.\d+)?)\b/gm);
  return new Map([...lines].map(([, name, value]) => [name, Number(value)]));
}

function worktreeOf(revision) {
  const tree = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  execFileSync('git', ['worktree', 'add', '--detach', '--force', tree, revision], { cwd: root });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

async function compare(name, other) {
  const [mine, theirs] = [await bundle(root, name), await bundle(other, name)];
  const ratios = [];
  const ratiosByFigure = new Map();
  for (let pair = 0; pair < PAIRS; pair++) {
    const { cpuSeconds: here, printed } = runOnce(mine, root);
    const { cpuSeconds: there, printed: printedThere } = runOnce(theirs, other);
    ratios.push(here / there);
    console.log(`${name}: CPU ${here.toFixed(2)} s here, ${there.toFixed(2)} s there`);
    const figuresThere = figures(printedThere);
    for (const [figure, value] of figures(printed)) {
      const known = ratiosByFigure.get(figure) ?? [];
      known.push(value / figuresThere.get(figure));
      ratiosByFigure.set(figure, known);
    }
  }
  for (const [figure, values] of ratiosByFigure) {
    const ratio = median(values);
    if (Number.isFinite(ratio)) console.log(`${name}: ${figure.padEnd(44)} ${ratio.toFixed(3)}`);
  }
  console.log(`${name}: median ratio ${median(ratios).toFixed(3)}`);
}

const args = process.argv.slice(2);
const vs = args.indexOf('--vs');
const revision = vs < 0 ? undefined : args.splice(vs, 2)[1];
const all = readdirSync(join(root, 'test', 'bench'))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length));
const numbers = args.filter((arg) => /^\d+$/.test(arg));
const wanted = args.filter((arg) => !numbers.includes(arg));
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) throw new Error(`no benchmark ${unknown}; there are ${all.join(', ')}`);
const names = wanted.length > 0 ? wanted : all;

const other = revision === undefined ? undefined : worktreeOf(revision);
try {
  for (const name of names) {
    if (other) await compare(name, other);
    else console.log(`== ${name}\n${runOnce(await bundle(root, name), root).printed}`);
  }
} finally {
  if (other) {
    execFileSync('git', ['worktree', 'remove', '--force', other], { cwd: root });
    rmSync(other, { recursive: true, force: true });
  }
}
