// npm run conformance:promql -- FILE…: bundles the runner (Node 20 doesn't run TypeScript) and runs it.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: npm run conformance:promql -- FILE…');
  process.exit(2);
}
const cache = join(here, '../../node_modules/.cache/weir-conformance');
mkdirSync(cache, { recursive: true });
const outfile = join(cache, `promql-${process.pid}.mjs`);
await build({
  entryPoints: [join(here, 'main.ts')],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  outfile,
  logLevel: 'warning',
});
const { main } = await import(pathToFileURL(outfile).href);
process.exitCode = (await main(files, (line) => console.log(line))) === 0 ? 0 : 1;
