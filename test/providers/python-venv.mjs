// Programs and libraries of Python, each in a virtual environment of its own in the cache outside the tree,
// installed once.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The Python of an environment named `name` that has these requirements; change the name with them. */
export function preparePython(name, requirements) {
  const cache = process.env.WEIR_TEST_CACHE ?? join(homedir(), '.cache', 'weir');
  const folder = join(cache, name);
  const python = join(folder, 'bin', 'python');
  // Written last: a half-installed folder is made anew.
  const done = join(folder, 'installed');
  if (existsSync(done)) return python;
  mkdirSync(cache, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  must(name, 'python3', ['-m', 'venv', folder]);
  must(name, python, ['-m', 'pip', 'install', '--quiet', ...requirements]);
  writeFileSync(done, '');
  return python;
}

function must(name, command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().slice(-1000);
  throw new Error(
    `${name} needs Python 3 with venv and pip: \`${command} ${args.join(' ')}\` failed: ${reason}`,
  );
}
