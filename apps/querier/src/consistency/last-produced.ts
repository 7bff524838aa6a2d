// How far the log goes at a moment, for strong reads: the partitions in use, by a view of the cluster that is
// not older than the question, and the end of each. Reads that ask while a question is under way share the
// next one, so that however many there are, the log is asked one question at a time.
import type { Cluster } from '@weir/cluster';

export interface LastProducedParts {
  readonly cluster: Pick<Cluster, 'view' | 'sync'>;
  readonly log: { endOffsets(partitions: readonly number[]): Promise<readonly number[]> };
}

/** Everything acknowledged before the call is below: the next offset by partition. */
export type LastProduced = () => Promise<ReadonlyMap<number, number>>;

export function createLastProduced({ cluster, log }: LastProducedParts): LastProduced {
  let asking: Promise<unknown> = Promise.resolve();
  let next: Promise<ReadonlyMap<number, number>> | undefined;

  async function ask(): Promise<ReadonlyMap<number, number>> {
    // Its answer may be too old for who asks from now on.
    next = undefined;
    await cluster.sync();
    const partitions = [...cluster.view.partitions.keys()];
    const ends = await log.endOffsets(partitions);
    return new Map(partitions.map((partition, at) => [partition, ends[at]!]));
  }

  return () => {
    if (next === undefined) {
      next = asking.then(ask);
      asking = next.catch(() => undefined);
    }
    return next;
  };
}
