// Where a partition goes on after its head, the group and the log have moved apart.
import type { PartitionLog } from '@weir/log';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { commitMetadata, findStart } from './start-position.ts';

interface Situation {
  readonly start: number;
  readonly end: number;
  readonly committed?: number;
  readonly committedTopicId?: string;
}

async function find(stored: number | undefined, situation: Situation) {
  const { start, end, committed, committedTopicId = 'topic' } = situation;
  // Of a log only what is asked here.
  const log = {
    topicId: 'topic',
    startOffset: async () => start,
    endOffset: async () => end,
    committed: async () =>
      committed === undefined
        ? undefined
        : { nextOffset: committed, metadata: commitMetadata(committedTopicId) },
  } as unknown as PartitionLog;
  let missed = 0;
  const parts = {
    log,
    logger: silentTelemetry().log,
    missed: (records: number) => {
      missed += records;
    },
  };
  return { ...(await findStart(0, 'group', stored, parts)), missed };
}

describe('the start position', () => {
  it('is behind the local head, though another owner has committed more', async () => {
    const found = await find(100, { start: 50, end: 500, committed: 400 });
    expect(found).toEqual({ from: 100, foreign: false, missed: 0 });
  });

  it('is the committed offset when the log no longer reaches back to the local head', async () => {
    const found = await find(100, { start: 300, end: 500, committed: 400 });
    expect(found).toEqual({ from: 400, foreign: false, missed: 0 });
  });

  it('is the committed offset without a local head, else the start of the log', async () => {
    expect(await find(undefined, { start: 300, end: 500, committed: 400 })).toMatchObject({
      from: 400,
      missed: 0,
    });
    expect(await find(undefined, { start: 300, end: 500 })).toMatchObject({ from: 300, missed: 0 });
  });

  it('tells how many records are lost when nothing reaches the start of the log', async () => {
    expect(await find(100, { start: 300, end: 500, committed: 250 })).toMatchObject({
      from: 300,
      missed: 50,
    });
    expect(await find(100, { start: 300, end: 500 })).toMatchObject({ from: 300, missed: 200 });
  });

  it('passes offsets of another log', async () => {
    const other = { start: 0, end: 500, committed: 400, committedTopicId: 'other' };
    expect(await find(undefined, other)).toMatchObject({ from: 0, missed: 0 });
    expect(await find(501, { start: 0, end: 500 })).toMatchObject({ foreign: true });
  });
});
