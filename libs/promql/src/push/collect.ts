// Answers to a part of a plan put together: rows of several owners merged in label order, groups added up.
// Each series lies with one owner; where prints say otherwise, or an owner declines, PartDeclined is thrown. Prints come
// last, so that rows of equal labels, which follow each other, are found here: who takes them would call them an error.
import { compareLabels, equalLabels } from '@weir/model';
import { mergeGroups } from '../evaluate/aggregate.ts';
import type { Context } from '../evaluate/context.ts';
import { PartDeclined } from '../evaluate/part-declined.ts';
import { Row, type RowStream, streamOf } from '../evaluate/rows.ts';
import type { AggregateNode } from '../plan/nodes.ts';
import { PrintSet } from './prints.ts';
import type { PartMessage, RowBatch } from './row-batch.ts';

export type PartAnswers = readonly AsyncIterable<PartMessage>[];

const IN_TWO_PLACES = 'a series lies in two places';

/** What is in an answer beside its rows. */
class Remarks {
  readonly #context: Context;
  readonly #prints = new PrintSet();

  constructor(context: Context) {
    this.#context = context;
  }

  take(message: Exclude<PartMessage, RowBatch>): void {
    if (message.kind === 'prints') {
      if (!this.#prints.addAll(message.words)) throw new PartDeclined(IN_TWO_PLACES);
    } else {
      if (message.declined) throw new PartDeclined('an owner declined');
      this.#context.annotations.replay(message.notes);
    }
  }
}

export async function collectGroups(
  answers: PartAnswers,
  node: AggregateNode,
  context: Context,
): Promise<RowStream> {
  const remarks = new Remarks(context);
  const batches: RowBatch[] = [];
  const takeAll = async (answer: AsyncIterable<PartMessage>) => {
    for await (const message of answer) {
      if (message.kind === 'rows') batches.push(message);
      else remarks.take(message);
    }
  };
  await allOf(answers, takeAll);
  context.check();
  const rows = mergeGroups(node, batches, context);
  return streamOf(rows, node.steps.count);
}

/** Waits for all; the first error wins and the others are left. */
async function allOf<Item>(items: readonly Item[], run: (item: Item) => Promise<void>) {
  await Promise.all(items.map(run));
}

class RowCursor {
  readonly #messages: AsyncIterator<PartMessage>;
  readonly #remarks: Remarks;
  batch: RowBatch | undefined;
  at = 0;

  constructor(answer: AsyncIterable<PartMessage>, remarks: Remarks) {
    this.#messages = answer[Symbol.asyncIterator]();
    this.#remarks = remarks;
  }

  /** Labels of the row it stands on; only while there is a batch. */
  get labels(): Uint8Array {
    const { labels, ends } = this.batch!;
    return labels.subarray(this.at === 0 ? 0 : ends[this.at - 1]!, ends[this.at]!);
  }

  /** True where the next row is in hand. */
  step(): boolean {
    return this.batch !== undefined && ++this.at < this.batch.count;
  }

  async read(): Promise<void> {
    this.batch = undefined;
    this.at = 0;
    for (;;) {
      const { done, value } = await this.#messages.next();
      if (done) return;
      if (value.kind !== 'rows') this.#remarks.take(value);
      else if (value.count > 0) {
        this.batch = value;
        return;
      }
    }
  }

  close(): void {
    this.#messages.return?.().catch(() => {});
  }
}

export function collectRows(answers: PartAnswers, steps: number, context: Context): RowStream {
  const remarks = new Remarks(context);
  const cursors = answers.map((answer) => new RowCursor(answer, remarks));
  const row = new Row(steps);
  let current: RowCursor | undefined;
  let started = false;
  /** Labels of the row before. */
  let before: Uint8Array | undefined;

  const pick = (): boolean => {
    current = undefined;
    for (const cursor of cursors) {
      if (cursor.batch === undefined) continue;
      if (current === undefined || compareLabels(cursor.labels, current.labels) < 0) {
        current = cursor;
      }
    }
    if (current === undefined) return false;
    const { batch, at } = current;
    row.labels = current.labels;
    if (before && equalLabels(before, row.labels)) throw new PartDeclined(IN_TWO_PLACES);
    before = row.labels;
    row.dropName = false;
    row.h = undefined;
    row.v.set(batch!.v.subarray(at * steps, (at + 1) * steps));
    row.p.set(batch!.p.subarray(at * steps, (at + 1) * steps));
    return true;
  };

  const close = () => {
    for (const cursor of cursors) cursor.close();
  };

  return {
    row,
    next() {
      if (!started) {
        started = true;
        return allOf(cursors, (cursor) => cursor.read()).then(pick);
      }
      if (current === undefined) return false;
      if (current.step()) return pick();
      // A view of what the next read may write over.
      before = before?.slice();
      return current.read().then(pick);
    },
    close,
  };
}
