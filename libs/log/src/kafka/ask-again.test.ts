// What is asked again while brokers change, and for how long.
import { describe, expect, it } from 'vitest';
import { askAgain } from './ask-again.ts';
import { CODE, kafkaError } from './driver.ts';

let nowMs = 0;
const clock = {
  steadyMs: () => nowMs,
  sleep: async (ms: number) => {
    nowMs += ms;
  },
};

/** Fails with these codes in turn, each after a time. */
function failing(codes: readonly number[], tookMs = 0) {
  let asked = 0;
  const answer = askAgain(clock, async () => {
    nowMs += tookMs;
    const code = codes[asked++];
    if (code !== undefined) throw kafkaError('asking', { code, message: `code ${code}` });
    return 'answer';
  });
  return { answer, asked: () => asked };
}

describe('a question to brokers', () => {
  it('is asked again while a broker, a leader or a coordinator is only being replaced', async () => {
    const codes = [
      ...[CODE.unknownTopic, CODE.leaderNotAvailable, CODE.notLeader, CODE.timedOut],
      ...[CODE.transport, CODE.notCoordinator, CODE.coordinatorLoading],
    ];
    expect(await failing(codes).answer).toBe('answer');
  });

  it('is asked for 20 s, which is longer than brokers need', async () => {
    const timedOut = Array.from({ length: 100 }, () => CODE.timedOut);
    const { answer, asked } = failing(timedOut, 1_900);
    await expect(answer).rejects.toMatchObject({ kind: 'unavailable' });
    expect(asked()).toBe(11);
  });

  it('is asked once where time does not help', async () => {
    for (const code of [CODE.topicForbidden, CODE.fatal]) {
      const { answer, asked } = failing([code]);
      await expect(answer).rejects.toThrow(`code ${code}`);
      expect(asked()).toBe(1);
    }
    const broken = askAgain(clock, () => Promise.reject(new Error('not of the client')));
    await expect(broken).rejects.toThrow('not of the client');
  });
});
