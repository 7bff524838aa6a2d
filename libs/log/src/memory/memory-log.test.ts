// The memory log keeps the contract.
import { seededRandom, systemClock } from '@weir/runtime';
import { describe, it } from 'vitest';
import { closingCase, contractCases } from '../contract.ts';
import { createMemoryLog } from './memory-log.ts';

describe('memory log', () => {
  const log = createMemoryLog({ partitions: 4 }, { clock: systemClock, random: seededRandom(1) });
  for (const { name, run } of [...contractCases, closingCase]) it(name, () => run(log));
});
