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

const STARTS = `
load 1m
  a@st -1m 0s _ 30s-10sx1 +1ms _x2
  a    1   2  3 4     5   6    7 8

eval range from 0 to 6m step 1m start_timestamp(a)
  {} -60 60 0 210 260 300.001 0

load 1m
  b@st -1mx2
  b 1 2

load 1m
  b@st -1mx1
  c 1 2

load 1m
  b@st -1mx1
  b@st -1mx1
  b 1 2

load 1m
  b 1 2
  b@st -1mx1

load 1m
  b@st -1m30sx1
  b 1 2

load 1m
  b@st -1m+5x1
  b 1 2

load 1m
  b@st _x0 _
  b 1

eval instant at 1m count(b)
`;

it('reads start timestamps as lines before those of their samples', async () => {
  const { passed, failures } = await runTestFile(STARTS, createMemoryStorage);
  expect(failures.map(({ complaints }) => complaints)).toEqual([
    ['not understood: @st line has 3 values but sample line has 2'],
    ['not understood: @st metric does not match the following sample line metric'],
    ['not understood: @st line has no following sample line'],
    ['not understood: @st line has no following sample line'],
    ['not understood: invalid ST item: -1m30sx1'],
    ['not understood: invalid ST duration: 5'],
    ['not understood: invalid ST item: _x0'],
  ]);
  expect(passed).toBe(2);
});
