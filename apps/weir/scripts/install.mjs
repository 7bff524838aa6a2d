// Installs the dependencies when the lock file asks for it; shared by `npm start` and `npm test`.
// Node's own modules only: this runs before anything is installed. Install scripts never run, since
// the native packages load prebuilt binaries; the one that has none for this platform is rebuilt.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

const NODE_MINIMUM = [20, 19];
const RECORD = join(root, 'node_modules', '.weir-installed');

/** Ends the process with a clear text when Node.js is too old to run Weir. */
export function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1])) return;
  console.error(
    `weir needs Node.js ${NODE_MINIMUM.join('.')} or newer, this is ${process.versions.node} (${process.execPath})`,
  );
  process.exit(1);
}

/** Runs npm in the repository with its output shown, and throws when it fails. */
export function npm(...args) {
  const cli = process.env.npm_execpath;
  const command = cli?.endsWith('.js') ? [process.execPath, cli] : ['npm'];
  const result = spawnSync(command[0], [...command.slice(1), ...args], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32' && command[0] === 'npm',
  });
  if (result.error) throw new Error(`npm cannot be started: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${result.status}`);
}

/** Makes node_modules equal to package-lock.json, and does nothing when it already is. */
export function installIfChanged() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256')
    .update(lock)
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
  if (existsSync(RECORD) && readFileSync(RECORD, 'utf8') === wanted) return;
  if (!installedMatches(JSON.parse(lock.toString('utf8')))) {
    console.error('weir: installing dependencies (npm ci)');
    npm('ci', '--ignore-scripts', '--no-audit', '--no-fund');
  }
  rebuildRocksdbIfNeeded();
  writeFileSync(RECORD, wanted);
}

/** Whether npm's own record of what it installed holds every package of the lock file. */
function installedMatches(lock) {
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/')) continue;
    const present = installed[path];
    if (present === undefined) {
      if (!wanted.optional) return false;
    } else if (present.version !== wanted.version || present.integrity !== wanted.integrity) {
      return false;
    }
  }
  return true;
}

/** The rocksdb package has prebuilt binaries for few platforms (none for linux-arm64). */
function rebuildRocksdbIfNeeded() {
  const folder = join(root, 'node_modules', 'rocksdb');
  if (existsSync(join(folder, 'build', 'Release'))) return;
  const prebuilds = join(folder, 'prebuilds');
  const fits = (name) => {
    const [platform, arches = ''] = name.split('-');
    return platform === process.platform && arches.split('+').includes(process.arch);
  };
  if (existsSync(prebuilds) && readdirSync(prebuilds).some(fits)) return;
  console.error(
    `weir: rocksdb has no prebuilt binary for ${process.platform}-${process.arch}; ` +
      'building it from source (needs a C++ compiler, make and python3; takes some minutes)',
  );
  npm('rebuild', 'rocksdb', '--build-from-source');
}
