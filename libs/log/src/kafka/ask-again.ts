// Questions to brokers while these change: one died, a leader or a coordinator moves, a topic was only just
// created. The client answers with an error at once, or after its time-out; some seconds later somebody else
// answers. So each attempt is short, and repeated for longer than brokers take to replace one of theirs.
import type { Clock } from '@weir/runtime';
import { CODE, codeOf } from './driver.ts';

/** One attempt. A thread of the process waits meanwhile, so attempts are also few at once. */
export const ATTEMPT_MS = 2_000;
/** A broker that died is missed after 9 s, as brokers are configured by default; then leaders move. */
const WITHIN_MS = 20_000;
const PAUSE_MS = 100;

/** Of the protocol, what passes when leaders and metadata have settled. The client's own codes are negative. */
const PASSING = new Set<number>([
  ...[CODE.unknownTopic, CODE.leaderNotAvailable, CODE.notLeader, CODE.requestTimedOut],
  ...[CODE.brokerNotAvailable, CODE.replicaNotAvailable, CODE.network],
  ...[CODE.coordinatorLoading, CODE.coordinatorNotAvailable, CODE.notCoordinator],
  ...[CODE.fencedLeaderEpoch, CODE.unknownLeaderEpoch, CODE.offsetNotAvailable],
]);

function passes(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (PASSING.has(code) || (code < 0 && code !== CODE.fatal));
}

/** Asks until somebody answers; rejects with the last error when nobody does, or when time won't help. */
export async function askAgain<Answer>(
  clock: Pick<Clock, 'steadyMs' | 'sleep'>,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const deadlineMs = clock.steadyMs() + WITHIN_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!passes(error) || clock.steadyMs() >= deadlineMs) throw error;
      await clock.sleep(PAUSE_MS);
    }
  }
}
