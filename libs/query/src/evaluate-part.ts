// Parts of a query's plan evaluated where the series are: over the heads' own samples, or over heads and local
// blocks merged where a block has some of the time. What a head can't tell as plain floats is declined.
import { WeirError } from '@weir/errors';
import { type HeadSamples, type HeadSelect, NotPlain, type PartitionHead } from '@weir/head';
import { compareLabels } from '@weir/model';
import {
  answerPart,
  PartDeclined,
  type PartMessage,
  type Queryable,
  readsInOrder,
  type SelectRequest,
  type SeriesStream,
} from '@weir/promql';
import type { Clock } from '@weir/runtime';
import type { QueryBlockReader } from './block-catalog.ts';
import { mergeSources } from './queryable.ts';
import type { ReadRequest } from './read-port.ts';

export interface EvaluateParts {
  readonly heads: readonly Pick<PartitionHead, 'prepareOrder' | 'samples' | 'select'>[];
  /** Earlier offsets first. */
  readonly blocks: readonly QueryBlockReader[];
  readonly clock: Clock;
}

export function evaluatePart(
  { tenant, part }: ReadRequest,
  { heads, blocks, clock }: EvaluateParts,
  signal: AbortSignal,
): AsyncIterable<PartMessage> {
  if (part === undefined) throw new WeirError('invalid', 'a read without a part of a plan');
  const inOrder = readsInOrder(part);
  const queryable: Queryable = {
    async select(asked) {
      const select = headSelect(tenant, asked);
      // Samples of heads come without start timestamps, chunks with them.
      if (blocks.length === 0 && asked.startTimes !== true) {
        if (inOrder) await Promise.all(heads.map((head) => head.prepareOrder(select)));
        const streams = heads.map((head) => head.samples(select, inOrder));
        return new PlainSeries(streams, inOrder);
      }
      const sources = [
        ...blocks.map((block) => block.select(select)),
        ...heads.map((head) => head.select(select)),
      ];
      return mergeSources(asked, sources, false);
    },
  };
  return answerPart(part, queryable, { clock, signal });
}

/** Of one shape, whatever node of a plan asks: V8 makes code for shapes, again for each that comes. */
function headSelect(
  tenant: string,
  { matchers, minT, maxT, newestOnly = false }: SelectRequest,
): HeadSelect {
  return { tenant, matchers, minT, maxT, labelsOnly: false, newestOnly, activeOnly: false };
}

/** Series of several heads, which have none in common, one head after the other or merged by labels. */
class PlainSeries implements SeriesStream {
  readonly #streams: HeadSamples[];
  readonly #inOrder: boolean;
  #current: HeadSamples | undefined;
  #isStarted = false;

  constructor(streams: readonly HeadSamples[], inOrder: boolean) {
    this.#streams = [...streams];
    this.#inOrder = inOrder;
  }

  get labels() {
    return this.#current!.labels;
  }

  get memo() {
    return this.#current!.memo;
  }

  get number() {
    return this.#current!.number;
  }

  next(): boolean | Promise<boolean> {
    const alone = this.#streams.length === 1 ? this.#streams[0] : undefined;
    if (alone === undefined) return this.#nextOfSeveral();
    this.#current = alone;
    return moved(alone);
  }

  async #nextOfSeveral(): Promise<boolean> {
    if (!this.#inOrder) {
      for (let first = this.#streams[0]; first !== undefined; first = this.#streams[0]) {
        this.#current = first;
        if (await moved(first)) return true;
        this.#streams.shift();
      }
      return false;
    }
    const toMove = this.#isStarted ? [this.#current!] : [...this.#streams];
    this.#isStarted = true;
    for (const stream of toMove) {
      if (!(await moved(stream))) this.#streams.splice(this.#streams.indexOf(stream), 1);
    }
    this.#current = undefined;
    for (const stream of this.#streams) {
      const before = this.#current;
      if (before === undefined || compareLabels(stream.labels, before.labels) < 0) {
        this.#current = stream;
      }
    }
    return this.#current !== undefined;
  }

  samples(out: Parameters<SeriesStream['samples']>[0]): void {
    this.#current!.samples(out);
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }
}

function moved(stream: HeadSamples): boolean | Promise<boolean> {
  try {
    const more = stream.next();
    return typeof more === 'boolean' ? more : more.catch(declined);
  } catch (error) {
    return declined(error);
  }
}

function declined(error: unknown): never {
  if (error instanceof NotPlain) throw new PartDeclined(error.message);
  throw error;
}
