// Bundles the simulation with esbuild from any copy of the tree. Packages of node_modules stay outside,
// `node:fs/promises` becomes the simulated disk, and compression in other threads happens at once.
import { join } from 'node:path';

/** Writes the bundle of the tree at `root` to `outfile`. */
export async function bundle(root, outfile) {
  const esbuild = await import('esbuild');
  const disk = join(root, 'test', 'simulation', 'disk', 'fs-promises.ts');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['test/simulation/main.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'warning',
    plugins: [
      {
        name: 'simulated-world',
        setup(build) {
          build.onResolve({ filter: /^node:fs\/promises$/ }, ({ importer }) =>
            // RocksDB's files are real ones.
            importer.includes(join('libs', 'head', 'src', 'rocksdb'))
              ? { path: 'node:fs/promises', external: true }
              : { path: disk },
          );
          build.onResolve({ filter: /^[^./]/ }, ({ kind, path }) => {
            if (kind === 'entry-point' || path.startsWith('@weir/')) return undefined;
            return { path, external: true };
          });
        },
      },
    ],
  });
}
