// The commands that change something: look, refuse or do all of it, and then wait, telling how far it is, until the
// cluster has come there.
import { toWeirError, WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { ClusterApi } from './cluster-api.ts';
import type { ClusterState, PartitionStatus } from './cluster-state.ts';
import { lagRecords, warnings } from './partition-table.ts';
import { planDrain, planLock, planScale } from './plans.ts';
import type { Screen } from './screen.ts';

const POLL_MS = 1_000;

export interface ChangeParts {
  readonly api: ClusterApi;
  readonly screen: Screen;
  readonly clock: Pick<Clock, 'sleep' | 'steadyMs'>;
  readonly signal: AbortSignal;
}

/** What is left to wait for; undefined when it has come about. */
type Remaining = (state: ClusterState) => string | undefined;

export async function scale(to: number, waitMs: number, parts: ChangeParts): Promise<void> {
  const { api, screen } = parts;
  const { activate, deactivate, refusals } = planScale(await api.state({ brief: true }), to);
  refuse(refusals);
  if (activate.length + deactivate.length === 0) {
    screen.line(`already ${to} partitions are written`);
    return;
  }
  // First those to be written: at no moment there are fewer than before or after.
  const changes = [
    ...activate.map((id) => [id, 'PartitionActive'] as const),
    ...deactivate.map((id) => [id, 'PartitionInactive'] as const),
  ];
  for (const [done, [id, state]] of changes.entries()) {
    await changeState(api, id, state).catch((error: unknown) => {
      throw halfDone(error, id, done, changes.length);
    });
  }
  screen.line(
    `${activate.length} partitions are written from now on, ${deactivate.length} are no longer; those are read until their data is in the bucket`,
  );
  const wanted = new Set(activate);
  await wait(waitMs, parts, ({ partitions }) => {
    const left = partitions.filter(({ id, state }) => wanted.has(id) && state !== 'ACTIVE');
    return left.length === 0 ? undefined : `${left.length} partitions are not written yet`;
  });
  for (const warning of warnings(await api.state({ brief: true }))) screen.line(warning);
}

/** Doing it again does what is left. */
function halfDone(error: unknown, id: number, done: number, all: number): WeirError {
  const { kind, message } = toWeirError(error);
  const soFar = `${done} of ${all} partitions were changed, then partition ${id} failed`;
  return new WeirError(kind, `${soFar}: ${message}\nthe same command does what is left`);
}

async function changeState(api: ClusterApi, id: number, state: string): Promise<void> {
  await api.change({ action: 'change_state', partition_id: String(id), partition_state: state });
}

export async function lock(
  partitions: readonly number[],
  locked: boolean,
  { api, screen }: ChangeParts,
): Promise<void> {
  refuse(planLock(await api.state({ brief: true }), partitions));
  for (const id of partitions) {
    const fields = { action: 'state_change_lock', partition_id: String(id) };
    await api.change({ ...fields, locked: String(locked) });
    screen.line(`partition ${id} is ${locked ? 'locked' : 'unlocked'}`);
  }
}

export async function drain(instance: string, waitMs: number, parts: ChangeParts): Promise<void> {
  const { api, screen } = parts;
  const state = await api.state({ brief: true });
  refuse(planDrain(state, instance));
  const leaver = state.ingesters.find(({ id }) => id === instance)!;
  await api.drain(leaver.address, false);
  screen.line(`${instance} drains: its partitions are not written until others have them`);
  const heirs = state.ingesters.some(
    (one) => one.id !== instance && one.zone === leaver.zone && one.healthy && !one.draining,
  );
  if (!heirs) {
    screen.line(
      `nobody else in its zone takes over: its partitions stay INACTIVE, and other zones answer for them`,
    );
    return;
  }
  const all = ownedBy(state, instance).length;
  await wait(waitMs, parts, (now) => remainingOf(now, instance, all));
  if (waitMs > 0) screen.line(`${instance} owns nothing any more, and can be stopped`);
}

export async function undrain(instance: string, { api, screen }: ChangeParts): Promise<void> {
  const { ingesters } = await api.state({ brief: true });
  const found = ingesters.find(({ id }) => id === instance);
  if (found === undefined) refuse([`there is no ingester ${instance}`]);
  await api.drain(found!.address, true);
  screen.line(`${instance} stays, and takes its share of partitions again`);
}

function remainingOf(state: ClusterState, instance: string, all: number): string | undefined {
  const left = state.partitions.filter(
    (one) => one.drainedFor === instance || one.owners.some((owner) => owner.instance === instance),
  );
  if (left.length === 0) return undefined;
  const moving = left.find(({ owners }) => owners.some(({ instance: by }) => by !== instance));
  const how = moving === undefined ? '' : `; ${catchingUp(moving, instance)}`;
  return `${Math.max(0, all - left.length)} of ${all} partitions are with others${how}`;
}

function catchingUp(partition: PartitionStatus, leaver: string): string {
  const heir = partition.owners.find(({ instance }) => instance !== leaver)!;
  const lag = lagRecords(partition, heir);
  const left = lag === undefined ? '' : ` (${lag} records to go)`;
  return `partition ${partition.id} at ${heir.instance}${left}`;
}

function ownedBy({ partitions }: ClusterState, instance: string): PartitionStatus[] {
  return partitions.filter(({ owners }) => owners.some((one) => one.instance === instance));
}

/** Throws `unavailable` when it takes too long: what was asked for goes on. */
async function wait(
  waitMs: number,
  { api, screen, clock, signal }: ChangeParts,
  remaining: Remaining,
): Promise<void> {
  const deadlineMs = clock.steadyMs() + waitMs;
  for (;;) {
    if (waitMs === 0) return;
    const left = await api.state({ brief: true }).then(remaining, (error: unknown) => {
      // A process that restarts is asked again.
      return `no answer: ${error instanceof Error ? error.message : error}`;
    });
    if (left === undefined) return;
    screen.progress(left);
    if (clock.steadyMs() >= deadlineMs) {
      throw new WeirError(
        'unavailable',
        `not there after ${waitMs / 1000} s, and going on: ${left}`,
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** Throws `invalid` with every reason there is. */
function refuse(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  const lines = reasons.map((reason) => `- ${reason}`);
  throw new WeirError('invalid', `refused, and nothing was changed:\n${lines.join('\n')}`);
}
