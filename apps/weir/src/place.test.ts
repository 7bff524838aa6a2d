// How many threads own partitions when no flag says it.
import { defaultsOf } from '@weir/config';
import { expect, it } from 'vitest';
import { weirFlags } from './flags.ts';
import { placeOf } from './place.ts';

it('leaves a processor free, and has two threads for partitions at least', () => {
  const workers = (processors: number, partitionWorkers = 0) => {
    const weir = { ...defaultsOf(weirFlags), partitionWorkers };
    return placeOf({ weir }, { name: 'host', processors }).partitionWorkers;
  };
  expect([1, 2, 3, 4, 8].map((processors) => workers(processors))).toEqual([2, 2, 2, 3, 7]);
  expect([workers(8, 1), workers(1, 3)]).toEqual([1, 3]);
});
