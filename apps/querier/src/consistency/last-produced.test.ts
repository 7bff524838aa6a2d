// The log is asked one question at a time, and none is older than who asks.
import type { ClusterView } from '@weir/cluster';
import { createMemoryCluster } from '@weir/cluster/memory';
import { systemClock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { createLastProduced } from './last-produced.ts';

async function setUp() {
  const cluster = createMemoryCluster();
  const add = (partition: number) =>
    cluster.put({ kind: 'partition', partition, state: 'ACTIVE', sinceMs: 0, version: 1 });
  await add(0);
  await add(2);
  const asked: number[][] = [];
  const answers: ((ends: number[]) => void)[] = [];
  const failures: ((error: Error) => void)[] = [];
  const ask = createLastProduced({
    cluster,
    log: {
      endOffsets(partitions) {
        asked.push([...partitions]);
        return new Promise((resolve, reject) => {
          answers.push(resolve);
          failures.push(reject);
        });
      },
    },
  });
  const turn = () => systemClock.yield();
  return { add, asked, answers, failures, ask, turn };
}

describe('the last produced offsets', () => {
  it('are asked for once by all that come while a question waits', async () => {
    const { add, asked, answers, ask, turn } = await setUp();
    const first = ask();
    await turn();
    const [second, third] = [ask(), ask()];
    await turn();
    expect(asked).toEqual([[0, 2]]);
    await add(3);
    answers[0]!([5, 6]);
    expect(await first).toEqual(
      new Map([
        [0, 5],
        [2, 6],
      ]),
    );
    await turn();
    expect(asked).toEqual([
      [0, 2],
      [0, 2, 3],
    ]);
    answers[1]!([7, 8, 9]);
    expect((await second).get(3)).toBe(9);
    expect(await third).toBe(await second);
  });

  it('are asked for again after a failure', async () => {
    const { answers, failures, ask, turn } = await setUp();
    const first = ask();
    await turn();
    const second = ask();
    failures[0]!(new Error('no broker'));
    await expect(first).rejects.toThrow('no broker');
    await turn();
    answers[1]!([1, 2]);
    expect((await second).get(0)).toBe(1);
  });

  it('are of the partitions in a view that is not older than the question', async () => {
    const partitions = new Map();
    const ask = createLastProduced({
      cluster: {
        // Of a view only its partitions are looked at.
        view: { partitions } as unknown as ClusterView,
        async sync() {
          partitions.set(4, {});
        },
      },
      log: { endOffsets: async (of) => of.map(() => 1) },
    });
    expect(await ask()).toEqual(new Map([[4, 1]]));
  });
});
