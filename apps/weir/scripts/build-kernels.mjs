// Compiles the kernels to WebAssembly and writes each as base64 into a source file, so that neither
// a build of Weir nor a user of it needs the compiler. That is large and rarely used: it is fetched when
// this runs, and no dependency.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { root } from './install.mjs';

const COMPILER = 'assemblyscript@0.28.20';
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--memoryBase', '16', '--importMemory'];
const LINE = 96;

const KERNELS = [
  {
    lib: 'libs/wire',
    source: 'kernel/push-kernel.as',
    code: 'src/push-kernel/push-kernel-code.ts',
    name: 'PUSH_KERNEL_CODE',
    options: [],
  },
  {
    lib: 'libs/wire',
    source: 'kernel/point-kernel.as',
    code: 'src/otlp/point-kernel-code.ts',
    name: 'POINT_KERNEL_CODE',
    options: [],
  },
  {
    lib: 'libs/bytes',
    source: 'kernel/crc32c-fold.as',
    code: 'src/crc32c-fold-code.ts',
    name: 'CRC32C_FOLD_CODE',
    options: ['--enable', 'simd'],
  },
  {
    lib: 'libs/tsdb',
    source: 'kernel/xor-chunk.as',
    code: 'src/chunk/xor-chunk-code.ts',
    name: 'XOR_CHUNK_CODE',
    options: [],
  },
  {
    lib: 'apps/querier',
    source: 'kernel/sample-rows.as',
    code: 'src/json/sample-rows-code.ts',
    name: 'SAMPLE_ROWS_CODE',
    options: [],
  },
];

function build({ lib, source, code, name, options }) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-kernel-'));
  try {
    // The compiler takes no other extension; in the checkout it would make the files TypeScript.
    const sources = dirname(join(root, lib, source));
    for (const file of readdirSync(sources)) {
      copyFileSync(join(sources, file), join(folder, `${basename(file, '.as')}.ts`));
    }
    const entry = `${basename(source, '.as')}.ts`;
    const compile = ['asc', entry, ...OPTIONS, ...options, '--outFile', 'kernel.wasm'];
    execFileSync('npx', ['--yes', `--package=${COMPILER}`, ...compile], {
      cwd: folder,
      stdio: 'inherit',
    });
    const base64 = readFileSync(join(folder, 'kernel.wasm')).toString('base64');
    const lines = base64.match(new RegExp(`.{1,${LINE}}`, 'g')).map((line) => `  '${line}',\n`);
    writeFileSync(
      join(root, lib, code),
      `// WebAssembly of ${source}, made by apps/weir/scripts/build-kernels.mjs. Don't edit.

export const ${name}: string = [\n${lines.join('')}].join('');\n`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const kernel of KERNELS) build(kernel);
