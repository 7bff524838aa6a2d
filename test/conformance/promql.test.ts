// The promqltest files beside the repository, where they are present, and our own cases always.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createMemoryStorage } from './memory-storage.ts';
import { runTestFile } from './runner.ts';
import { createSystemStorage } from './system-storage.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const shared = join(here, '../../../shared/promqltest');
const testFiles = (folder: string) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test')) : [];

describe('promqltest', () => {
  const files = testFiles(shared);
  if (files.length === 0)
    it('13 files not present, not run', () => console.log('13 files not present, not run'));
  for (const name of files) it(name, () => expectToPass(join(shared, name)));
});

describe('own cases', () => {
  for (const name of testFiles(join(here, 'cases'))) {
    it(name, async () => {
      const report = await expectToPass(join(here, 'cases', name));
      expect(report.passed).toBeGreaterThan(0);
    });
  }
});

/** From memory, from a head, and from blocks. */
async function expectToPass(file: string) {
  const text = readFileSync(file, 'utf8');
  const storages = {
    memory: createMemoryStorage,
    head: () => createSystemStorage('head'),
    blocks: () => createSystemStorage('blocks'),
    'two heads that evaluate': () => createSystemStorage('heads'),
    'two that evaluate over blocks': () => createSystemStorage('held'),
  };
  for (const [name, create] of Object.entries(storages)) {
    const { failures } = await runTestFile(text, create);
    expect(failures, name).toEqual([]);
  }
  return runTestFile(text, createMemoryStorage);
}
