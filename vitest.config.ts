// Test projects: `unit` runs beside the code and starts nothing; `tidy` checks the tree itself; the
// others start processes and are run by test/run.mjs, which prepares what they need first.
import { defineConfig } from 'vitest/config';

/** What a busy machine may need for what an idle one has at once. */
const POLL_MS = 30_000;

const started = (name: string, seconds: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: seconds * 1000,
    hookTimeout: seconds * 1000,
    expect: { poll: { timeout: POLL_MS } },
    fileParallelism: false,
    pool: 'forks' as const,
  },
});

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['libs/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      { test: { name: 'tidy', include: ['test/tidy/**/*.test.ts'], testTimeout: 30_000 } },
      started('integration', 120),
      started('conformance', 300),
      started('fuzz', 300),
      started('chaos', 600),
      started('simulation', 1200),
      started('soak', 3600),
      started('peers', 900),
    ],
  },
});
