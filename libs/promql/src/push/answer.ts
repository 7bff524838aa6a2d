// A part of a plan answered where its series lie: rows of series in label order, or what groups have gathered.
// Native histograms are not taken: the answer then says that it is none, and the query reads the series itself.
import { WeirError } from '@weir/errors';
import type { LabelBytes } from '@weir/model';
import type { Clock } from '@weir/runtime';
import { type GatheredGroup, gatherGroups } from '../evaluate/aggregate.ts';
import { rankedRows } from '../evaluate/aggregate-ranked.ts';
import { dropsName } from '../evaluate/binary-rows.ts';
import { Context } from '../evaluate/context.ts';
import { Evaluator } from '../evaluate/evaluator.ts';
import { NAMING_LABELS } from '../evaluate/names.ts';
import { PartDeclined } from '../evaluate/part-declined.ts';
import { mapRows, type Row, type RowStream, SAME_LABELS, streamOf } from '../evaluate/rows.ts';
import type { AggregateNode, VectorNode } from '../plan/nodes.ts';
import type { Queryable, SeriesStream } from '../queryable.ts';
import { isFold, isRanked, nodeOf } from './part.ts';
import type { PlanPart } from './plan-part.ts';
import { Prints } from './prints.ts';
import type { PartMessage, RowBatch } from './row-batch.ts';

/** Rows of one message: about so many values. */
const BATCH_VALUES = 16_384;
const BATCH_ROWS_MAX = 1024;
/** Of the first message: most answers are small, and room for more is zeroed, and collected, for each. */
const BATCH_ROWS_FIRST = 32;
const BATCH_VALUES_FIRST = 1024;

export async function* answerPart(
  part: PlanPart,
  queryable: Queryable,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<PartMessage> {
  const node = nodeOf(part);
  const prints = part.prints ? new Prints() : undefined;
  const reading: Queryable = {
    select: async (request, within) => watched(await queryable.select(request, within), prints),
  };
  const keepsNames =
    isFold(node) && (node.without || !node.grouping.some((name) => NAMING_LABELS.includes(name)));
  const context = new Context(part.settings, '', {
    ...{ clock, queryable: reading, signal, keepsNames },
  });
  const evaluator = new Evaluator(context);
  try {
    if (isFold(node)) {
      const input = await evaluator.vector(node.input);
      const groups = await gatherGroups(keepsNames ? withoutTypes(node) : node, input, context);
      yield* groupBatches(groups, node.steps.count);
    } else if (isRanked(node)) {
      const input = withoutHistograms(await evaluator.vector(node.input));
      const rows = await rankedRows(node, input, await evaluator.scalar(node.param), context);
      yield* rowBatches(streamOf(rows, node.steps.count), context);
    } else yield* rowBatches(await evaluator.vector(node), context);
    if (prints !== undefined) yield { kind: 'prints', words: prints.words() };
    yield { kind: 'end', declined: false, notes: context.annotations.notes };
  } catch (error) {
    // Series of one owner that differ in nothing may be one that lies in two of its partitions.
    const isSame = error instanceof WeirError && error.message === SAME_LABELS;
    if (!(error instanceof PartDeclined || isSame)) throw error;
    yield { kind: 'end', declined: true, notes: [] };
  }
}

/** Names that the input would have dropped are grouped away: metric names by any grouping, types and units by this one. */
function withoutTypes(node: AggregateNode): AggregateNode {
  if (!node.without || !dropsNames(node.input)) return node;
  return { ...node, grouping: [...node.grouping, ...NAMING_LABELS] };
}

function dropsNames(node: VectorNode): boolean {
  switch (node.kind) {
    case 'window':
      return !node.keepName;
    case 'vector-scalar':
      return dropsName(node.op, node.returnBool) || dropsNames(node.vector);
    case 'select':
      return node.result !== 'value';
    default:
      return true;
  }
}

function withoutHistograms(input: RowStream): RowStream {
  return mapRows(input, ({ h }) => {
    if (h !== undefined) throw new PartDeclined('a native histogram');
    return true;
  });
}

/** Notes each series that has samples, also those of which no row comes. */
function watched(series: SeriesStream, prints: Prints | undefined): SeriesStream {
  if (prints === undefined) return series;
  const noted = (more: boolean) => {
    if (more) prints.add(series);
    return more;
  };
  return {
    get labels() {
      return series.labels;
    },
    get memo() {
      return series.memo;
    },
    get number() {
      return series.number;
    },
    next() {
      const more = series.next();
      return typeof more === 'boolean' ? noted(more) : more.then(noted);
    },
    samples: (out) => series.samples(out),
    histograms: (out) => {
      series.histograms?.(out);
    },
    close: () => series.close(),
  };
}

async function* rowBatches(input: RowStream, context: Context): AsyncGenerator<RowBatch> {
  const { row } = input;
  const steps = row.v.length;
  const capacity = Math.max(1, Math.min(BATCH_ROWS_MAX, Math.floor(BATCH_VALUES / steps)));
  const first = Math.min(capacity, BATCH_ROWS_FIRST, Math.ceil(BATCH_VALUES_FIRST / steps));
  let batch = new BatchWriter(first, steps, false, false);
  try {
    for (;;) {
      const next = input.next();
      if (!(typeof next === 'boolean' ? next : await next)) break;
      if (row.h !== undefined) throw new PartDeclined('a native histogram');
      batch.add(row.labels, row);
      if (batch.isFull) {
        yield batch.take();
        batch = new BatchWriter(capacity, steps, false, false);
      }
      const pause = context.pace();
      if (pause !== undefined) await pause;
    }
  } finally {
    input.close();
  }
  if (batch.count > 0) yield batch.take();
}

function* groupBatches(groups: readonly GatheredGroup[], steps: number): Generator<RowBatch> {
  const [first] = groups;
  if (first === undefined) return;
  const capacity = Math.max(1, Math.min(BATCH_ROWS_MAX, Math.floor(BATCH_VALUES / steps)));
  for (let from = 0; from < groups.length; from += capacity) {
    const some = groups.slice(from, from + capacity);
    const writer = new BatchWriter(
      some.length,
      steps,
      first.extra.length > 0,
      first.counts.length > 0,
    );
    for (const { row, extra, counts } of some) writer.add(row.labels, row, extra, counts);
    yield writer.take();
  }
}

class BatchWriter {
  readonly #capacity: number;
  readonly #steps: number;
  readonly #ends: Int32Array;
  readonly #v: Float64Array;
  readonly #p: Uint8Array;
  readonly #extra: Float64Array;
  readonly #counts: Float64Array;
  #labels = new Uint8Array(512);
  #size = 0;
  count = 0;

  constructor(capacity: number, steps: number, extra: boolean, counts: boolean) {
    this.#capacity = capacity;
    this.#steps = steps;
    this.#ends = new Int32Array(capacity);
    this.#v = new Float64Array(capacity * steps);
    this.#p = new Uint8Array(capacity * steps);
    this.#extra = new Float64Array(extra ? capacity * steps : 0);
    this.#counts = new Float64Array(counts ? capacity * steps : 0);
  }

  get isFull(): boolean {
    return this.count === this.#capacity;
  }

  add(labels: LabelBytes, { v, p }: Row, extra?: Float64Array, counts?: Float64Array): void {
    const at = this.count++;
    const from = at * this.#steps;
    this.#v.set(v, from);
    this.#p.set(p, from);
    if (extra !== undefined && extra.length > 0) this.#extra.set(extra, from);
    if (counts !== undefined && counts.length > 0) this.#counts.set(counts, from);
    while (this.#size + labels.length > this.#labels.length) {
      const grown = new Uint8Array(this.#labels.length * 2);
      grown.set(this.#labels);
      this.#labels = grown;
    }
    this.#labels.set(labels, this.#size);
    this.#size += labels.length;
    this.#ends[at] = this.#size;
  }

  take(): RowBatch {
    const values = this.count * this.#steps;
    return {
      kind: 'rows',
      count: this.count,
      steps: this.#steps,
      labels: this.#labels.subarray(0, this.#size),
      ends: this.#ends.subarray(0, this.count),
      v: this.#v.subarray(0, values),
      p: this.#p.subarray(0, values),
      extra: this.#extra.subarray(0, Math.min(values, this.#extra.length)),
      counts: this.#counts.subarray(0, Math.min(values, this.#counts.length)),
    };
  }
}
