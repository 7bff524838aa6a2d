// Which failures are worth another attempt, how many, and until when.
import type { ErrorKind } from '@weir/errors';
import { beforeEach, describe, expect, it } from 'vitest';
import type { QueryAnswer, QueryRequest } from '../query-request.ts';
import { createRetryingExecutor } from './retrying-executor.ts';

let nowMs: number;
let asked: number;

beforeEach(() => {
  nowMs = 0;
  asked = 0;
});

const clock = {
  steadyMs: () => nowMs,
  async sleep(ms: number, signal?: AbortSignal) {
    signal?.throwIfAborted();
    nowMs += ms;
  },
};

/** Answers with these failures in turn, each after a time, then well. */
function ask(failures: readonly ErrorKind[], tookMs = 0, signal = new AbortController().signal) {
  const executor = {
    async execute(): Promise<QueryAnswer> {
      const failure = failures[asked++];
      nowMs += tookMs;
      const status = failure === undefined ? 200 : 503;
      return { status, headers: {}, body: new Uint8Array(0), ...(failure && { failure }) };
    },
    close: async () => {},
  };
  return createRetryingExecutor({ executor, clock }).execute({} as QueryRequest, signal);
}

describe('a query', () => {
  it('is asked again when an owner did not answer', async () => {
    expect((await ask(['unavailable', 'fenced', 'closed'])).status).toBe(200);
    expect(asked).toBe(4);
    expect(nowMs).toBe(1000);
  });

  it('fails when nobody answers in four attempts', async () => {
    const all = Array.from({ length: 9 }, () => 'unavailable' as const);
    expect((await ask(all)).status).toBe(503);
    expect(asked).toBe(4);
  });

  it('is not asked again when it is wrong, too large, or has waited in vain', async () => {
    for (const kind of ['invalid', 'limited', 'timeout', 'internal', 'corrupt'] as const) {
      asked = 0;
      expect((await ask([kind])).failure).toBe(kind);
      expect(asked).toBe(1);
    }
  });

  it('is not asked again after 30 s, nor when nobody waits any more', async () => {
    expect((await ask(['unavailable'], 30_001)).status).toBe(503);
    expect(asked).toBe(1);
    asked = 0;
    const gone = new AbortController();
    gone.abort(new Error('gone'));
    await expect(ask(['unavailable', 'unavailable'], 0, gone.signal)).rejects.toThrow('gone');
  });
});
