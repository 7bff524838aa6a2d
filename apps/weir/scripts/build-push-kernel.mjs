// Compiles libs/wire/kernel/push-kernel.as to WebAssembly and writes it as base64 into a source file, so
// that neither a build of Weir nor a user of it needs the compiler. That is large and rarely used:
// it is fetched when this runs, and no dependency.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './install.mjs';

const COMPILER = 'assemblyscript@0.28.20';
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--memoryBase', '16', '--importMemory'];
const LINE = 96;

const folder = mkdtempSync(join(tmpdir(), 'weir-kernel-'));
try {
  // The compiler takes no other extension; in the checkout it would make the file TypeScript.
  copyFileSync(join(root, 'libs/wire/kernel/push-kernel.as'), join(folder, 'kernel.ts'));
  const compile = ['asc', 'kernel.ts', ...OPTIONS, '--outFile', 'kernel.wasm'];
  execFileSync('npx', ['--yes', `--package=${COMPILER}`, ...compile], {
    cwd: folder,
    stdio: 'inherit',
  });
  const code = readFileSync(join(folder, 'kernel.wasm')).toString('base64');
  const lines = code.match(new RegExp(`.{1,${LINE}}`, 'g')).map((line) => `  '${line}',\n`);
  writeFileSync(
    join(root, 'libs/wire/src/push-kernel/push-kernel-code.ts'),
    `// WebAssembly of kernel/push-kernel.as, made by apps/weir/scripts/build-push-kernel.mjs. Don't edit.

export const PUSH_KERNEL_CODE: string = [\n${lines.join('')}].join('');\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
