// Reads through a front node as a querier does it, and what such a read must have seen by then.
import { createMatcher, SampleColumns } from '@weir/model';
import { createQueryable, demandOf, type OwnerDirectory } from '@weir/query';
import { type Answer, checkAnswer, type ReadScope } from './checks/answers.ts';
import { latin1 } from './checks/shipping.ts';
import type { FrontNode } from './nodes.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/** Records must be applied within this, when nothing is broken. */
const LAG_MS = 120_000;
const STRONG_PATIENCE_MS = 120_000;
const READ_PATIENCE_MS = 200_000;

export interface ReadRange {
  readonly tenant: string;
  readonly minT: number;
  readonly maxT: number;
}

const ANY = [createMatcher({ name: '__name__', op: '=~', value: '.+' })];

/** Resolves with whether there was an answer; throws a Violation when it is wrong. */
export async function eventualRead(world: World, front: FrontNode, range: ReadRange) {
  const beforeMs = world.appliedBeforeMs(LAG_MS);
  const visibleBelow = world.topic.partitions.map((records, partition) => {
    const at = records.findIndex(({ atMs }) => atMs > beforeMs);
    return at < 0 ? world.topic.end(partition) : at;
  });
  return read(world, front, front.owners, { ...range, purpose: 'eventual', visibleBelow });
}

/** As `X-Read-Consistency: strong` means it: the log's end now, and owners that have applied it. */
export async function strongRead(
  world: World,
  front: FrontNode,
  range: ReadRange,
  purpose: 'strong' | 'final' = 'strong',
): Promise<boolean> {
  const visibleBelow = world.topic.partitions.map((records) => records.length);
  const patience = new AbortController();
  const timer = front.process.clock.after(STRONG_PATIENCE_MS, () =>
    patience.abort(new Error('late')),
  );
  try {
    const demand = await front.demand(range.tenant, { level: 'strong' }, patience.signal);
    // Owners may change from here on: they wait, too.
    const owners = demandOf(front.owners, demand);
    return await read(world, front, owners, { ...range, purpose, visibleBelow });
  } catch (error) {
    if (error instanceof Violation) throw error;
    return world.readFailed(error);
  } finally {
    timer.cancel();
  }
}

async function read(
  world: World,
  front: FrontNode,
  owners: OwnerDirectory,
  scope: ReadScope,
): Promise<boolean> {
  const { tenant, minT, maxT, purpose } = scope;
  const patience = new AbortController();
  const timer = front.process.clock.after(READ_PATIENCE_MS, () =>
    patience.abort(new Error('late')),
  );
  let answer: Answer;
  try {
    const { catalog } = front;
    const queryable = createQueryable({ tenant }, { owners, catalog });
    const late = new Promise<never>((_, reject) => {
      patience.signal.addEventListener('abort', () => reject(patience.signal.reason));
    });
    late.catch(() => undefined);
    const collected = collect(
      queryable.select({ matchers: ANY, minT, maxT }, patience.signal),
      scope,
    );
    answer = await Promise.race([collected, late]);
  } catch (error) {
    return world.readFailed(error);
  } finally {
    timer.cancel();
  }
  world.coverage.note(`${purpose} read answered`);
  checkAnswer(world.model, scope, answer, world.coverage);
  return true;
}

type Stream = ReturnType<ReturnType<typeof createQueryable>['select']>;

async function collect(opening: Stream, _scope: ReadScope): Promise<Answer> {
  const stream = await opening;
  const answer = new Map<string, SampleColumns>();
  try {
    while (await stream.next()) {
      const columns = new SampleColumns(64);
      stream.samples(columns);
      answer.set(latin1(stream.labels), columns);
    }
  } finally {
    stream.close();
  }
  return answer;
}
