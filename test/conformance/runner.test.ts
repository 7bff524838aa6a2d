// Files may have what this runner does not know: that fails, and all else runs.
import { expect, it } from 'vitest';
import { createMemoryStorage } from './memory-storage.ts';
import { runTestFile } from './runner.ts';

const FILE = `
load 1m
  counter{a="x@st y"}@st -1mx4
  counter{a="x@st y"} 0+1x4

eval instant at 4m counter
  {__name__="counter", a="x@st y"} 4

conjure 7

load 1m
  broken{ 0x4

eval instant at 4m sum(counter)
  {} 4

eval instant at 4m sum(counter)
  {} 5
`;

it('tells what it does not understand, and runs the rest', async () => {
  const { passed, failures } = await runTestFile(FILE, createMemoryStorage);
  expect(passed).toBe(2);
  expect(failures.map(({ line }) => line)).toEqual([9, 11, 17]);
  expect(failures[0]!.complaints).toEqual(['not understood: unknown command: conjure 7']);
});
