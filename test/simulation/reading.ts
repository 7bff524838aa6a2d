// Reads through a front node as a querier does it, and what such a read must have seen by then.
import { isKind } from '@weir/errors';
import { createMatcher } from '@weir/model';
import {
  createExemplarReader,
  createMetadataReader,
  createQueryable,
  demandOf,
  type OwnerDirectory,
} from '@weir/query';
import { type AnswerSeries, readSeries } from './answer-series.ts';
import { type Answer, checkAnswer, type ReadScope } from './checks/answers.ts';
import { checkExemplars, checkMetadata } from './checks/extras.ts';
import { latin1 } from './checks/shipping.ts';
import type { FrontNode } from './nodes.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/** Records must be applied within this, when nothing is broken. */
const LAG_MS = 120_000;
const STRONG_PATIENCE_MS = 120_000;
const READ_PATIENCE_MS = 200_000;
const AGAIN_PAUSES_MS = [0, 200, 800];
/** A read that reaches so far asks for everything. */
export const ALL_T = 1e15;

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
    const scope = { ...range, purpose, visibleBelow };
    if (!(await read(world, front, owners, scope))) return false;
    if (purpose === 'strong' && range.maxT < ALL_T) return true;
    return await readExtras(world, front, owners, scope, patience.signal);
  } catch (error) {
    if (error instanceof Violation) throw error;
    return world.readFailed(error);
  } finally {
    timer.cancel();
  }
}

/** Exemplars and metadata, which heads alone have. */
async function readExtras(
  world: World,
  front: FrontNode,
  owners: OwnerDirectory,
  scope: ReadScope,
  signal: AbortSignal,
): Promise<boolean> {
  const { tenant } = scope;
  const [minT, maxT] = [0, ALL_T];
  const exemplars = createExemplarReader({ tenant }, { owners });
  const request = { matcherSets: [ANY], minT, maxT };
  const asked = askedAgain(world, front, () => exemplars.exemplars(request, signal));
  const found = await patiently(signal, asked);
  checkExemplars(world, scope, found);
  const { catalog } = front;
  const metadata = createMetadataReader({ tenant }, { owners, catalog });
  const told = askedAgain(world, front, () => metadata.metadata(signal));
  checkMetadata(world, scope, await patiently(signal, told));
  world.coverage.note('exemplars and metadata read');
  return true;
}

/** Else a reader whose process died would wait for ever. */
async function patiently<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  late.catch(() => undefined);
  return Promise.race([work, late]);
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
    const collected = askedAgain(world, front, () =>
      collect(queryable.select({ matchers: ANY, minT, maxT }, patience.signal), scope),
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

/** As queries are (retrying-executor.ts), since owners that do not answer are passed over then. */
async function askedAgain<T>(world: World, front: FrontNode, ask: () => Promise<T>): Promise<T> {
  for (const pauseMs of AGAIN_PAUSES_MS) {
    try {
      return await ask();
    } catch (error) {
      if (!isKind(error, 'unavailable')) throw error;
      world.coverage.note('read asked again');
      if (pauseMs > 0) await front.process.clock.sleep(pauseMs);
    }
  }
  return ask();
}

type Stream = ReturnType<ReturnType<typeof createQueryable>['select']>;

async function collect(opening: Stream, { minT, maxT }: ReadScope): Promise<Answer> {
  const stream = await opening;
  const answer = new Map<string, AnswerSeries>();
  try {
    while (await stream.next()) {
      answer.set(latin1(stream.labels), readSeries(stream.chunks, minT, maxT));
    }
  } finally {
    stream.close();
  }
  return answer;
}
